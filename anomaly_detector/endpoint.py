"""A server and how to be let in: the part of the configuration that reader, receivers and marks share."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated

import msgspec

from heronwatch.secrets import Secret
from heronwatch.values import Duration, HttpUrl

HEADER_NAME = r"^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$"
Faults = Iterable[tuple[str, str]]


class Struct(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every block of the configuration is."""


class BasicAuth(Struct, frozen=True, kw_only=True):
    """User and password."""

    username: str
    password: Secret


class TlsConfig(Struct, frozen=True, kw_only=True):
    """How to check the server and, with a certificate, how to show who we are (PEM files)."""

    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    insecure_skip_verify: bool = False

    def config_faults(self) -> Faults:
        """A certificate and its key come together."""
        if (self.cert_file is None) != (self.key_file is None):
            yield ("cert_file" if self.cert_file is None else "key_file"), "missing: cert_file and key_file go together"


class Endpoint(Struct, frozen=True, kw_only=True):
    """A server that speaks Prometheus' HTTP API, and how to be let in.

    `tenant_id` is sent as X-Scope-OrgID; `timeout` limits each whole exchange.
    """

    datasource_url: HttpUrl
    basic_auth: BasicAuth | None = None
    bearer_token: Secret | None = None
    tls_config: TlsConfig | None = None
    headers: Mapping[Annotated[str, msgspec.Meta(pattern=HEADER_NAME)], Secret] = {}
    tenant_id: str = ""
    timeout: Duration = Duration(30)

    def config_faults(self) -> Faults:
        """One way to authenticate, and a time-out that can be kept."""
        if self.basic_auth is not None and self.bearer_token is not None:
            yield "bearer_token", "basic_auth is set as well: keep one of them"
        if not 0.1 <= self.timeout <= 600:
            yield "timeout", f"{self.timeout} is not between 100ms and 10m"
        basic, token = self.basic_auth, self.bearer_token
        sent = {f"headers.{name}": value.reveal() for name, value in self.headers.items()} | {
            "bearer_token": token.reveal() if token else "",
            "basic_auth.username": basic.username if basic else "",
            "basic_auth.password": basic.password.reveal() if basic else "",
            "tenant_id": self.tenant_id,
        }
        for name, text in sent.items():
            if not text.isprintable():
                yield name, "holds a control character, such as the end of a line"
            elif not text.isascii() and not name.startswith("basic_auth."):
                yield name, "holds a character beyond ASCII, which no header takes"
