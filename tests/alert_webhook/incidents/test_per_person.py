"""One person in a storm: however many incidents there are, few messages come, and they say how many."""

import re

from alert_webhook.delivery.channel import Message
from alert_webhook.delivery.gate import LiveGate
from alert_webhook.delivery.render import sms
from tests.alert_webhook.web import conftest as web
from tests.fakes.webhook_stack import Stack

both_databases, engine = web.both_databases, web.engine  # SQLite, but for some
GROUPS, ALERTS = 24, 3
MOST = 5  # of one contact in a quarter of an hour


def storm(stack: Stack) -> None:
    """Alerts in many groups that nothing ties to each other."""
    stack.gate = LiveGate(stack.parts.settings)
    for group in range(GROUPS):
        labels = [{"instance": f"h{group}", "port": str(port)} for port in range(ALERTS)]
        alerts = [stack.alert("LinkDown", "high", 0, None, each) for each in labels]
        assert stack.post(*alerts, group=f"g{group}").status == 200
    stack.settle()


def told_in(messages: list[Message]) -> int:
    """How many incidents these messages tell of."""
    more = [re.match(r"(\d+) more incident", line) for each in messages for line in each.context]
    return len(messages) + sum(int(found[1]) for found in more if found)


def received(stack: Stack, person: str) -> list[Message]:
    messages = [each for each in stack.channels["sms"].sent if each.recipient.person == person]
    stack.collect()
    stack.unexpected.clear()
    return messages


def test_a_storm_of_incidents_is_a_few_messages_to_a_person(stack: Stack) -> None:
    storm(stack)
    stack.fast_forward(minutes=9)
    first = received(stack, "ana")
    assert len(first) <= MOST
    assert all("3 alerts firing" in sms(each, links=True) for each in first)


@both_databases
def test_what_was_held_back_is_told_in_the_next_message_with_its_number(stack: Stack) -> None:
    storm(stack)
    stack.fast_forward(minutes=16)
    messages = received(stack, "ana")
    assert len(messages) == MOST + 1
    assert told_in(messages) == GROUPS
    assert "18 more incident(s): " in sms(messages[MOST], links=True)
