"""What people do to incidents: every action from every state it makes sense in, and what is refused."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from alert_webhook.config import SeverityBlock
from alert_webhook.delivery.channel import IncidentView, Reason
from alert_webhook.incidents.actions import (
    Acted,
    Answer,
    acknowledge,
    escalate_now,
    note,
    reassign,
    resolve,
    snooze,
)
from alert_webhook.incidents.timeline import Event
from alert_webhook.incidents.transitions import State
from alert_webhook.incidents.urgency import Urgency
from alert_webhook.parts import Parts
from alert_webhook.store import incidents, views
from heronwatch.values import Duration
from tests.fakes.webhook_stack import Stack, config

HIGH = {"high": SeverityBlock(urgency=Urgency.PAGE, after=Duration(300))}
BY = {"who": "ana", "via": "test"}
ACTIONS: dict[str, Callable[[Parts, int], Acted]] = {
    "acknowledge": lambda parts, id_: acknowledge(parts, id_, **BY),
    "resolve": lambda parts, id_: resolve(parts, id_, **BY),
    "reassign": lambda parts, id_: reassign(parts, id_, to="ben", **BY),
    "snooze": lambda parts, id_: snooze(parts, id_, until=parts.clock.now() + 3600, **BY),
    "escalate": lambda parts, id_: escalate_now(parts, id_, **BY),
}


def newest(stack: Stack) -> IncidentView:
    return stack.store.read(lambda tx: views.incident_list(tx, states=frozenset(State)))[0]


def events(stack: Stack) -> list[Event]:
    incident_id = newest(stack).id
    return stack.store.read(lambda tx: incidents.timeline(tx, incident_id))


@pytest.fixture
def paged(stack: Stack) -> Stack:
    """One incident whose first step paged ana."""
    stack.fire("LinkDown", severity="high")
    stack.phone("ana").expects("LinkDown", step=1)
    return stack


@pytest.mark.parametrize("name", ACTIONS)
def test_nothing_can_be_done_to_what_is_over(stack: Stack, name: str) -> None:
    stack.fire("LinkDown", severity="warning")
    stack.resolve("LinkDown", severity="warning", at=1)
    done = ACTIONS[name](stack.parts, newest(stack).id)
    assert done.answer is Answer.OVER
    assert done.incident is not None
    assert done.incident.state == "resolved"


@pytest.mark.parametrize("name", ACTIONS)
def test_nothing_can_be_done_to_what_is_not_there(stack: Stack, name: str) -> None:
    assert ACTIONS[name](stack.parts, 4711) == Acted(Answer.UNKNOWN, None)


def test_resolve_ends_it_while_its_alerts_fire(paged: Stack) -> None:
    done = resolve(paged.parts, newest(paged).id, who="maria", via="web page")
    assert (done.answer, newest(paged).state) == (Answer.DONE, "resolved")
    paged.settle()
    paged.phone("ana").expects(reason=Reason.RESOLVED)
    assert (events(paged)[-2].text, events(paged)[-2].who) == ("resolved by maria, web page", "maria")
    paged.fast_forward(minutes=30)


def test_an_alert_that_fires_anew_after_a_resolve_by_hand_pages(paged: Stack) -> None:
    resolve(paged.parts, newest(paged).id, **BY)
    paged.settle()
    paged.phone("ana").expects(reason=Reason.RESOLVED)
    paged.fast_forward(minutes=1)
    paged.resolve("LinkDown", severity="high")
    paged.fast_forward(minutes=1)
    paged.fire("LinkDown", severity="high")
    paged.phone("ana").expects(reason=Reason.PAGE)


def test_who_it_is_given_to_is_paged_at_once_and_the_policy_goes_on(paged: Stack) -> None:
    acknowledge(paged.parts, newest(paged).id, **BY)
    assert reassign(paged.parts, newest(paged).id, to="ben", **BY).answer is Answer.DONE
    paged.settle()
    paged.phone("ben").expects("LinkDown", step=1)
    assert newest(paged).acked_by == ""
    paged.fast_forward(minutes=11)
    paged.phone("ana").expects("LinkDown", step=2)


def test_given_on_twice_the_first_is_left_out(paged: Stack) -> None:
    reassign(paged.parts, newest(paged).id, to="ben", **BY)
    paged.settle()
    paged.phone("ben").expects()
    reassign(paged.parts, newest(paged).id, to="ana/mail", **BY)
    paged.settle()
    paged.mailbox("ana").expects("LinkDown", step=1)
    paged.fast_forward(minutes=11)
    paged.phone("ana").expects("LinkDown", step=2)


@pytest.mark.parametrize(
    ("to", "why"),
    [
        ("bne", "'bne' is not in people (did you mean 'ben'?)"),
        ("ana/fax", "'fax' is not in ana's contacts (known: 'mail', 'sms')"),
        ("schedule:x", "'x' is not in schedules"),
    ],
)
def test_it_cannot_be_given_to_a_stranger(paged: Stack, to: str, why: str) -> None:
    done = reassign(paged.parts, newest(paged).id, to=to, **BY)
    assert (done.answer, done.why) == (Answer.REFUSED, why)


def test_what_was_only_recorded_can_be_given_to_somebody(stack: Stack) -> None:
    stack.fire("DiskFilling", severity="warning")
    reassign(stack.parts, newest(stack).id, to="ben", **BY)
    stack.settle()
    stack.phone("ben").expects("DiskFilling")


def test_a_snooze_holds_until_its_time_and_reminds_nobody(paged: Stack) -> None:
    done = snooze(paged.parts, newest(paged).id, until=paged.clock.now() + 600, **BY)
    assert (done.answer, newest(paged).state) == (Answer.DONE, "acknowledged")
    paged.fast_forward(minutes=9)
    paged.nothing_else()
    paged.fast_forward(minutes=2)
    paged.phone("ana").expects("LinkDown", reason=Reason.PAGE, step=1)


@pytest.mark.parametrize("seconds", [-1.0, 0.0, 8 * 86_400.0, float("nan"), float("inf")])
def test_a_snooze_ends_within_a_week(paged: Stack, seconds: float) -> None:
    done = snooze(paged.parts, newest(paged).id, until=paged.clock.now() + seconds, **BY)
    assert (done.answer, done.why) == (
        Answer.REFUSED,
        "a snooze ends within 7 days: `for` is 7d at most, `until` lies ahead by no more than that",
    )


def test_a_note_is_a_line_of_the_timeline_even_afterwards(stack: Stack) -> None:
    stack.fire("LinkDown", severity="warning")
    stack.resolve("LinkDown", severity="warning", at=1)
    assert note(stack.parts, newest(stack).id, text="was the\nfan\0 again", **BY).answer is Answer.DONE
    last = events(stack)[-1]
    assert (last.kind.value, last.text, last.who) == ("note", "was the fan again (test)", "ana")


@pytest.mark.parametrize("text", ["", " \n", "x" * 2001])
def test_a_note_that_says_nothing_or_too_much_is_refused(stack: Stack, text: str) -> None:
    stack.fire("LinkDown", severity="warning")
    assert note(stack.parts, newest(stack).id, text=text, **BY).answer is Answer.REFUSED


def test_escalating_pages_the_next_step_now(paged: Stack) -> None:
    assert escalate_now(paged.parts, newest(paged).id, **BY).answer is Answer.DONE
    paged.settle()
    paged.phone("ben").expects("LinkDown", step=2)
    assert newest(paged).state == "escalated"


def test_escalating_what_somebody_has_makes_it_nobodys(paged: Stack) -> None:
    acknowledge(paged.parts, newest(paged).id, **BY)
    escalate_now(paged.parts, newest(paged).id, **BY)
    paged.settle()
    paged.phone("ben").expects(step=2)
    assert (newest(paged).state, newest(paged).acked_by) == ("escalated", "")


def test_escalating_after_the_last_step_pages_that_one_again(paged: Stack) -> None:
    paged.fast_forward(minutes=26)
    paged.phone("ben").expects(step=2)
    assert newest(paged).state == "critical"
    escalate_now(paged.parts, newest(paged).id, **BY)
    paged.settle()
    paged.phone("ben").expects(step=2)


def test_what_is_high_waits_before_it_pages(stack: Stack) -> None:
    stack.settings = config(severities=HIGH)
    stack.fire("LinkDown", severity="high")
    stack.fast_forward(minutes=4)
    stack.nothing_else()
    stack.fast_forward(minutes=2)
    stack.phone("ana").expects("LinkDown")


def test_what_is_high_and_ends_within_its_wait_pages_nobody(stack: Stack) -> None:
    stack.settings = config(severities=HIGH)
    stack.fire("LinkDown", severity="high")
    stack.fast_forward(minutes=4)
    stack.resolve("LinkDown", severity="high")
    stack.fast_forward(minutes=10)


def test_a_critical_alert_that_joins_pages_at_once(stack: Stack) -> None:
    stack.settings = config(severities={"critical": SeverityBlock(urgency=Urgency.PAGE), **HIGH})
    stack.fire("LinkDown", severity="high", group="g")
    stack.nothing_else()
    stack.fire("SiteDown", severity="critical", group="g")
    stack.phone("ana").expects("LinkDown", step=1)


def test_a_policy_may_page_a_warning_after_a_while(stack: Stack) -> None:
    policy = stack.settings.policies["default"]
    stack.settings = config(policies={"default": replace(policy, page_after={"warning": Duration(900)})})
    stack.fire("DiskFilling", severity="warning")
    stack.fast_forward(minutes=14)
    stack.nothing_else()
    stack.fast_forward(minutes=2)
    stack.phone("ana").expects("DiskFilling")
