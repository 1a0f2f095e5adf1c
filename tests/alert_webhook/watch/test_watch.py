"""What the webhook notices about itself, on both databases, time moved by hand."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from alert_webhook.config import Config, PolicyBlock, StepBlock
from alert_webhook.delivery.channel import Message, Permanent, Reason, Receipt
from alert_webhook.delivery.gate import LiveGate
from alert_webhook.incidents.actions import acknowledge
from alert_webhook.oncall.blocks import LayerBlock, ScheduleBlock
from alert_webhook.oncall.wall import Zone
from alert_webhook.store import watching
from alert_webhook.watch.blocks import HealthBlock, ShiftTestBlock, WatchdogBlock
from alert_webhook.watch.lateness import Lateness, troubles
from alert_webhook.watch.trouble import around
from alert_webhook.watch.watch import Watch
from heronwatch.values import Duration
from tests.fakes.webhook_stack import Stack, config

HEALTH = HealthBlock(operator="default", watchdogs={"am": WatchdogBlock(silent_after=Duration(300))})
MakeWatch = Callable[..., Watch]


@pytest.fixture
def watch(stack: Stack) -> MakeWatch:
    def make(**changes: Any) -> Watch:
        stack.settings = config(**{"health": HEALTH, **changes})
        return Watch(stack.parts, dict)

    return make


def watchdog(stack: Stack) -> None:
    stack.fire("Watchdog", severity="none", at=-60.0)


def look(stack: Stack, eye: Watch, *, minutes: float) -> None:
    """Let time pass as the watch would see it: a look every 30 s."""
    for _ in range(round(minutes * 2)):
        stack.fast_forward(seconds=30)
        eye.turn()
        stack.settle()


def test_an_integration_that_goes_silent_pages_the_operator_once(stack: Stack, watch: MakeWatch) -> None:
    eye = watch()
    watchdog(stack)
    look(stack, eye, minutes=4)
    stack.nothing_else()
    look(stack, eye, minutes=3)
    stack.phone("ana").expects("IntegrationSilent")
    stack.mailbox("ana").expects("IntegrationSilent")


def test_an_integration_that_never_said_anything_is_silent_too(stack: Stack, watch: MakeWatch) -> None:
    look(stack, watch(), minutes=6)
    stack.phone("ana").expects("IntegrationSilent")
    stack.mailbox("ana").expects("IntegrationSilent")


def test_its_return_ends_the_incident(stack: Stack, watch: MakeWatch) -> None:
    eye = watch()
    watchdog(stack)
    look(stack, eye, minutes=6.5)
    stack.phone("ana").expects("IntegrationSilent")
    stack.mailbox("ana").expects("IntegrationSilent")
    watchdog(stack)
    look(stack, eye, minutes=1)
    stack.phone("ana").expects("IntegrationSilent", reason=Reason.RESOLVED)
    stack.mailbox("ana").expects("IntegrationSilent", reason=Reason.RESOLVED)


def test_a_watchdog_that_keeps_coming_pages_nobody(stack: Stack, watch: MakeWatch) -> None:
    eye = watch()
    for _ in range(12):
        watchdog(stack)
        look(stack, eye, minutes=1)
    stack.nothing_else()


def test_without_an_operator_nobody_is_paged(stack: Stack, watch: MakeWatch) -> None:
    look(stack, watch(health=HealthBlock()), minutes=10)
    stack.nothing_else()


def test_a_provider_that_refuses_us_pages_the_operator_through_another_channel(stack: Stack) -> None:
    stack.settings = config(health=HealthBlock(operator="default"))
    stack.gate = LiveGate(lambda: stack.settings)
    eye = Watch(stack.parts, stack.gate.refusals)
    stack.channels["sms"].default = Permanent("HTTP 401", refused_us=True)
    stack.fire("LinkDown")
    stack.mailbox("ana").expects("LinkDown")
    eye.turn()
    stack.settle()
    stack.mailbox("ana").expects("ProviderRefusesUs")
    stack.channels["sms"].default = Receipt()
    stack.fire("OtherDown")
    stack.phone("ana").expects("OtherDown")
    stack.mailbox("ana").expects("OtherDown")
    eye.turn()
    stack.settle()
    stack.mailbox("ana").expects("ProviderRefusesUs", reason=Reason.RESOLVED)


def test_around_leaves_people_with_one_channel_alone() -> None:
    made = config()
    policy = made.policies["default"].snapshot("default")
    around_sms = around(policy, "sms", made.persons())
    assert [step.notify for step in around_sms.steps] == [("ana/mail",), ("ben",)]


def on_call(**changes: Any) -> Config:
    """Ana and Ben in turn, from nine to nine; the stack's clock begins at eight."""
    layer = LayerBlock(people=("ana", "ben"), every=Duration(86_400))
    return config(schedules={"network": ScheduleBlock(time_zone=Zone("UTC"), layers=(layer,), **changes)})


def test_a_change_of_shift_is_told_to_both_once(stack: Stack) -> None:
    stack.settings = on_call(handover=True)
    first, second = Watch(stack.parts, dict), Watch(stack.parts, dict)  # two replicas
    for minutes in (0, 50, 20, 10):
        stack.fast_forward(minutes=minutes)
        first.turn()
        second.turn()
        stack.settle()
        if minutes == 50:
            stack.nothing_else()
    for person in ("ana", "ben"):
        told = stack.phone(person).expects("OnCallHandover", reason=Reason.HANDOVER, ack_url="")
        (alert,) = told.incident.alerts
        assert "is on call until" in alert.annotations["summary"]


def test_a_shift_test_that_is_acknowledged_ends_there(stack: Stack) -> None:
    stack.settings = on_call(shift_test=ShiftTestBlock(alarm="default"))
    eye, person = begun_shift(stack)
    page = everywhere(stack, person, reason=Reason.PAGE)
    acknowledge(stack.parts, page.incident.id, who=person, via="a test")
    look(stack, eye, minutes=40)
    everywhere(stack, person, reason=Reason.RESOLVED)


def test_a_shift_test_that_nobody_acknowledges_pages_the_alarm(stack: Stack) -> None:
    alarm = PolicyBlock(steps=(StepBlock(notify=("ben/sms",)),))
    stack.settings = msgspec.structs.replace(
        on_call(shift_test=ShiftTestBlock(alarm="alarm")), policies={**config().policies, "alarm": alarm}
    )
    eye, person = begun_shift(stack)
    everywhere(stack, person, reason=Reason.PAGE)
    look(stack, eye, minutes=14)
    stack.nothing_else()
    look(stack, eye, minutes=2)
    stack.phone("ben").expects("ShiftTest", reason=Reason.PAGE)


def begun_shift(stack: Stack) -> tuple[Watch, str]:
    """Look before and after a shift begins; return the watch and whose shift it is."""
    eye = Watch(stack.parts, dict)
    eye.turn()
    stack.fast_forward(minutes=61)
    eye.turn()
    stack.settle()
    person = stack.store.read(watching.on_call_before)["network"]
    return eye, person


def everywhere(stack: Stack, person: str, *, reason: Reason) -> Message:
    """Take the message at every contact of a person; ana alone has mail, too."""
    if person == "ana":
        stack.mailbox("ana").expects("ShiftTest", reason=reason)
    return stack.phone(person).expects("ShiftTest", reason=reason)


def test_what_is_late_is_seen(stack: Stack) -> None:
    stack.post(stack.alert("LinkDown", "critical", 0, None, {}))
    eye = Watch(stack.parts, dict)
    assert eye.turn().troubles == ()
    stack.clock.advance(90)  # and no engine
    assert [words.split(" is ")[0] for words in eye.turn().troubles] == ["a step of escalation"]
    stack.settle()
    assert eye.turn().troubles == ()
    stack.phone("ana").expects("LinkDown")
    stack.mailbox("ana").expects("LinkDown")


FEW, MANY = Lateness(60.0, 300.0, 300.0), Lateness(61.0, 301.0, 301.0)


@pytest.mark.parametrize(("found", "number"), [(FEW, 0), (MANY, 3), (Lateness(0, 0, 0), 0), (Lateness(0, 0, 999), 1)])
def test_limits_of_lateness(found: Lateness, number: int) -> None:
    assert len(troubles(found)) == number
