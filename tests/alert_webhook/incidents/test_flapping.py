"""An alert that begins and ends again and again is one incident, which ends once it has been calm."""

import pytest

from alert_webhook.delivery.channel import IncidentView, Reason
from alert_webhook.incidents.flapping import FlapRule, Flaps, follow
from alert_webhook.incidents.timeline import Kind
from alert_webhook.incidents.transitions import State
from alert_webhook.intake.keeping import Keeping, KeepingMeters
from alert_webhook.store import incidents, views
from tests.fakes.webhook_stack import Stack

RULE = FlapRule(times=3, within_s=600, calm_s=120)


def after(*changes: tuple[float, bool], rule: FlapRule | None = RULE) -> Flaps:
    flaps, fired = Flaps(), False
    for now, fires in changes:
        flaps = follow(flaps, fired=fired, fires=fires, now=now, rule=rule)
        fired = fires
    return flaps


TWICE = ((0.0, True), (10.0, False), (20.0, True), (30.0, False))


def test_few_ends_are_believed_at_once() -> None:
    assert after(*TWICE).held_until is None


def test_the_end_after_too_many_beginnings_is_held_until_it_was_calm() -> None:
    assert after(*TWICE, (40.0, True), (50.0, False)).held_until == 170.0


def test_a_beginning_while_the_end_is_held_takes_the_hold_back() -> None:
    assert after(*TWICE, (40.0, True), (50.0, False), (60.0, True)) == Flaps((20.0, 40.0, 60.0), None)


def test_beginnings_of_long_ago_do_not_count() -> None:
    assert after(*TWICE, (700.0, True), (710.0, False)).held_until is None


def test_without_a_rule_nothing_is_held_or_remembered() -> None:
    assert after(*TWICE, (40.0, True), (50.0, False), rule=None) == Flaps()


@pytest.fixture
def keeping(stack: Stack) -> Keeping:
    return Keeping(stack.parts, KeepingMeters(stack.registry))


def all_incidents(stack: Stack) -> list[IncidentView]:
    return stack.store.read(lambda tx: views.incident_list(tx, states=frozenset(State)))


def flap(stack: Stack, times: int) -> None:
    for _ in range(times):
        stack.fire("LinkDown", severity="warning")
        stack.clock.advance(60)
        stack.resolve("LinkDown", severity="warning")
        stack.clock.advance(60)


def test_a_flapping_alert_stays_in_one_incident_until_it_was_calm(stack: Stack, keeping: Keeping) -> None:
    flap(stack, 9)
    newest = all_incidents(stack)[0]
    assert len(all_incidents(stack)) == 4  # three ends were believed; from the fourth beginning on it is one incident
    assert (newest.state, newest.firing) == ("new", 1)
    assert keeping.believe_ends() == 0
    stack.clock.advance(900)
    assert keeping.believe_ends() == 1
    assert all_incidents(stack)[0].state == "resolved"
    assert keeping.believe_ends() == 0
    timeline = stack.store.read(lambda tx: incidents.timeline(tx, newest.id))
    assert next(each.text for each in timeline if each.kind is Kind.ALERTS_ENDED) == (
        "LinkDown ended, and flaps: over once calm for 15m"
    )


def test_a_flapping_alert_pages_once_for_all_its_beginnings(stack: Stack, keeping: Keeping) -> None:
    for _ in range(8):
        stack.fire("UpsOnBattery", severity="critical")
        stack.clock.advance(30)
        stack.resolve("UpsOnBattery", severity="critical")
        stack.clock.advance(30)
    stack.collect()
    pages = [message for message in stack.unexpected if message.reason is Reason.PAGE]
    assert len({message.incident.code for message in pages}) == 4
    stack.unexpected.clear()
    stack.clock.advance(900)
    keeping.believe_ends()
    stack.settle()
    stack.collect()
    assert {message.reason for message in stack.unexpected} <= {Reason.RESOLVED, Reason.PAGE}
    stack.unexpected.clear()


def test_it_begins_anew_after_it_was_calm(stack: Stack, keeping: Keeping) -> None:
    flap(stack, 5)
    stack.clock.advance(4000)
    keeping.believe_ends()
    before = len(all_incidents(stack))
    flap(stack, 1)
    assert len(all_incidents(stack)) == before + 1
    assert all_incidents(stack)[0].state == "resolved"
