"""The blocks of the configuration that the pages use: where series are read, and who is told of false alarms."""

from pathlib import Path

from msgspec import field

from alert_webhook.config_block import Block, Faults
from heronwatch.secrets import Secret
from heronwatch.values import Duration, HttpUrl

MAX_EXPRESSION = 4000


class PeerBlock(Block, frozen=True, kw_only=True):
    """A service of our own site: its address and how we prove who we are."""

    url: HttpUrl
    user: str = ""
    password: Secret | None = None
    bearer_token: Secret | None = None
    ca_file: Path | None = None
    timeout: Duration = Duration(3)

    def config_faults(self) -> Faults:
        """One way to prove who we are, and a time-out that a page can wait for."""
        if bool(self.user) != (self.password is not None):
            yield "user" if self.user else "password", "user and password go together"
        if self.bearer_token is not None and self.user:
            yield "bearer_token", "give either user and password or bearer_token"
        if not 0.1 <= self.timeout <= 10.0:
            yield "timeout", f"expected 100ms to 10s, found {self.timeout}"


class PrometheusBlock(PeerBlock, frozen=True, kw_only=True):
    """The Prometheus API that charts are drawn from.

    `series` says what the detector's queries read, by their alias: PromQL. An alert of another rule needs no entry: its
    generatorURL carries the rule's expression.
    """

    span: Duration = Duration(3 * 3600)
    series: dict[str, str] = field(default_factory=dict)

    def config_faults(self) -> Faults:
        """Return what is wrong with the peer, the span and the expressions."""
        yield from super().config_faults()
        if not 600 <= self.span <= 7 * 86_400:
            yield "span", f"expected 10m to 7d, found {self.span}"
        for alias, expression in self.series.items():
            if not expression.strip() or len(expression) > MAX_EXPRESSION:
                yield f"series.{alias}", f"expected an expression of at most {MAX_EXPRESSION} characters"


class DetectorBlock(PeerBlock, frozen=True, kw_only=True):
    """The anomaly detector that is told of false alarms.

    `labels_left_out` are those that alert rules add and the detector's series do not have.
    """

    labels_left_out: tuple[str, ...] = ("alertname", "severity", "team", "domain", "scope")
