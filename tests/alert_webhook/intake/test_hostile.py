"""Alerts that must not cost their neighbours anything, on both databases."""

import secrets
from typing import Any

import pytest
from sqlalchemy import select

from alert_webhook.store.schema import alert
from tests.fakes.webhook_stack import Stack

LAST = "2262-04-11T23:47:16.854775807Z"  # the last nanosecond a 64-bit column can hold


def names(stack: Stack) -> set[str]:
    return set(stack.store.read(lambda tx: [name for (name,) in tx.execute(select(alert.c.name))]))


def fired(stack: Stack, name: str, severity: str = "none", **more: Any) -> dict[str, Any]:
    labels = more.pop("labels", {})
    return stack.alert(name, severity, 0, None, labels, **more)


def test_a_group_name_longer_than_an_index_entry(stack: Stack) -> None:
    group = secrets.token_hex(8000)
    assert stack.post(fired(stack, "A", "critical"), group=group).status == 200
    assert stack.post(fired(stack, "B", "critical"), group=group).status == 200
    assert names(stack) == {"A", "B"}
    stack.settle()
    stack.collect()
    assert {message.incident.title for message in stack.unexpected} == {"A"}  # B joined its incident
    stack.unexpected.clear()


@pytest.mark.parametrize("severity", ["info", "none", "warning"])
def test_a_label_value_longer_than_an_index_entry(stack: Stack, severity: str) -> None:
    long = secrets.token_hex(8000)
    labels = dict.fromkeys(("instance", "site", "job", "device", "scope"), long)
    assert stack.post(fired(stack, "Long", severity, labels=labels), fired(stack, "Good")).status == 200
    assert names(stack) == {"Long", "Good"}


def test_a_start_at_the_end_of_time_is_no_poison(stack: Stack) -> None:
    for status, end in (("firing", ""), ("resolved", LAST), ("firing", "")):
        stack.clock.advance(100_000)
        bad = fired(stack, "Far") | {"status": status, "startsAt": LAST, "endsAt": end}
        assert stack.post(bad, fired(stack, "Good")).status == 200
    assert "Good" in names(stack)


def test_two_alerts_with_one_given_fingerprint_are_two(stack: Stack) -> None:
    same = {"fingerprint": "0" * 16}
    assert stack.post(fired(stack, "One") | same, fired(stack, "Two") | same).status == 200
    assert names(stack) == {"One", "Two"}


def test_a_rejected_alert_whose_fault_quotes_a_nul(stack: Stack) -> None:
    assert stack.post(fired(stack, "Bad") | {"status": "fi\0ring"}, fired(stack, "Good")).status == 200
    assert names(stack) == {"Good"}
