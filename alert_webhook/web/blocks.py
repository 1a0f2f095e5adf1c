"""The blocks of the configuration that the pages use: where series are read, and who is told of false alarms."""

from msgspec import field

from alert_webhook.config_block import Faults
from alert_webhook.peer_blocks import PeerBlock
from heronwatch.values import Duration

MAX_EXPRESSION = 4000


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
