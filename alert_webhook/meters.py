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
        self._add_intake(registry)
        self._add_unreadable(registry)
        self._add_delivery(registry)
        self._add_engine(registry)

    def _add_intake(self, registry: CollectorRegistry) -> None:
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
        self.unlisted_severity = Counter(
            "heronwatch_webhook_alerts_unlisted_severity_total",
            "Alerts whose severity is not one of `severities`: they count as `default_severity`.",
            ("integration",),
            registry=registry,
        )
        self.truncated = Counter(
            "heronwatch_webhook_alerts_truncated_total",
            "Alerts that the sender left out of its bodies (max_alerts; set it to 0).",
            ("integration",),
            registry=registry,
        )

    def _add_unreadable(self, registry: CollectorRegistry) -> None:
        self.quarantined = Counter(
            "heronwatch_webhook_alerts_quarantined_total",
            "Alerts, and whole bodies, that could not be read.",
            ("integration", "reason"),
            registry=registry,
        )
        self.oversized = Counter(
            "heronwatch_webhook_intake_oversized_total",
            "Bodies larger than max_body: completed (by Alertmanager's API), again (it did not answer), refused (413).",
            ("integration", "outcome"),
            registry=registry,
        )

    def _add_delivery(self, registry: CollectorRegistry) -> None:
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
        self._callbacks_refused = Counter(
            "heronwatch_webhook_callbacks_refused_total",
            "Callbacks that were not believed: unsigned, forged or too old; channel is empty for names without one.",
            ("channel",),
            registry=registry,
        )
        self._templates_failed = Counter(
            "heronwatch_webhook_template_failures_total",
            "Messages sent in our own words because a template failed: error, slow, long, empty, link.",
            ("channel", "reason"),
            registry=registry,
        )

    def _add_engine(self, registry: CollectorRegistry) -> None:
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
        self.engine_outdated = Gauge(
            "heronwatch_webhook_engine_outdated",
            "1 while a newer release owns the database: this process accepts alerts, and escalates and sends nothing.",
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

    def template_failed(self, channel: str, reason: str) -> None:
        """Count a template that failed."""
        self._templates_failed.labels(channel, reason).inc()

    def callback_refused(self, channel: str) -> None:
        """Count a callback that was not believed; `channel` is one of the configuration, "" for any other name."""
        self._callbacks_refused.labels(channel).inc()


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
