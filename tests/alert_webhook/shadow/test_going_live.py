"""An integration that goes into shadow mode, or leaves it, while incidents are open: who is paged, and who is told."""

from typing import Literal

import pytest
from msgspec.structs import replace

from alert_webhook.delivery.channel import Reason
from alert_webhook.delivery.outbox import Outbox
from alert_webhook.incidents.actions import acknowledge
from alert_webhook.incidents.incident import Incident
from alert_webhook.incidents.transitions import State
from alert_webhook.shadow.channels import ShadowedChannels, ShadowedGate
from alert_webhook.store import incidents, shadowed, views
from tests.alert_webhook.web import conftest as web
from tests.fakes.webhook_stack import Stack

both_databases, engine = web.both_databases, web.engine  # SQLite, but for some
MODES: tuple[Literal["live", "shadow"], ...] = ("shadow", "live")
KEPT_BACK = "page to ana/sms kept back (shadow mode: not sent)"
AGAIN = "no longer in shadow mode: nobody was paged until now, the escalation begins again at its first step"


@pytest.fixture
def trial(stack: Stack) -> Stack:
    """A stack whose integration is in shadow."""
    gate, channels = ShadowedGate(stack), ShadowedChannels(lambda: stack.channels)
    stack.outbox = Outbox(stack.parts, channels, gate=gate, meters=stack.meters, pause=stack.clock.advance)
    stack.engine = stack.another_engine()
    switch(stack, "shadow")
    return stack


def switch(stack: Stack, mode: Literal["live", "shadow"]) -> None:
    """Reload with another mode."""
    changed = {name: replace(each, mode=mode) for name, each in stack.settings.integrations.items()}
    stack.settings = replace(stack.settings, integrations=changed)


def only(stack: Stack) -> Incident:
    found = stack.store.read(lambda tx: views.incident_list(tx, states=frozenset(State)))
    (incident,) = stack.store.read(lambda tx: incidents.read_many(tx, [found[0].id])).values()
    return incident


def timeline(stack: Stack) -> list[str]:
    return [each.text for each in stack.store.read(lambda tx: incidents.timeline(tx, only(stack).id))]


def labelled(stack: Stack) -> bool:
    """Whether the list says that nobody is paged."""
    shown = stack.store.read(lambda tx: views.listed(tx, [only(stack).id]))
    return bool(stack.store.read(lambda tx: shadowed.shadows_of(tx, stack.settings, shown)))


def pages(stack: Stack) -> list[tuple[str, str, int]]:
    """What went out, but for what a test has seen."""
    stack.collect()
    found = [(each.recipient.person, each.reason.value, each.step) for each in stack.unexpected]
    stack.unexpected.clear()
    return found


def test_the_timeline_says_that_a_page_was_kept_back(trial: Stack) -> None:
    trial.fire("UpsOnBattery")
    assert KEPT_BACK in timeline(trial)
    assert not [text for text in timeline(trial) if "accepted" in text]
    assert labelled(trial)


@both_databases
@pytest.mark.parametrize("minutes", [1, 11, 40])  # paged, escalated, critical
def test_what_fires_on_when_it_goes_live_pages_from_the_first_step(trial: Stack, minutes: int) -> None:
    trial.fire("UpsOnBattery")
    trial.fast_forward(minutes=minutes)
    assert pages(trial) == []
    switch(trial, "live")
    trial.clock.advance(6)
    trial.settle()
    assert sorted(pages(trial)) == [("ana", "page", 1), ("ana", "page", 1)]
    assert timeline(trial).count(AGAIN) == 1
    assert not labelled(trial)
    assert only(trial).state is State.NEW
    trial.fast_forward(minutes=11)
    assert pages(trial) == [("ben", "page", 2)]
    trial.resolve("UpsOnBattery")
    assert sorted({who for who, why, _ in pages(trial) if why == "resolved"}) == ["ana", "ben"]
    assert timeline(trial).count(AGAIN) == 1


def test_a_start_with_another_mode_does_the_same(trial: Stack) -> None:
    trial.fire("UpsOnBattery")
    switch(trial, "live")
    trial.engine = trial.another_engine()
    trial.settle()
    assert sorted(pages(trial)) == [("ana", "page", 1), ("ana", "page", 1)]


def test_what_somebody_has_pages_nobody_when_it_goes_live(trial: Stack) -> None:
    trial.fire("UpsOnBattery")
    acknowledge(trial.parts, only(trial).id, who="ana", via="test")
    switch(trial, "live")
    trial.clock.advance(6)
    trial.settle()
    trial.resolve("UpsOnBattery")
    assert pages(trial) == []  # nor an all-clear: nobody was paged
    assert AGAIN not in timeline(trial)


def test_an_end_before_the_engine_looks_tells_nobody_who_was_not_paged(trial: Stack) -> None:
    trial.fire("UpsOnBattery")
    trial.clock.advance(1)
    switch(trial, "live")
    trial.resolve("UpsOnBattery")
    assert pages(trial) == []
    assert "resolve notice to ana/sms kept back (shadow mode: not sent)" in timeline(trial)


@both_databases
def test_whoever_was_paged_before_shadow_mode_keeps_the_all_clear(trial: Stack) -> None:
    switch(trial, "live")
    trial.fire("UpsOnBattery")
    assert len(pages(trial)) == 2
    switch(trial, "shadow")
    trial.clock.advance(6)
    trial.settle()
    assert not labelled(trial)
    trial.resolve("UpsOnBattery")
    trial.phone("ana").expects("UpsOnBattery", reason=Reason.RESOLVED)
    trial.mailbox("ana").expects("UpsOnBattery", reason=Reason.RESOLVED)
    assert not labelled(trial)


def test_what_began_live_escalates_on_and_what_begins_now_does_not(trial: Stack) -> None:
    switch(trial, "live")
    trial.fire("UpsOnBattery")
    assert len(pages(trial)) == 2
    switch(trial, "shadow")
    trial.fire("Tried", group="other")
    trial.fast_forward(minutes=11)
    trial.phone("ben").expects("UpsOnBattery", step=2)
    trial.nothing_else()


def test_there_and_back_pages_nobody_twice(trial: Stack) -> None:
    switch(trial, "live")
    trial.fire("UpsOnBattery")
    for mode in MODES:
        switch(trial, mode)
        trial.clock.advance(6)
        trial.settle()
    assert len(pages(trial)) == 2
    assert AGAIN not in timeline(trial)
