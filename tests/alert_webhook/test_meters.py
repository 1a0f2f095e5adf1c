"""The metrics: their names are a contract, their labels bounded."""

from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from alert_webhook.answer_gauges import AnswerGauges
from alert_webhook.delivery.channel import Retry
from alert_webhook.incidents.actions import acknowledge
from alert_webhook.meters import Meters, StoreGauges
from alert_webhook.store.opening import open_store, sqlite_engine
from tests.fakes.clock import FakeClock
from tests.fakes.webhook_stack import Stack

LABELS = {"severity", "quantile", "integration", "code", "status", "reason", "channel", "outcome", "state", "le"}
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
    "heronwatch_webhook_unacked_incidents",
    "heronwatch_webhook_time_to_ack_seconds",
    "heronwatch_webhook_time_to_ack_incidents",
    "heronwatch_webhook_time_to_resolve_seconds",
    "heronwatch_webhook_time_to_resolve_incidents",
    "heronwatch_webhook_page_seconds",
}


def watched(stack: Stack) -> None:
    stack.registry.register(StoreGauges(stack.store))
    stack.registry.register(AnswerGauges(stack.store, lambda: stack.settings))


def test_the_names_that_rules_and_dashboards_use(stack: Stack) -> None:
    watched(stack)
    assert {family.name for family in stack.registry.collect()} >= NAMES


def test_no_label_holds_what_an_alert_says(stack: Stack) -> None:
    watched(stack)
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


def value(stack: Stack, name: str, **labels: str) -> float | None:
    return stack.registry.get_sample_value(f"heronwatch_webhook_{name}", labels)


def test_answers_are_timed_by_severity(stack: Stack) -> None:
    watched(stack)
    for number, seconds in enumerate((60, 120)):
        stack.fire(f"A{number}")
        for inbox in (stack.phone("ana"), stack.mailbox("ana")):
            inbox.expects()
        assert value(stack, "unacked_incidents", severity="critical") == 1
        stack.clock.advance(seconds)
        acknowledge(stack.parts, number + 1, who="ana", via="link")
    stack.fire("Noted", severity="warning")
    assert value(stack, "unacked_incidents", severity="critical") == 0
    assert value(stack, "unacked_incidents", severity="warning") == 0
    assert value(stack, "time_to_ack_seconds", severity="critical") == 90.0
    assert value(stack, "time_to_ack_incidents", severity="critical") == 2
    assert value(stack, "time_to_resolve_seconds", severity="critical") is None
    stack.clock.advance(8 * 86_400)
    assert value(stack, "time_to_ack_seconds", severity="critical") is None


def test_pages_are_timed_from_being_owed_to_being_taken(stack: Stack) -> None:
    watched(stack)
    stack.channels["sms"].answers = [Retry("HTTP 503")]
    stack.fire("A")
    stack.mailbox("ana").expects()
    stack.fast_forward(seconds=60)
    page = stack.phone("ana").expects()
    stack.phone("ana").waiting()
    assert value(stack, "page_seconds", channel="mail", quantile="1") == 0.0
    slow = value(stack, "page_seconds", channel="sms", quantile="1")
    assert slow == pytest.approx(page.sent_at - 1_800_000_000, abs=1.0)
    assert slow > 1.0
    stack.clock.advance(3700)
    assert value(stack, "page_seconds", channel="mail", quantile="1") is None
