"""The webhook's own metrics: counted as things happen, or asked of the database at scrape time."""

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from alert_webhook.errors import StoreUnavailableError
from alert_webhook.store.counts import Counts, counts
from alert_webhook.store.database import Store

COMMIT_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
DELIVERY_BUCKETS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 60.0)


class Meters:
    """The counters. None has a label that an alert could fill."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Counter(
            "heronwatch_webhook_intake_requests_total",
            "Requests to the intake by answer; integration is empty for names that are not configured.",
            ("integration", "code"),
            registry=registry,
        )
        self.received = Counter(
            "heronwatch_webhook_alerts_received_total",
            "Alerts committed, by what the sender said of them.",
            ("integration", "status"),
            registry=registry,
        )
        self.stale = Counter(
            "heronwatch_webhook_alerts_stale_total",
            "Alerts said to fire that had ended already: old news from a lagging peer.",
            ("integration",),
            registry=registry,
        )
        self.truncated = Counter(
            "heronwatch_webhook_alerts_truncated_total",
            "Alerts that the sender left out of its bodies (max_alerts; set it to 0).",
            ("integration",),
            registry=registry,
        )
        self.quarantined = Counter(
            "heronwatch_webhook_alerts_quarantined_total",
            "Alerts, and whole bodies, that could not be read.",
            ("integration", "reason"),
            registry=registry,
        )
        self._notifications = Counter(
            "heronwatch_webhook_notifications_total",
            "Attempts to send a message, by how they ended: accepted, retry, permanent, unknown.",
            ("channel", "outcome"),
            registry=registry,
        )
        self._delivery = Histogram(
            "heronwatch_webhook_delivery_seconds",
            "How long providers took to answer.",
            ("channel",),
            buckets=DELIVERY_BUCKETS,
            registry=registry,
        )
        self.commit = Histogram(
            "heronwatch_webhook_db_commit_seconds",
            "How long commits took.",
            buckets=COMMIT_BUCKETS,
            registry=registry,
        )
        self.engine_failures = Counter(
            "heronwatch_webhook_engine_failures_total",
            "Turns of the engine that failed, by reason: database, schema, internal.",
            ("reason",),
            registry=registry,
        )
        self.engine_turn = Gauge(
            "heronwatch_webhook_engine_last_turn_timestamp_seconds",
            "When the engine last finished a turn, Unix time.",
            registry=registry,
        )

    def delivered(self, channel: str, outcome: str, seconds: float) -> None:
        """Count one attempt."""
        self._notifications.labels(channel or "none", outcome).inc()
        self._delivery.labels(channel or "none").observe(seconds)


class StoreGauges(Collector):
    """The gauges that are asked of the database; while it is away they are absent, and `up` of it is 0."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def collect(self) -> Iterator[Metric]:
        """Return the gauges as they are now."""
        found = self._ask()
        up = GaugeMetricFamily("heronwatch_webhook_db_up", "1 while the database answers.")
        up.add_metric((), 0.0 if found is None else 1.0)
        yield up
        if found is not None:
            yield from _families(found)

    def describe(self) -> list[Metric]:
        """Return nothing: registering must not ask the database."""
        return []

    def _ask(self) -> Counts | None:
        try:
            return self._store.read(counts)
        except StoreUnavailableError:
            return None


SINGLE: tuple[tuple[str, str, Callable[[Counts], float]], ...] = (
    ("outbox_pending", "Messages that wait or are being sent.", lambda found: float(found.outbox_pending)),
    ("oldest_due_seconds", "How long the oldest due message has waited.", lambda found: found.oldest_due_s),
    ("timers_overdue_seconds", "How late the most overdue step is.", lambda found: found.timers_overdue_s),
)


def _families(found: Counts) -> Iterator[Metric]:
    incidents = GaugeMetricFamily("heronwatch_webhook_incidents", "Open incidents by state.", labels=("state",))
    for state, number in found.incidents.items():
        incidents.add_metric((state,), float(number))
    yield incidents
    for name, text, value in SINGLE:
        yield GaugeMetricFamily(f"heronwatch_webhook_{name}", text, value=value(found))
