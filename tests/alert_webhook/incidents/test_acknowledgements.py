"""An acknowledgement times out; its holder is asked first."""

import pytest

from alert_webhook.delivery.channel import IncidentView, Reason
from alert_webhook.incidents.actions import Answer, acknowledge
from alert_webhook.incidents.blocks import AcknowledgementBlock
from alert_webhook.incidents.transitions import State
from alert_webhook.oncall.people import holder
from alert_webhook.store import incidents, views
from heronwatch.values import Duration
from tests.fakes.webhook_stack import Stack, config

SHORT = AcknowledgementBlock(expires_after=Duration(1200), remind_before=Duration(300))


def newest(stack: Stack) -> IncidentView:
    return stack.store.read(lambda tx: views.incident_list(tx, states=frozenset(State)))[0]


def kinds(stack: Stack) -> list[str]:
    incident_id = newest(stack).id
    return [event.kind.value for event in stack.store.read(lambda tx: incidents.timeline(tx, incident_id))]


@pytest.fixture
def taken(stack: Stack) -> Stack:
    """An incident that ana has."""
    stack.settings = config(acknowledgement=SHORT)
    stack.fire("LinkDown", severity="high")
    stack.phone("ana").expects()
    assert acknowledge(stack.parts, newest(stack).id, who="ana", via="test").answer is Answer.TAKEN
    return stack


def test_the_holder_is_asked_and_then_the_escalation_starts_again(taken: Stack) -> None:
    taken.fast_forward(minutes=14)
    taken.nothing_else()
    taken.fast_forward(minutes=2)
    reminder = taken.phone("ana").expects("LinkDown", reason=Reason.REMINDER)
    assert reminder.ack_url
    taken.fast_forward(minutes=3)
    taken.nothing_else()
    taken.fast_forward(minutes=2)
    taken.phone("ana").expects("LinkDown", reason=Reason.PAGE, step=1)
    assert (newest(taken).state, newest(taken).acked_by) == ("new", "")
    assert kinds(taken)[-5:] == ["reminded", "sent", "ack_ended", "step", "sent"]


def test_who_acknowledges_again_after_the_reminder_has_it_anew(taken: Stack) -> None:
    taken.fast_forward(minutes=16)
    taken.phone("ana").expects(reason=Reason.REMINDER)
    assert acknowledge(taken.parts, newest(taken).id, who="ana", via="test").answer is Answer.TAKEN
    taken.fast_forward(minutes=14)
    taken.nothing_else()
    taken.fast_forward(minutes=2)
    taken.phone("ana").expects(reason=Reason.REMINDER)
    assert newest(taken).state == "acknowledged"


def test_nobody_is_asked_about_what_is_over(taken: Stack) -> None:
    taken.resolve("LinkDown", severity="high", at=1)
    taken.phone("ana").expects(reason=Reason.RESOLVED)
    taken.fast_forward(minutes=25)


def test_after_an_outage_the_holder_is_still_asked_first(taken: Stack) -> None:
    taken.clock.advance(7200)
    taken.settle()
    taken.phone("ana").expects(reason=Reason.REMINDER)
    taken.fast_forward(minutes=4)
    taken.nothing_else()
    taken.fast_forward(minutes=2)
    taken.phone("ana").expects(reason=Reason.PAGE)


def test_a_holder_who_is_nobody_is_not_asked(stack: Stack) -> None:
    stack.settings = config(acknowledgement=SHORT)
    stack.fire("LinkDown", severity="high")
    stack.phone("ana").expects()
    acknowledge(stack.parts, newest(stack).id, who="maria", via="web page")
    stack.fast_forward(minutes=21)
    stack.phone("ana").expects(reason=Reason.PAGE)


def test_an_acknowledgement_may_hold_for_ever(stack: Stack) -> None:
    stack.settings = config(acknowledgement=AcknowledgementBlock(expires_after=Duration(0)))
    stack.fire("LinkDown", severity="high")
    stack.phone("ana").expects()
    acknowledge(stack.parts, newest(stack).id, who="ana", via="test")
    stack.clock.advance(30 * 86_400)
    stack.settle()


@pytest.mark.parametrize(("name", "key"), [("ana", "ana"), ("Ben", "ben"), ("maria", "")])
def test_whose_name_it_is(name: str, key: str) -> None:
    assert holder(config().persons(), name) == key
