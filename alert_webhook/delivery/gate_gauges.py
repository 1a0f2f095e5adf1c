"""The breakers of this process as metrics."""

from collections.abc import Callable, Iterator

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from alert_webhook.delivery.gate import LiveGate


class BreakerGauges(Collector):
    """One gauge for each configured channel."""

    def __init__(self, gate: LiveGate, now: Callable[[], float]) -> None:
        self._gate = gate
        self._now = now

    def collect(self) -> Iterator[Metric]:
        """Return the breakers as they stand."""
        family = GaugeMetricFamily(
            "heronwatch_webhook_provider_breaker_state",
            "Whether a provider is left in peace: 0 closed (it works), 1 half-open (one try decides), 2 open.",
            labels=("channel",),
        )
        for channel, position in self._gate.states(self._now()).items():
            family.add_metric((channel,), float(position))
        yield family

    def describe(self) -> list[Metric]:
        """Return nothing: registering asks no configuration."""
        return []
