"""Escalation that asks schedules, people's rules and conditions, as sentences; on SQLite and on PostgreSQL."""

from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from alert_webhook.config import ContactBlock, PersonBlock, PolicyBlock, StepBlock
from alert_webhook.delivery.channel import Permanent, Reason
from alert_webhook.escalation.blocks import ConditionBlock
from alert_webhook.incidents.actions import acknowledge
from alert_webhook.incidents.transitions import State
from alert_webhook.oncall.blocks import LayerBlock, ScheduleBlock, WindowBlock
from alert_webhook.oncall.person_blocks import QuietBlock, RuleBlock, RuleContactBlock
from alert_webhook.oncall.schedule import Override
from alert_webhook.oncall.wall import Day, TimeOfDay, Zone
from alert_webhook.store import incidents, overrides, views
from heronwatch.values import Duration
from tests.fakes.webhook_stack import Stack, config

MADRID = Zone("Europe/Madrid")
MINUTE, HOUR = 60, 3600
# the fake clock begins on Friday 2027-01-15 at 08:00 UTC, 09:00 in Madrid
ALTERNATE = ScheduleBlock(
    time_zone=MADRID, layers=(LayerBlock(people=("ana", "ben"), every=Duration(86_400), start=Day(2027, 1, 15)),)
)
BEN = PersonBlock(
    contacts=(ContactBlock(channel="sms", address="+34600000002"), ContactBlock(channel="mail", address="ben@x"))
)


def policy(*steps: StepBlock, **more: Any) -> dict[str, PolicyBlock]:
    return {"default": PolicyBlock(steps=steps, exhausted_after=Duration(900), **more)}


def use(stack: Stack, *steps: StepBlock, **changes: Any) -> None:
    base = {"schedules": {"network": ALTERNATE}, "policies": policy(*steps)}
    stack.settings = config(**{**base, **changes})


def timeline(stack: Stack) -> list[str]:
    (found,) = stack.store.read(lambda tx: views.incident_list(tx, states=frozenset(State)))
    return [event.text for event in stack.store.read(lambda tx: incidents.timeline(tx, found.id))]


def ack(stack: Stack) -> None:
    newest = stack.store.read(lambda tx: views.incident_list(tx, states=frozenset(State)))[0]
    acknowledge(stack.parts, newest.id, who="ana", via="test")


def test_the_clock_begins_where_these_tests_think(stack: Stack) -> None:
    assert datetime.fromtimestamp(stack.clock.now(), UTC).isoformat() == "2027-01-15T08:00:00+00:00"


def test_whoever_is_on_call_is_paged(stack: Stack) -> None:
    use(stack, StepBlock(notify=("schedule:network",)))
    stack.fire("LinkDown", severity="high")
    stack.phone("ana").expects("LinkDown")
    assert timeline(stack)[1] == "step 1 of policy default pages ana/sms (ana is on call in network, layer 1)"


def test_the_person_is_found_when_the_step_is_due_not_when_the_incident_began(stack: Stack) -> None:
    use(stack, StepBlock(notify=("ana",)), StepBlock(notify=("schedule:network",), after=Duration(HOUR)))
    stack.clock.advance(23.5 * HOUR)  # half an hour before the hand-over to ben
    stack.fire("LinkDown", severity="high")
    stack.phone("ana").expects("LinkDown", step=1)
    stack.fast_forward(minutes=61)
    stack.phone("ben").expects("LinkDown", step=2)


def test_an_edited_schedule_counts_for_incidents_that_began_before(stack: Stack) -> None:
    use(stack, StepBlock(notify=("ben",)), StepBlock(notify=("schedule:network",), after=Duration(600)))
    stack.fire("LinkDown", severity="high")
    stack.phone("ben").expects("LinkDown")
    only_ben = ScheduleBlock(time_zone=MADRID, layers=(LayerBlock(people=("ben",)),))
    stack.settings = replace(
        stack.settings, schedules={"network": only_ben}, policies=policy(StepBlock(notify=("ana",)))
    )
    stack.fast_forward(minutes=11)
    stack.phone("ben").expects("LinkDown", step=2)


def test_an_override_made_meanwhile_counts(stack: Stack) -> None:
    use(stack, StepBlock(notify=("schedule:network",)))
    now = stack.clock.now()
    mine = Override("ben", now - 1, now + HOUR)
    stack.store.write(lambda tx: overrides.add(tx, "network", mine, who="maria"), "test")
    stack.fire("LinkDown", severity="high")
    stack.phone("ben").expects("LinkDown")
    assert "override by maria" in timeline(stack)[1]


def test_an_override_for_somebody_who_left_leaves_the_layer_in_force(stack: Stack) -> None:
    use(stack, StepBlock(notify=("schedule:network",)))
    now = stack.clock.now()
    stack.store.write(lambda tx: overrides.add(tx, "network", Override("gone", now - 1, now + 9), who="m"), "test")
    stack.fire("LinkDown", severity="high")
    stack.phone("ana").expects("LinkDown")


def test_in_a_gap_the_next_step_is_not_waited_for(stack: Stack) -> None:
    nights = LayerBlock(people=("ana",), only=(WindowBlock(begins=TimeOfDay(22 * 60), to=TimeOfDay(6 * 60)),))
    use(
        stack,
        StepBlock(notify=("schedule:network",)),
        StepBlock(notify=("ben",), after=Duration(600)),
        schedules={"network": ScheduleBlock(time_zone=MADRID, layers=(nights,))},
    )
    stack.fire("LinkDown", severity="high")
    stack.phone("ben").expects("LinkDown", step=2)
    assert timeline(stack)[1] == "step 1 reaches nobody: nobody is on call in network"


def test_a_schedule_that_is_gone_is_a_step_for_nobody(stack: Stack) -> None:
    use(stack, StepBlock(notify=("ana",)), StepBlock(notify=("schedule:network", "ben"), after=Duration(60)))
    stack.fire("LinkDown", severity="high")
    stack.phone("ana").expects()
    stack.settings = replace(stack.settings, schedules={}, policies=policy(StepBlock(notify=("ana",))))
    stack.fast_forward(minutes=2)
    stack.phone("ben").expects(step=2)


def test_a_step_that_goes_round_pages_the_next_one_each_time(stack: Stack) -> None:
    use(stack, StepBlock(notify=("ana", "ben"), round_robin=True))
    for number, person in enumerate(("ana", "ben", "ana", "ben", "ana")):
        stack.fire(f"Link{number}", severity="high")
        stack.phone(person).expects(f"Link{number}")
        stack.resolve(f"Link{number}", severity="high", at=1)
        stack.phone(person).expects(reason=Reason.RESOLVED)


def test_a_step_that_goes_round_goes_on_when_the_policy_repeats(stack: Stack) -> None:
    use(stack, policies=policy(StepBlock(notify=("ana", "ben"), round_robin=True), repeat=1))
    stack.fire("LinkDown", severity="high")
    stack.phone("ana").expects()
    stack.fast_forward(minutes=16)
    stack.phone("ben").expects()


def test_a_turn_of_somebody_who_cannot_be_reached_is_the_next_ones(stack: Stack) -> None:
    use(stack, StepBlock(notify=("schedule:gone", "ben"), round_robin=True))
    stack.fire("LinkDown", severity="high")
    stack.phone("ben").expects()


@pytest.mark.parametrize(
    ("when", "applies"),
    [
        (ConditionBlock(severities=("high",)), True),
        (ConditionBlock(severities=("critical",)), False),
        (ConditionBlock(match={"site": "north"}), True),
        (ConditionBlock(match={"site": "south"}), False),
        (ConditionBlock(match={"absent": "x"}), False),
        (ConditionBlock(time_zone=MADRID, during=(WindowBlock(days=("fri",), begins=TimeOfDay(540)),)), True),
        (ConditionBlock(time_zone=MADRID, during=(WindowBlock(to=TimeOfDay(540)),)), False),
        (ConditionBlock(time_zone=MADRID, outside=(WindowBlock(days=("sat", "sun")),)), True),
        (ConditionBlock(time_zone=MADRID, outside=(WindowBlock(begins=TimeOfDay(480), to=TimeOfDay(600)),)), False),
    ],
)
def test_a_step_applies_under_its_condition_only(stack: Stack, when: ConditionBlock, applies: bool) -> None:
    use(stack, StepBlock(notify=("ana",), when=when), StepBlock(notify=("ben",), after=Duration(600)))
    stack.fire("LinkDown", severity="high", site="north")
    stack.phone("ana" if applies else "ben").expects("LinkDown")
    assert ("does not apply" in timeline(stack)[1]) is not applies


def people(**changes: Any) -> dict[str, PersonBlock]:
    return {**config().people, "ben": replace(BEN, **changes)}


RULES = (
    RuleBlock(severities=("critical",), contacts=(RuleContactBlock(contact="mail"),)),
    RuleBlock(contacts=(RuleContactBlock(contact="mail"), RuleContactBlock(contact="sms", after=Duration(300)))),
)


def test_a_persons_rule_says_which_contact_and_when(stack: Stack) -> None:
    use(stack, StepBlock(notify=("ben",)), people=people(rules=RULES))
    stack.fire("LinkDown", severity="high")
    stack.mailbox("ben").expects()
    stack.fast_forward(minutes=4)
    stack.nothing_else()
    stack.fast_forward(minutes=2)
    stack.phone("ben").expects()


def test_the_first_rule_that_fits_the_severity_counts(stack: Stack) -> None:
    use(stack, StepBlock(notify=("ben",)), people=people(rules=RULES))
    stack.fire("LinkDown", severity="critical")
    stack.mailbox("ben").expects()
    stack.fast_forward(minutes=10)


def test_an_ack_cancels_the_contacts_that_wait(stack: Stack) -> None:
    use(stack, StepBlock(notify=("ben",)), people=people(rules=RULES))
    stack.fire("LinkDown", severity="high")
    stack.mailbox("ben").expects()
    ack(stack)
    stack.fast_forward(minutes=10)


def test_a_contact_that_waits_is_asked_at_once_when_the_one_before_fails(stack: Stack) -> None:
    use(stack, StepBlock(notify=("ben",)), people=people(rules=RULES))
    stack.channels["mail"].default = Permanent("no such mailbox")
    stack.fire("LinkDown", severity="high")
    stack.phone("ben").expects(reason=Reason.PAGE)
    stack.fast_forward(minutes=10)
    assert "ben/mail does not work out: paging ben/sms now" in timeline(stack)


QUIET = QuietBlock(severities=("high",), begins=TimeOfDay(8 * 60), to=TimeOfDay(10 * 60))


def test_in_quiet_hours_a_mild_page_waits_for_their_end(stack: Stack) -> None:
    use(stack, StepBlock(notify=("ben",)), people=people(time_zone=MADRID, quiet_hours=QUIET))
    stack.fire("LinkDown", severity="high")
    stack.fast_forward(minutes=59)
    stack.nothing_else()
    stack.fast_forward(minutes=2)
    stack.phone("ben").expects()


def test_the_next_step_counts_from_the_page_that_waited(stack: Stack) -> None:
    steps = (StepBlock(notify=("ben",)), StepBlock(notify=("ana",), after=Duration(600)))
    use(stack, *steps, people=people(time_zone=MADRID, quiet_hours=QUIET))
    stack.fire("LinkDown", severity="high")
    stack.fast_forward(minutes=69)
    stack.phone("ben").expects()
    stack.nothing_else()
    stack.fast_forward(minutes=2)
    stack.phone("ana").expects(step=2)


def test_in_quiet_hours_a_critical_page_wakes(stack: Stack) -> None:
    use(stack, StepBlock(notify=("ben/sms",)), people=people(time_zone=MADRID, quiet_hours=QUIET))
    stack.fire("LinkDown", severity="critical")
    stack.phone("ben").expects()


def test_pages_that_wait_are_cancelled_when_the_incident_ends(stack: Stack) -> None:
    use(stack, StepBlock(notify=("ben",)), people=people(time_zone=MADRID, quiet_hours=QUIET))
    stack.fire("LinkDown", severity="high")
    stack.fast_forward(minutes=5)
    stack.resolve("LinkDown", severity="high", at=1)
    stack.fast_forward(minutes=120)
