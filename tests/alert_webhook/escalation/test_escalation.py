"""Escalation as sentences: alerts in, time passes, phones ring. Every test runs on SQLite and on PostgreSQL."""

from itertools import permutations
from typing import Any

import pytest

from alert_webhook.config import Delivery, Integration, PolicyBlock, Route, StepBlock
from alert_webhook.delivery.channel import Decision, Message, Outcome, Permanent, Reason, Retry, Unknown
from alert_webhook.escalation.due import escalate
from alert_webhook.incidents.actions import Answer, acknowledge
from alert_webhook.incidents.transitions import OPEN, State
from alert_webhook.store import incidents, views
from heronwatch.secrets import Secret
from heronwatch.values import Duration
from tests.fakes.webhook_stack import TOKEN, Stack, config

HIGH = "high"


def state_of(stack: Stack) -> str:
    (incident,) = listed(stack)
    return incident.state


def listed(stack: Stack, states: Any = frozenset(State)) -> Any:
    return stack.store.read(lambda tx: views.incident_list(tx, states=states))


def ack(stack: Stack, who: str = "ana") -> Answer:
    newest = listed(stack)[0]
    return acknowledge(stack.parts, newest.id, who=who, via="test").answer


def kinds(stack: Stack) -> list[str]:
    (incident,) = listed(stack)
    return [event.kind.value for event in stack.store.read(lambda tx: incidents.timeline(tx, incident.id))]


def test_critical_page_reaches_all_contacts_of_the_first_person_at_once(stack: Stack) -> None:
    stack.fire("LinkDown", instance="sw1")
    stack.phone("ana").expects("LinkDown", reason=Reason.PAGE, step=1)
    stack.mailbox("ana").expects("LinkDown")


def test_high_page_reaches_the_first_contact_only(stack: Stack) -> None:
    stack.fire("LinkDown", severity=HIGH)
    stack.phone("ana").expects("LinkDown")


def test_warning_is_recorded_and_pages_nobody(stack: Stack) -> None:
    stack.fire("DiskFilling", severity="warning")
    stack.fast_forward(minutes=60)
    assert state_of(stack) == "new"


def test_info_makes_no_incident(stack: Stack) -> None:
    stack.fire("Anomaly", severity="info", instance="sw1")
    assert listed(stack) == []


def test_an_unknown_severity_pages(stack: Stack) -> None:
    stack.fire("LinkDown", severity="P1-OMG")
    stack.phone("ana").expects("LinkDown")


def test_unacked_incident_reaches_second_level_after_delay(stack: Stack) -> None:
    stack.fire("LinkDown", severity=HIGH)
    stack.phone("ana").expects("LinkDown")
    stack.fast_forward(minutes=9)
    stack.nothing_else()
    stack.fast_forward(minutes=2)
    stack.phone("ben").expects("LinkDown", step=2)
    assert state_of(stack) == "escalated"


def test_silence_after_the_last_step_is_critical(stack: Stack) -> None:
    stack.fire("LinkDown", severity=HIGH)
    stack.fast_forward(minutes=26)
    stack.phone("ana").expects()
    stack.phone("ben").expects()
    assert state_of(stack) == "critical"
    assert kinds(stack) == ["began", "step", "sent", "step", "sent", "exhausted"]


def test_a_policy_repeats(stack: Stack) -> None:
    steps = (StepBlock(notify=("ana",)), StepBlock(notify=("ben",), after=Duration(60)))
    stack.settings = config(policies={"default": PolicyBlock(steps=steps, repeat=1, exhausted_after=Duration(120))})
    stack.fire("LinkDown", severity=HIGH)
    stack.fast_forward(minutes=10)
    for person in ("ana", "ben", "ana", "ben"):
        stack.phone(person).expects("LinkDown")
    assert state_of(stack) == "critical"


def test_ack_stops_the_escalation(stack: Stack) -> None:
    stack.fire("LinkDown", severity=HIGH)
    stack.phone("ana").expects()
    assert ack(stack) is Answer.TAKEN
    stack.fast_forward(minutes=60)
    assert state_of(stack) == "acknowledged"


def test_a_second_ack_changes_nothing_and_says_who_has_it(stack: Stack) -> None:
    stack.fire("LinkDown", severity=HIGH)
    stack.phone("ana").expects()
    ack(stack, "ana")
    before = kinds(stack)
    assert ack(stack, "ben") is Answer.ALREADY
    assert (listed(stack)[0].acked_by, kinds(stack)) == ("ana", before)


def test_ack_of_what_is_over_is_told_so(stack: Stack) -> None:
    stack.fire("LinkDown", severity="warning")
    stack.resolve("LinkDown", severity="warning", at=1)
    assert ack(stack) is Answer.OVER


def test_ack_of_nothing_is_told_so(stack: Stack) -> None:
    assert acknowledge(stack.parts, 4711, who="ana", via="test").answer is Answer.UNKNOWN


def test_ack_cancels_a_page_that_waits(stack: Stack) -> None:
    stack.channels["sms"].answers = [Retry("busy", after_s=50.0)]
    stack.fire("LinkDown", severity=HIGH)
    ack(stack)
    stack.fast_forward(minutes=60)
    assert "cancelled" in kinds(stack)


def test_ack_while_a_page_waits_for_its_sender_cancels_it(stack: Stack) -> None:
    reply = stack.post(stack.alert("LinkDown", HIGH, 0, None, {}))
    assert reply.status == 200

    stack.store.write(lambda tx: escalate(tx, config=stack.settings, random=stack.random), "escalate")
    (job,) = stack.outbox.claim(5)
    ack(stack)
    stack.clock.advance(1)
    stack.outbox.deliver(job)
    assert stack.channels["sms"].attempts == []


def test_resolve_tells_those_who_were_paged(stack: Stack) -> None:
    stack.fire("LinkDown", severity=HIGH)
    stack.phone("ana").expects("LinkDown")
    stack.fast_forward(minutes=1)
    stack.resolve("LinkDown", severity=HIGH)
    stack.phone("ana").expects("LinkDown", reason=Reason.RESOLVED, ack_url="")
    stack.fast_forward(minutes=30)
    assert state_of(stack) == "resolved"


def test_resolve_tells_nobody_where_that_is_switched_off(stack: Stack) -> None:
    stack.settings = config(delivery=Delivery(resolved=False))
    stack.fire("LinkDown", severity=HIGH)
    stack.phone("ana").expects()
    stack.resolve("LinkDown", severity=HIGH, at=1)


def test_an_incident_ends_with_its_last_alert(stack: Stack) -> None:
    stack.fire("LinkDown", severity=HIGH, group="g", instance="sw1")
    stack.fire("LinkDown", severity=HIGH, group="g", instance="sw2")
    stack.phone("ana").expects()
    stack.resolve("LinkDown", severity=HIGH, group="g", instance="sw1", at=1)
    assert (state_of(stack), listed(stack)[0].firing, listed(stack)[0].total) == ("new", 1, 2)
    stack.resolve("LinkDown", severity=HIGH, group="g", instance="sw2", at=1)
    stack.phone("ana").expects(reason=Reason.RESOLVED)


def test_the_same_alert_again_is_no_second_page(stack: Stack) -> None:
    first = stack.alert("LinkDown", HIGH, 0, None, {})
    for _ in range(3):
        assert stack.post(first).status == 200
        stack.engine.turn()
    stack.phone("ana").expects()


def test_a_stale_firing_after_the_resolve_pages_nobody(stack: Stack) -> None:
    old = stack.alert("LinkDown", HIGH, 0, None, {})
    stack.post(old)
    stack.engine.turn()
    stack.phone("ana").expects()
    stack.fast_forward(seconds=30)
    stack.resolve("LinkDown", severity=HIGH)
    stack.phone("ana").expects(reason=Reason.RESOLVED)
    stack.post(old)
    stack.fast_forward(minutes=9)
    assert listed(stack, OPEN) == []


def test_a_firing_that_is_still_asserted_after_the_grace_time_pages_again(stack: Stack) -> None:
    old = stack.alert("LinkDown", HIGH, 0, None, {})
    stack.post(old)
    stack.fast_forward(seconds=30)
    stack.resolve("LinkDown", severity=HIGH)
    stack.fast_forward(minutes=11)
    stack.post(old)
    stack.engine.turn()
    for reason in (Reason.PAGE, Reason.RESOLVED, Reason.PAGE):
        stack.phone("ana").expects(reason=reason)


def test_a_new_episode_is_a_new_incident(stack: Stack) -> None:
    stack.fire("LinkDown", severity=HIGH)
    stack.resolve("LinkDown", severity=HIGH, at=1)
    stack.fast_forward(minutes=1)
    stack.fire("LinkDown", severity=HIGH)
    for reason in (Reason.PAGE, Reason.RESOLVED, Reason.PAGE):
        stack.phone("ana").expects(reason=reason)
    assert len({incident.code for incident in listed(stack)}) == 2


def test_all_orders_of_the_same_updates_end_alike(stack: Stack) -> None:
    updates = [("firing", -60, None), ("resolved", -60, -50), ("firing", -40, None), ("firing", -40, None)]
    orders = list(permutations(updates))
    for number, order in enumerate(orders):
        for _, starts, ends in order:
            alert = stack.alert("LinkDown", "warning", starts, ends, {"port": str(number)})
            assert stack.post(alert, group=f"g{number}").status == 200
    still_open = listed(stack, OPEN)
    assert len(still_open) == len(orders)
    assert {incident.firing for incident in still_open} == {1}


def test_a_resolve_of_what_we_never_saw_tells_nobody(stack: Stack) -> None:
    stack.resolve("LinkDown", severity=HIGH)
    assert listed(stack) == []


def test_a_worse_alert_wakes_whoever_acknowledged_the_milder_one(stack: Stack) -> None:
    stack.fire("Battery", severity=HIGH, group="ups", instance="ups1")
    stack.phone("ana").expects()
    ack(stack)
    stack.fire("BatteryLow", severity="critical", group="ups", instance="ups1")
    stack.phone("ana").expects("Battery")
    stack.mailbox("ana").expects("Battery")
    assert state_of(stack) == "new"


def test_another_alert_of_the_same_severity_wakes_nobody_twice(stack: Stack) -> None:
    stack.fire("Battery", severity=HIGH, group="ups", instance="ups1")
    stack.phone("ana").expects()
    ack(stack)
    stack.fire("Battery", severity=HIGH, group="ups", instance="ups2")
    assert state_of(stack) == "acknowledged"


def test_a_recorded_incident_that_turns_serious_pages(stack: Stack) -> None:
    stack.fire("Temperature", severity="warning", group="t")
    stack.fast_forward(minutes=30)
    stack.fire("TemperatureHigh", severity=HIGH, group="t")
    stack.phone("ana").expects("Temperature")


def test_the_first_of_several_groups_keeps_an_alert(stack: Stack) -> None:
    alert = stack.alert("LinkDown", HIGH, 0, None, {})
    stack.post(alert, group="route-a")
    stack.post(alert, group="route-b")
    stack.engine.turn()
    stack.phone("ana").expects()
    assert len(listed(stack)) == 1


def test_labels_can_group_instead_of_the_sender(stack: Stack) -> None:
    integration = Integration(tokens=(Secret(TOKEN),), policy="default", group_by=("site",))
    stack.settings = config(integrations={"am": integration})
    stack.fire("LinkDown", severity=HIGH, group="a", site="north", instance="sw1")
    stack.fire("FanDown", severity=HIGH, group="b", site="north", instance="sw2")
    stack.fire("LinkDown", severity=HIGH, group="a", site="south", instance="sw3")
    stack.phone("ana").expects("north")
    stack.phone("ana").expects("south")


def test_a_route_picks_the_policy(stack: Stack) -> None:
    policies = {
        "default": PolicyBlock(steps=(StepBlock(notify=("ana",)),)),
        "power": PolicyBlock(steps=(StepBlock(notify=("ben",)),)),
    }
    stack.settings = config(policies=policies, routes=(Route(match={"domain": "power"}, policy="power"),))
    stack.fire("Battery", severity=HIGH, domain="power")
    stack.phone("ben").expects("Battery")


def test_an_incident_keeps_the_policy_it_began_with(stack: Stack) -> None:
    stack.fire("LinkDown", severity=HIGH)
    stack.phone("ana").expects()
    stack.settings = config(policies={"default": PolicyBlock(steps=(StepBlock(notify=("ana",)),))})
    stack.fast_forward(minutes=11)
    stack.phone("ben").expects()


def test_a_step_whose_people_are_gone_is_not_waited_for(stack: Stack) -> None:
    stack.settings = config(people={"ben": config().people["ben"]})
    stack.fire("LinkDown", severity=HIGH)
    stack.fast_forward(minutes=10.5)
    stack.phone("ben").expects()
    assert "nobody" in kinds(stack)


def test_context_names_open_anomalies_beside_the_incident(stack: Stack) -> None:
    beside = stack.alert(
        "Anomaly",
        "info",
        0,
        None,
        {"instance": "sw1", "site": "north"},
        annotations={"summary": "traffic of sw1 is unusual"},
    )
    same_site = stack.alert(
        "Anomaly", "info", 0, None, {"instance": "sw2", "site": "north"}, annotations={"summary": "sw2 too"}
    )
    elsewhere = stack.alert("Anomaly", "info", 0, None, {"instance": "sw9", "site": "south"})
    stack.post(same_site, beside, elsewhere, group="anomalies")
    stack.fire("LinkDown", severity=HIGH, instance="sw1", site="north")
    message = stack.phone("ana").expects("LinkDown")
    assert message.context == ("traffic of sw1 is unusual", "sw2 too")


def test_context_is_three_lines_at_most_and_only_what_is_open(stack: Stack) -> None:
    stack.post(*(stack.alert(f"Odd{n}", "info", -60, None, {"site": "north"}) for n in range(6)), group="a")
    stack.post(*(stack.alert(f"Odd{n}", "info", -60, -1, {"site": "north"}) for n in range(4)), group="a")
    stack.fire("LinkDown", severity=HIGH, site="north")
    assert [line[:4] for line in stack.phone("ana").expects().context] == ["Odd4", "Odd5"]


# --- providers' trouble ---------------------------------------------------------------------------------------------


def test_a_busy_provider_is_tried_again_when_it_says(stack: Stack) -> None:
    stack.channels["sms"].answers = [Retry("busy", after_s=20.0)]
    stack.fire("LinkDown", severity=HIGH)
    stack.fast_forward(seconds=19)
    assert len(stack.channels["sms"].attempts) == 1
    stack.fast_forward(seconds=31)
    message = stack.phone("ana").expects(attempt=2, possible_duplicate=False)
    assert message.id == stack.channels["sms"].attempts[0].id


def test_after_two_failures_the_next_contact_is_paged_too(stack: Stack) -> None:
    stack.channels["sms"].default = Retry("down")
    stack.fire("LinkDown", severity=HIGH)
    stack.fast_forward(minutes=1)
    stack.mailbox("ana").expects(reason=Reason.FALLBACK)
    assert "fallback" in kinds(stack)


def test_a_wait_past_a_minute_is_not_waited_for(stack: Stack) -> None:
    stack.channels["sms"].answers = [Retry("later", after_s=600.0)]
    stack.fire("LinkDown", severity=HIGH)
    stack.fast_forward(seconds=1)
    stack.mailbox("ana").expects(reason=Reason.FALLBACK)


def test_a_permanent_failure_falls_back_at_once(stack: Stack) -> None:
    stack.channels["sms"].answers = [Permanent("no such number")]
    stack.fire("LinkDown", severity=HIGH)
    stack.fast_forward(seconds=1)
    stack.mailbox("ana").expects(reason=Reason.FALLBACK)


def test_a_step_that_reached_nobody_is_not_waited_for(stack: Stack) -> None:
    stack.channels["sms"].answers = [Permanent("no such number")]
    stack.channels["mail"].default = Permanent("mailbox unknown")
    stack.fire("LinkDown", severity=HIGH)
    stack.fast_forward(seconds=2)
    stack.phone("ben").expects(step=2)


def test_a_contact_that_left_the_configuration_falls_back(stack: Stack) -> None:
    stack.post(stack.alert("LinkDown", HIGH, 0, None, {}))

    stack.store.write(lambda tx: escalate(tx, config=stack.settings, random=stack.random), "escalate")
    ana = config().people["ana"]
    stack.settings = config(people={**config().people, "ana": type(ana)(contacts=ana.contacts[1:])})
    stack.fast_forward(seconds=1)
    stack.mailbox("ana").expects(reason=Reason.FALLBACK)


def test_an_unknown_answer_is_sent_once_more_and_says_so(stack: Stack) -> None:
    stack.channels["sms"].answers = [Unknown("timed out after sending")]
    stack.fire("LinkDown", severity=HIGH)
    stack.fast_forward(minutes=1)
    stack.phone("ana").expects(possible_duplicate=True, attempt=2)


def test_two_unknown_answers_fall_back(stack: Stack) -> None:
    stack.channels["sms"].answers = [Unknown("timed out"), Unknown("timed out")]
    stack.fire("LinkDown", severity=HIGH)
    stack.fast_forward(minutes=5)
    stack.mailbox("ana").expects(reason=Reason.FALLBACK)
    assert len(stack.channels["sms"].attempts) == 2


def test_a_channel_that_raises_counts_as_unknown(stack: Stack) -> None:
    stack.channels["sms"].answers = [RuntimeError("a bug")]
    stack.fire("LinkDown", severity=HIGH)
    stack.fast_forward(minutes=1)
    stack.phone("ana").expects(possible_duplicate=True)


def test_a_provider_that_comes_back_sends_nothing_that_is_over(stack: Stack) -> None:
    stack.channels["sms"].default = Retry("down")
    stack.channels["mail"].default = Retry("down")
    stack.fire("LinkDown", severity=HIGH)
    stack.fast_forward(minutes=5)
    ack(stack)
    stack.channels["sms"].default = stack.channels["mail"].default = stack.channels["sms"].sent or _receipt()
    stack.fast_forward(minutes=60)


def _receipt() -> Outcome:
    from alert_webhook.delivery.channel import Receipt

    return Receipt()


def test_an_outage_of_the_engine_pages_one_step_at_a_time(stack: Stack) -> None:
    stack.post(stack.alert("LinkDown", HIGH, 0, None, {}))
    stack.clock.advance(3600)
    stack.engine.turn()
    stack.phone("ana").expects()
    stack.nothing_else()
    stack.fast_forward(minutes=11)
    stack.phone("ben").expects()


def test_a_sender_that_died_with_a_page_leaves_one_that_says_so(stack: Stack) -> None:
    stack.post(stack.alert("LinkDown", HIGH, 0, None, {}))

    stack.store.write(lambda tx: escalate(tx, config=stack.settings, random=stack.random), "escalate")
    assert len(stack.outbox.claim(5)) == 1  # and the process dies here
    stack.fast_forward(seconds=59)
    stack.nothing_else()
    stack.fast_forward(seconds=31)
    stack.phone("ana").expects(possible_duplicate=True, attempt=2)


def test_whoever_lost_the_lease_changes_nothing_any_more(stack: Stack) -> None:
    stack.post(stack.alert("LinkDown", HIGH, 0, None, {}))

    stack.store.write(lambda tx: escalate(tx, config=stack.settings, random=stack.random), "escalate")
    (slow,) = stack.outbox.claim(5)
    stack.fast_forward(seconds=90)
    stack.phone("ana").expects(possible_duplicate=True)
    stack.channels["sms"].answers = [Permanent("too late")]
    stack.outbox.deliver(slow)
    stack.fast_forward(minutes=1)
    assert "failed" not in kinds(stack)


def test_a_page_that_keeps_killing_its_sender_is_given_up(stack: Stack) -> None:
    stack.post(stack.alert("LinkDown", HIGH, 0, None, {}))

    stack.store.write(lambda tx: escalate(tx, config=stack.settings, random=stack.random), "escalate")
    for _ in range(7):
        stack.outbox.claim(5)
        stack.clock.advance(61)
    stack.fast_forward(seconds=1)
    stack.mailbox("ana").expects(reason=Reason.FALLBACK)


class Closed:
    """A gate that lets nothing through before its time."""

    def __init__(self, until: float) -> None:
        self.until = until

    def ask(self, message: Message, recent: tuple[float, ...], now: float) -> Decision:
        return Decision(now >= self.until or message.recipient.contact != "sms", "breaker open", self.until)

    def tell(self, channel: str, outcome: Outcome, now: float) -> None:
        """Nothing to learn."""


def test_a_closed_gate_delays_and_then_falls_back(stack: Stack) -> None:
    stack.gate = Closed(stack.clock.now() + 240)
    stack.fire("LinkDown", severity=HIGH)
    stack.fast_forward(seconds=50)
    stack.nothing_else()
    stack.fast_forward(seconds=30)
    stack.mailbox("ana").expects(reason=Reason.FALLBACK)
    stack.fast_forward(minutes=4)
    stack.phone("ana").expects(attempt=1)


def test_the_gate_is_told_what_a_contact_was_sent_lately(stack: Stack) -> None:
    asked: list[tuple[float, ...]] = []

    class Curious(Closed):
        def ask(self, message: Message, recent: tuple[float, ...], now: float) -> Decision:
            asked.append(recent)
            return Decision(send=True)

    stack.gate = Curious(0)
    began = stack.clock.now()
    stack.fire("LinkDown", severity=HIGH)
    stack.fire("FanDown", severity=HIGH)
    assert asked == [(), (began,)]
    stack.phone("ana").expects()
    stack.phone("ana").expects()


@pytest.mark.parametrize("during", ["resolve", "ack"])
def test_a_page_on_its_way_while_the_incident_ends_stays_one_page(stack: Stack, during: str) -> None:
    def meanwhile(message: Message) -> None:
        stack.channels["sms"].during = lambda _: None
        if during == "ack":
            ack(stack)
        else:
            assert stack.post(stack.alert("LinkDown", HIGH, 0, 1, {}), group="LinkDown").status == 200

    stack.channels["sms"].during = meanwhile
    stack.fire("LinkDown", severity=HIGH)
    stack.fast_forward(minutes=15)
    stack.phone("ana").expects(reason=Reason.PAGE)
    if during == "resolve":
        stack.phone("ana").expects(reason=Reason.RESOLVED)
