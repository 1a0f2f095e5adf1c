"""What /metrics says about messages after they were sent. Labels are channels of the configuration."""

from collections.abc import Callable, Iterator, Mapping

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from alert_webhook.config import Config
from alert_webhook.delivery.round import HOPELESS_FOR_S
from alert_webhook.errors import StoreUnavailableError
from alert_webhook.store import hopeless, tracked
from alert_webhook.store.database import Store

UNCONFIRMED_AFTER_S = 300.0  # long enough for any carrier that works


class ChannelGauges(Collector):
    """Asked of the database at scrape time; absent while it is away."""

    def __init__(self, store: Store, settings: Callable[[], Config]) -> None:
        self._store = store
        self._settings = settings

    def collect(self) -> Iterator[Metric]:
        """Return the gauges as they are now."""
        try:
            unconfirmed = self._store.read(lambda tx: tracked.unconfirmed(tx, tx.now - UNCONFIRMED_AFTER_S))
            given_up = self._store.read(lambda tx: hopeless.counts(tx, since=tx.now - HOPELESS_FOR_S))
        except StoreUnavailableError:
            return
        yield self._family(
            "heronwatch_webhook_messages_unconfirmed",
            "Messages whose provider has not said for more than 5 minutes whether they arrived.",
            unconfirmed,
        )
        yield self._family(
            "heronwatch_webhook_hopeless_addresses", "Addresses that their provider called hopeless.", given_up
        )

    def describe(self) -> list[Metric]:
        """Return nothing: registering must not ask the database."""
        return []

    def _family(self, name: str, text: str, counted: Mapping[str, int]) -> Metric:
        family = GaugeMetricFamily(name, text, labels=("channel",))
        for channel in self._settings().channels:
            family.add_metric((channel,), float(counted.get(channel, 0)))
        return family
