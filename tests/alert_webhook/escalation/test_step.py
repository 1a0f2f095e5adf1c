"""The pure step: nothing but values."""

from msgspec.structs import replace

from alert_webhook.escalation.policy import Policy, Step
from alert_webhook.escalation.step import Page, hasten, step
from alert_webhook.incidents.incident import Incident, escalate_from_start
from alert_webhook.incidents.transitions import State
from alert_webhook.incidents.urgency import Urgency
from alert_webhook.oncall.people import Contact, Person

PEOPLE = {
    "ana": Person("ana", "Ana", (Contact("sms", "sms", "+1"), Contact("mail", "mail", "a@x"))),
    "ben": Person("ben", "Ben", (Contact("sms", "sms", "+2"),)),
}
POLICY = Policy("p", (Step(0.0, ("ana",)), Step(600.0, ("ben", "ana/mail"))), repeat=0, exhausted_after_s=900.0)
FRESH = Incident(
    id=7, code="ABCD", integration="am", group="g", title="t", labels={}, source_url="", severity="high", rank=1,
    urgency=Urgency.PAGE, started_at=0.0, updated_at=0.0,
)  # fmt: skip
BEGUN = escalate_from_start(FRESH, POLICY, 100.0)


def test_the_first_step_is_due_at_once() -> None:
    after, pages = step(BEGUN, POLICY, PEOPLE, 100.0)
    assert pages == (Page("ana", "sms", 1, 1),)
    assert (after.state, after.next_step, after.due_at) == (State.NEW, 1, 700.0)


def test_before_its_time_a_step_does_nothing() -> None:
    after, _ = step(BEGUN, POLICY, PEOPLE, 100.0)
    assert step(after, POLICY, PEOPLE, 699.9) == (after, ())


def test_every_contact_where_the_severity_says_so() -> None:
    _, pages = step(BEGUN, POLICY, PEOPLE, 100.0, every_contact=True)
    assert [page.contact for page in pages] == ["sms", "mail"]


def test_a_contact_can_be_named() -> None:
    second = replace(BEGUN, next_step=1)
    after, pages = step(second, POLICY, PEOPLE, 100.0)
    assert [(page.person, page.contact) for page in pages] == [("ben", "sms"), ("ana", "mail")]
    assert (after.state, after.due_at) == (State.ESCALATED, 1000.0)


def test_the_end_is_critical() -> None:
    last = replace(BEGUN, next_step=2)
    after, pages = step(last, POLICY, PEOPLE, 100.0)
    assert (after.state, after.due_at, pages) == (State.CRITICAL, None, ())


def test_an_acknowledged_incident_is_left_alone() -> None:
    taken = replace(BEGUN, state=State.ACKNOWLEDGED)
    assert step(taken, POLICY, PEOPLE, 100.0) == (taken, ())


def test_a_repeat_is_a_new_cycle() -> None:
    again = Policy("p", POLICY.steps, repeat=1, exhausted_after_s=900.0)
    last = replace(escalate_from_start(FRESH, again, 0.0), next_step=1)
    after, _ = step(last, again, PEOPLE, 0.0)
    assert (after.cycle, after.next_step, after.repeats_left, after.due_at) == (2, 0, 0, 900.0)


def test_a_person_named_twice_in_a_step_is_paged_once() -> None:
    twice = Policy("p", (Step(0.0, ("ana", "ana/sms")),), repeat=0, exhausted_after_s=1.0)
    assert len(step(BEGUN, twice, PEOPLE, 100.0)[1]) == 1


def test_a_step_for_nobody_leads_to_the_next_at_once() -> None:
    after, pages = step(BEGUN, POLICY, {}, 100.0)
    assert (pages, after.due_at) == ((), 100.0)


def test_hastening_moves_the_step_that_follows_only() -> None:
    waiting, _ = step(BEGUN, POLICY, PEOPLE, 100.0)
    assert hasten(waiting, cycle=1, step_number=1, now=200.0).due_at == 200.0
    assert hasten(waiting, cycle=1, step_number=2, now=200.0) is waiting
    assert hasten(waiting, cycle=2, step_number=1, now=200.0) is waiting
