"""What /metrics says about the comparison with Alertmanager. The label is a name of the configuration."""

from collections.abc import Callable, Iterator

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from alert_webhook.config import Config
from alert_webhook.errors import StoreUnavailableError
from alert_webhook.store import reconciled
from alert_webhook.store.database import Store


class ReconcileGauges(Collector):
    """Asked of the database at scrape time, so that every replica tells the same; absent while it is away."""

    def __init__(self, store: Store, settings: Callable[[], Config]) -> None:
        self._store = store
        self._settings = settings

    def collect(self) -> Iterator[Metric]:
        """Return the gauge as it is now."""
        wanted = [name for name, each in self._settings().integrations.items() if each.alertmanager is not None]
        if not wanted:
            return
        try:
            now, known = self._store.read(lambda tx: (tx.now, reconciled.standings(tx)))
        except StoreUnavailableError:
            return
        succeeded = {each.integration: each.succeeded_at for each in known}
        age = GaugeMetricFamily(
            "heronwatch_webhook_reconcile_age_seconds",
            "How long ago an integration was last compared with its Alertmanager; endless before the first time.",
            labels=("integration",),
        )
        for name in wanted:
            at = succeeded.get(name)
            age.add_metric((name,), float("inf") if at is None else now - at)
        yield age

    def describe(self) -> list[Metric]:
        """Return nothing: registering must not ask the database."""
        return []
