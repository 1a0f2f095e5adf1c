"""Critical pages: the first at once, what is above a contact's limit together within a minute, nothing dropped."""

from typing import Any

import pytest
import sqlalchemy as sa
from msgspec.structs import replace

from alert_webhook.config import Delivery, Integration, PolicyBlock, StepBlock
from alert_webhook.delivery.blocks import CriticalBlock
from alert_webhook.delivery.callback import Report, Stage
from alert_webhook.delivery.channel import Message, Permanent, Reason, Retry
from alert_webhook.delivery.gate import LiveGate
from alert_webhook.delivery.reporting import apply_report
from alert_webhook.delivery.speech import speech
from alert_webhook.escalation.engine import SPIN_S
from alert_webhook.oncall.person_blocks import ContactBlock, PersonBlock
from alert_webhook.store.database import Transaction
from alert_webhook.store.schema import event, notification
from alert_webhook.store.schema_channels import tracked
from heronwatch.secrets import Secret
from heronwatch.values import Duration
from tests.alert_webhook.delivery.conftest import both_databases
from tests.fakes.webhook_stack import TOKEN, Stack, config

AT_ONCE, WAIT_S = 15, 60.0


@pytest.fixture
def stack(stack: Stack) -> Stack:
    """Every alert is an incident; ana is asked first, ben ten minutes later."""
    people = {
        name: PersonBlock(contacts=(ContactBlock(channel="sms", address=f"+3460000000{number}"),))
        for number, name in enumerate(("ana", "ben"), 1)
    }
    steps = (StepBlock(notify=("ana",)), StepBlock(notify=("ben",), after=Duration(600)))
    stack.settings = config(
        integrations={"am": Integration(tokens=(Secret(TOKEN),), policy="default", group_by=("host",))},
        people=people,
        policies={"default": PolicyBlock(steps=steps, exhausted_after=Duration(86_400))},
    )
    stack.gate = LiveGate(lambda: stack.settings)
    return stack


def down(stack: Stack, number: int, *, severity: str = "critical", ended: bool = False) -> None:
    """So many hosts are down; or up again."""
    ends = 0.0 if ended else None
    hosts: list[dict[str, Any]] = [
        stack.alert("Down", severity, -1.0 if ended else 0.0, ends, {"host": f"{severity}-{each}"})
        for each in range(number)
    ]
    assert stack.post(*hosts).status == 200
    work(stack)


def work(stack: Stack) -> None:
    """Let the engine do all that is due: more than `settle` has patience for."""
    while stack.engine.turn() <= SPIN_S:
        pass


def wait(stack: Stack, seconds: float) -> None:
    stack.clock.advance(seconds)
    work(stack)


def received(stack: Stack, person: str) -> list[Message]:
    """What somebody got since this was asked last."""
    stack.collect()
    found = stack.phone(person).waiting()
    stack.unexpected = [each for each in stack.unexpected if each not in found]
    return found


def states(stack: Stack, person: str) -> dict[str, int]:
    """How many notifications a person's contact has, by their state."""
    columns = (notification.c.state, sa.func.count())
    statement = sa.select(*columns).where(notification.c.person == person).group_by(notification.c.state)
    rows = stack.store.read(lambda tx: tx.execute(statement).all())
    return {str(row[0]): int(row[1]) for row in rows}


@both_databases
@pytest.mark.parametrize("number", [250, pytest.param(10_000, marks=[pytest.mark.long, pytest.mark.timeout(300)])])
def test_an_outage_of_many_critical_incidents_is_a_few_messages_that_tell_of_all(stack: Stack, number: int) -> None:
    down(stack, number)
    at_once = received(stack, "ana")
    assert len(at_once) == AT_ONCE
    assert {each.bundled for each in at_once} == {0}
    wait(stack, WAIT_S - 1)
    assert received(stack, "ana") == []
    wait(stack, 1)
    (bundle,) = received(stack, "ana")
    rest = number - AT_ONCE - 1
    assert bundle.bundled == rest
    assert bundle.context[0].startswith(f"{rest} more incident(s): {rest} critical: ")
    assert bundle.ack_url
    assert states(stack, "ana") == {"sent": number}, "told of in the bundle is told"
    told = sa.select(sa.func.count()).where(event.c.text.contains("in a message about another incident"))
    assert stack.store.read(lambda tx: tx.execute(told).scalar_one()) == rest
    wait(stack, 600 - WAIT_S)  # nobody answered: escalation goes on for every one of them
    assert len(received(stack, "ben")) == AT_ONCE
    wait(stack, WAIT_S)
    (for_ben,) = received(stack, "ben")
    assert for_ben.bundled == rest
    assert states(stack, "ben") == {"sent": number}


def test_a_flood_that_goes_on_is_a_message_a_minute_and_no_page_waits_longer(stack: Stack) -> None:
    down(stack, AT_ONCE)
    assert len(received(stack, "ana")) == AT_ONCE
    messages: list[Message] = []
    for burst in range(30):
        hosts = [stack.alert("Down", "critical", 0.0, None, {"host": f"late-{burst}-{each}"}) for each in range(3)]
        assert stack.post(*hosts).status == 200
        wait(stack, 10)
        messages += received(stack, "ana")
    wait(stack, WAIT_S)
    messages += received(stack, "ana")
    assert len(messages) <= 6
    assert sum(1 + each.bundled for each in messages) == 90
    longest = stack.store.read(
        lambda tx: tx.execute(sa.select(sa.func.max(notification.c.sent_at - notification.c.created_at))).scalar_one()
    )
    assert longest <= WAIT_S + 10
    received(stack, "ben")


def test_what_is_less_severe_rides_with_the_critical_bundle_the_most_severe_first(stack: Stack) -> None:
    down(stack, 6, severity="high")
    assert len(received(stack, "ana")) == 5
    down(stack, AT_ONCE)
    assert len(received(stack, "ana")) == AT_ONCE - 5
    wait(stack, WAIT_S)
    (bundle,) = received(stack, "ana")
    # the first critical page told of the high one that waited
    assert bundle.context[0].startswith("4 more incident(s): 4 critical: ")
    assert states(stack, "ana") == {"sent": AT_ONCE + 6}


def test_the_limit_is_set_in_the_configuration(stack: Stack) -> None:
    limit = CriticalBlock(messages=3, bundle_after=Duration(20))
    stack.settings = replace(stack.settings, delivery=Delivery(critical=limit))
    down(stack, 10)
    assert len(received(stack, "ana")) == 3
    wait(stack, 20)
    assert [each.bundled for each in received(stack, "ana")] == [6]


def test_a_call_says_how_many(stack: Stack) -> None:
    down(stack, 20)
    wait(stack, WAIT_S)
    *_, bundle = received(stack, "ana")
    assert speech(bundle).endswith("4 more incidents wait for an answer.")


def test_all_clears_of_many_are_bundled_too_and_say_so(stack: Stack) -> None:
    down(stack, 40)
    wait(stack, WAIT_S)
    received(stack, "ana")
    down(stack, 40, ended=True)
    wait(stack, WAIT_S)
    messages = received(stack, "ana")
    assert {each.reason for each in messages} == {Reason.RESOLVED}
    assert len(messages) <= 2
    assert any("more ended" in line for each in messages for line in each.context)
    assert states(stack, "ana") == {"sent": 80}


@pytest.mark.parametrize("failure", [Retry("HTTP 503"), Permanent("HTTP 400")])
def test_a_bundle_that_is_not_taken_loses_nothing(stack: Stack, failure: Retry | Permanent) -> None:
    down(stack, 40)
    assert len(received(stack, "ana")) == AT_ONCE
    stack.channels["sms"].answers = [failure]
    for _ in range(10):
        wait(stack, 15)
    told = sum(1 + each.bundled for each in received(stack, "ana"))
    refused = 1 if isinstance(failure, Permanent) else 0
    assert told == 40 - AT_ONCE - refused
    assert len(received(stack, "ben")) == refused, "its next step"


def test_a_bundle_that_was_taken_and_did_not_arrive_is_told_again(stack: Stack) -> None:
    down(stack, 40)
    received(stack, "ana")
    wait(stack, WAIT_S)
    (bundle,) = received(stack, "ana")
    failed = Report(reference="lost", stage=Stage.FAILED, word="undelivered")
    people = stack.settings.persons()

    def report(tx: Transaction) -> bool:
        tx.execute(tracked.insert().values(_tracked_row(bundle, tx.now)))
        return apply_report(tx, "sms", failed, people=people, random=stack.random)

    assert stack.store.write(report, "test")
    wait(stack, WAIT_S)
    (again,) = received(stack, "ana")
    assert again.bundled == bundle.bundled - 1
    assert len(received(stack, "ben")) == 1, "the bundle's own incident goes on with its next step"


def _tracked_row(message: Message, now: float) -> dict[str, Any]:
    place = {"channel": "sms", "reference": "lost", "notification_uid": message.id, "address": "+34600000001"}
    progress = {"stage": Stage.PASSED_ON, "word": "sent", "detail": "", "taken_at": now, "changed_at": now, "asked": 0}
    return {**place, **progress, "show_at": now}
