"""A contact that got too many messages is told of the rest in the next one: nothing is dropped, no critical waits."""

import pytest

from alert_webhook.config import PolicyBlock, SeverityBlock, StepBlock
from alert_webhook.delivery.channel import Permanent, Reason, Retry
from alert_webhook.delivery.gate import LiveGate
from alert_webhook.incidents.urgency import Urgency
from alert_webhook.oncall.person_blocks import ContactBlock, PersonBlock
from heronwatch.values import Duration
from tests.fakes.webhook_stack import Stack, config

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
