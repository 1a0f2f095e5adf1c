"""A contact that got too many messages is told of the rest in the next one: nothing is dropped."""

from typing import Any

import pytest
from msgspec.structs import replace

from alert_webhook.config import Integration, PolicyBlock, SeverityBlock, StepBlock
from alert_webhook.delivery.channel import Message, Permanent, Reason, Retry
from alert_webhook.delivery.gate import LiveGate
from alert_webhook.escalation.engine import SPIN_S
from alert_webhook.incidents.urgency import Urgency
from alert_webhook.oncall.person_blocks import ContactBlock, PersonBlock
from heronwatch.secrets import Secret
from heronwatch.values import Duration
from tests.fakes.webhook_stack import TOKEN, Stack, config

AT_ONCE_HIGH = {
    "critical": SeverityBlock(urgency=Urgency.PAGE, contacts="all"),
    "high": SeverityBlock(urgency=Urgency.PAGE),
}


@pytest.fixture
def stack(stack: Stack) -> Stack:
    only_sms = PersonBlock(contacts=(ContactBlock(channel="sms", address="+34600000001"),))
    people = {**config().people, "ana": only_sms}
    policies = {"default": PolicyBlock(steps=(StepBlock(notify=("ana",)),), exhausted_after=Duration(86_400))}
    stack.settings = config(severities=AT_ONCE_HIGH, people=people, policies=policies)
    stack.gate = LiveGate(lambda: stack.settings)
    return stack


def fire(stack: Stack, number: int, severity: str = "high") -> None:
    for each in range(number):
        stack.fire(f"Down{each}", severity=severity)


def test_the_sixth_waits_and_the_next_that_may_go_tells_of_all(stack: Stack) -> None:
    fire(stack, 9)
    for number in range(5):
        stack.phone("ana").expects(f"Down{number}", context=())
    stack.nothing_else()
    stack.fast_forward(minutes=9.9)
    stack.nothing_else()
    stack.fast_forward(minutes=5.2)
    bundle = stack.phone("ana").expects("Down5")
    (line,) = bundle.context
    assert line.startswith("3 more incident(s): ")


def test_a_critical_page_goes_at_once_and_tells_of_what_waits(stack: Stack) -> None:
    fire(stack, 7)
    for number in range(5):
        stack.phone("ana").expects(f"Down{number}")
    stack.fire("Fire", severity="critical")
    assert stack.phone("ana").expects("Fire").context[0].startswith("2 more incident(s): ")
    stack.fast_forward(minutes=9)
    stack.nothing_else()  # told already: not once more


def test_what_ended_meanwhile_is_told_as_ended_or_not_at_all(stack: Stack) -> None:
    fire(stack, 6)
    for number in range(5):
        stack.phone("ana").expects(f"Down{number}")
    stack.resolve("Down5", severity="high")
    stack.fire("Fire", severity="critical")
    assert stack.phone("ana").expects("Fire").context == ()


@pytest.mark.parametrize("failure", [Retry("HTTP 503"), Permanent("HTTP 400")])
def test_what_rides_with_a_message_that_fails_is_kept(stack: Stack, failure: Retry | Permanent) -> None:
    fire(stack, 6)
    for number in range(5):
        stack.phone("ana").expects(f"Down{number}")
    stack.channels["sms"].answers = [failure]
    stack.fire("Fire", severity="critical")
    stack.fire("Flood", severity="critical")
    assert stack.phone("ana").expects("Flood").context[0].startswith("1 more incident(s): ")
    stack.fast_forward(seconds=10)
    if isinstance(failure, Retry):
        assert stack.phone("ana").expects("Fire").context == ()


def test_an_all_clear_that_waited_too_long_is_dropped(stack: Stack) -> None:
    stack.fire("Down", severity="critical")
    stack.phone("ana").expects("Down")
    stack.channels["sms"].default = Retry("HTTP 503")
    stack.resolve("Down", severity="critical")
    stack.fast_forward(minutes=40)
    stack.channels["sms"].default = stack.channels["mail"].default
    stack.fast_forward(minutes=20)
    assert stack.phone("ana").waiting() == []
    assert Reason.RESOLVED in {message.reason for message in stack.channels["sms"].attempts}


def pages_of(stack: Stack) -> list[Message]:
    stack.collect()
    found = stack.phone("ana").waiting()
    stack.unexpected.clear()
    return found


def work(stack: Stack) -> None:
    """Let the engine do all that is due: more than `settle` has patience for."""
    while stack.engine.turn() <= SPIN_S:
        pass


def told_of(messages: list[Message]) -> int:
    """How many incidents these messages are about: their own, and those that they count."""
    lines = [line for each in messages for line in each.context]
    return len(messages) + sum(int(line.split(" more incident")[0]) for line in lines if " more incident" in line)


def outage(stack: Stack, number: int) -> list[dict[str, Any]]:
    return [stack.alert("Down", "high", 0, None, {"host": f"h{each}"}) for each in range(number)]


def test_ten_thousand_alerts_of_one_group_are_one_page_with_their_number(stack: Stack) -> None:
    assert stack.post(*outage(stack, 10_000)).status == 200
    work(stack)
    (page,) = pages_of(stack)
    assert page.incident.firing == 10_000


@pytest.mark.parametrize("number", [250, pytest.param(10_000, marks=[pytest.mark.long, pytest.mark.timeout(300)])])
def test_an_outage_that_is_an_incident_for_each_alert_is_a_few_messages_that_count_them(
    stack: Stack, number: int
) -> None:
    by_host = Integration(tokens=(Secret(TOKEN),), policy="default", group_by=("host",))
    stack.settings = replace(stack.settings, integrations={"am": by_host})
    assert stack.post(*outage(stack, number)).status == 200
    work(stack)
    messages = pages_of(stack)
    assert 1 <= len(messages) <= 5
    for _ in range(30):
        stack.clock.advance(30)
        work(stack)
    following = pages_of(stack)
    assert len(following) <= 5, "at most 5 in any 15 minutes"
    messages += following
    for _ in range(45):
        stack.clock.advance(60)
        work(stack)
    messages += pages_of(stack)
    assert len(messages) <= 11 + 1, "at most 11 in an hour"
    assert told_of(messages) == number
