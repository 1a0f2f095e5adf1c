"""How a service of our own site is asked: the words that every such block of the configuration has."""

from pathlib import Path

from alert_webhook.config_block import Block, Faults
from heronwatch.secrets import Secret
from heronwatch.values import Duration, HttpUrl


class Access(Block, frozen=True, kw_only=True):
    """How we prove who we are, what we trust, and how long we wait."""

    user: str = ""
    password: Secret | None = None
    bearer_token: Secret | None = None
    ca_file: Path | None = None
    timeout: Duration = Duration(3)

    def config_faults(self) -> Faults:
        """One way to prove who we are, and a time-out that others can wait for."""
        if bool(self.user) != (self.password is not None):
            yield "user" if self.user else "password", "user and password go together"
        if self.bearer_token is not None and self.user:
            yield "bearer_token", "give either user and password or bearer_token"
        if not 0.1 <= self.timeout <= 10.0:
            yield "timeout", f"expected 100ms to 10s, found {self.timeout}"


class PeerBlock(Access, frozen=True, kw_only=True):
    """One service: its address, and how we may ask it."""

    url: HttpUrl
