"""The metrics: their names are a contract, their labels bounded."""

from pathlib import Path

from prometheus_client import CollectorRegistry

from alert_webhook.meters import Meters, StoreGauges
from alert_webhook.store.opening import open_store, sqlite_engine
from tests.fakes.clock import FakeClock
from tests.fakes.webhook_stack import Stack

LABELS = {"integration", "code", "status", "reason", "channel", "outcome", "state", "le"}
NAMES = {
    "heronwatch_webhook_intake_requests",
    "heronwatch_webhook_alerts_received",
    "heronwatch_webhook_alerts_quarantined",
    "heronwatch_webhook_incidents",
    "heronwatch_webhook_notifications",
    "heronwatch_webhook_delivery_seconds",
    "heronwatch_webhook_outbox_pending",
    "heronwatch_webhook_oldest_due_seconds",
    "heronwatch_webhook_timers_overdue_seconds",
    "heronwatch_webhook_db_commit_seconds",
}


def test_the_names_that_rules_and_dashboards_use(stack: Stack) -> None:
    stack.registry.register(StoreGauges(stack.store))
    assert {family.name for family in stack.registry.collect()} >= NAMES


def test_no_label_holds_what_an_alert_says(stack: Stack) -> None:
    stack.registry.register(StoreGauges(stack.store))
    stack.fire("LinkDown", severity="high", instance="sw1")
    stack.phone("ana").expects()
    samples = [sample for family in stack.registry.collect() for sample in family.samples]
    assert {label for sample in samples for label in sample.labels} <= LABELS
    assert "LinkDown" not in str(samples)


def test_a_database_that_is_away_shows_and_harms_nothing(tmp_path: Path) -> None:
    registry = CollectorRegistry()
    Meters(registry)
    store = open_store(sqlite_engine(tmp_path / "nowhere" / "a.db"), FakeClock())
    registry.register(StoreGauges(store))
    assert registry.get_sample_value("heronwatch_webhook_db_up") == 0.0
    assert registry.get_sample_value("heronwatch_webhook_outbox_pending") is None
