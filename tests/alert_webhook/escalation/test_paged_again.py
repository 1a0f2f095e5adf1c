"""Pages that were given up while a provider failed are owed once more when it works: nobody stays untold."""

import pytest

from alert_webhook.config import PolicyBlock, StepBlock
from alert_webhook.delivery.channel import Outcome, Permanent, Reason, Receipt, Retry, Unknown
from alert_webhook.delivery.gate import LiveGate
from alert_webhook.escalation.again import TRIAL_EVERY_S, Unreached, paged_again
from alert_webhook.incidents.actions import acknowledge
from alert_webhook.incidents.transitions import State
from alert_webhook.oncall.person_blocks import ContactBlock, PersonBlock
from alert_webhook.store import views
from heronwatch.values import Duration
from tests.fakes.webhook_stack import Stack, config

NOW = 10_000.0
PAGES = (Reason.PAGE, Reason.FALLBACK)
sqlite = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)  # enough where another test asks for both
PLACES = {("ana", "sms"): "sms", ("ben", "mail"): "mail"}


def given_up(incident_id: int, *, rank: int = 0, person: str = "ana", at: float = NOW - 60) -> Unreached:
    contact = "sms" if person == "ana" else "mail"
    return Unreached(incident_id=incident_id, cycle=1, rank=rank, person=person, contact=contact, given_up_at=at)


@pytest.mark.parametrize(
    ("found", "worked_at", "tried", "expected"),
    [
        ([given_up(1)], {}, set(), []),  # too early for a trial
        ([given_up(1), given_up(2, rank=1)], {"sms": NOW}, set(), [1, 2]),
        ([given_up(1, rank=1), given_up(2)], {"sms": NOW}, set(), [2, 1]),  # the most severe first
        ([given_up(1), given_up(1)], {"sms": NOW}, set(), [1]),
        ([given_up(1)], {"sms": NOW - 61}, set(), []),  # it worked before, not since
        ([given_up(1)], {"mail": NOW}, set(), []),
        ([given_up(1, at=NOW - TRIAL_EVERY_S), given_up(2, at=NOW - TRIAL_EVERY_S)], {}, set(), [1]),
        ([given_up(1, at=NOW - TRIAL_EVERY_S)], {}, {"sms"}, []),
        ([given_up(1, at=NOW - TRIAL_EVERY_S), given_up(2)], {}, set(), []),  # the last trial failed a minute ago
        ([given_up(n, person=who, at=0.0) for n, who in ((1, "ana"), (2, "ben"))], {}, set(), [1, 2]),
        ([given_up(1, person="gone", at=0.0)], {"sms": NOW}, set(), []),
    ],
)
def test_who_is_paged_again(
    found: list[Unreached], worked_at: dict[str, float], tried: set[str], expected: list[int]
) -> None:
    assert list(paged_again(found, PLACES, worked_at, tried=tried, now=NOW)) == expected


@pytest.fixture
def stack(stack: Stack) -> Stack:
    """Ana has one contact, and nobody else is asked."""
    people = {"ana": PersonBlock(contacts=(ContactBlock(channel="sms", address="+34600000001"),))}
    policies = {"default": PolicyBlock(steps=(StepBlock(notify=("ana",)),), exhausted_after=Duration(900))}
    stack.settings = config(people=people, policies=policies)
    stack.gate = LiveGate(lambda: stack.settings)
    return stack


def outage(stack: Stack, minutes: float, outcome: Outcome) -> None:
    stack.channels["sms"].default = outcome
    stack.fast_forward(minutes=minutes)


def id_of(stack: Stack, title: str) -> int:
    listed = stack.store.read(lambda tx: views.incident_list(tx, states=frozenset(State)))
    return next(each.id for each in listed if each.title == title)


def titles(stack: Stack) -> list[str]:
    """The pages that ana got since this was asked last."""
    stack.collect()
    found = [message.incident.title for message in stack.phone("ana").waiting() if message.reason in PAGES]
    stack.unexpected.clear()
    return found


@sqlite
@pytest.mark.parametrize(
    "failing", [Retry("HTTP 503"), Unknown("no answer in time"), Permanent("HTTP 401", refused_us=True)]
)
def test_after_an_outage_each_open_incident_is_paged_once_the_most_severe_first(stack: Stack, failing: Outcome) -> None:
    stack.channels["sms"].default = failing
    for name, severity in (("High", "high"), ("Acked", "critical"), ("Over", "critical"), ("Fire", "critical")):
        stack.fire(name, severity=severity)
    outage(stack, 40, failing)
    acknowledge(stack.parts, id_of(stack, "Acked"), who="ana", via="test")
    stack.resolve("Over", at=1)
    assert titles(stack) == []
    outage(stack, 40, Receipt("ref"))
    told = titles(stack)
    assert sorted(told) == ["Fire", "High"], "each once, and nothing that somebody has or that is over"
    assert told[0] == "Fire"
    stack.fast_forward(minutes=10)
    assert titles(stack) == []


def test_another_page_that_goes_out_is_enough(stack: Stack) -> None:
    stack.channels["sms"].default = Retry("HTTP 503")
    stack.fire("Fire")
    outage(stack, 36, Retry("HTTP 503"))
    stack.channels["sms"].default = Receipt("ref")
    stack.fire("New")
    stack.fast_forward(minutes=3)
    assert sorted(titles(stack)) == ["Fire", "New"]


@sqlite
def test_an_address_that_is_refused_is_not_tried_for_ever(stack: Stack) -> None:
    stack.channels["sms"].answers = [Permanent("HTTP 400")]
    stack.fire("Refused")
    stack.fire("New")
    stack.fast_forward(minutes=20)
    assert titles(stack) == ["New"]


@sqlite
def test_who_was_reached_is_not_paged_again(stack: Stack) -> None:
    stack.fire("Fire")
    assert titles(stack) == ["Fire"]
    outage(stack, 20, Receipt("ref"))
    assert titles(stack) == []


@sqlite
def test_while_the_provider_fails_one_incident_tries(stack: Stack) -> None:
    stack.channels["sms"].default = Retry("HTTP 503")
    for number in range(6):
        stack.fire(f"Down{number}")
    outage(stack, 45, Retry("HTTP 503"))
    before = len(stack.channels["sms"].attempts)
    outage(stack, 20, Retry("HTTP 503"))
    tried = stack.channels["sms"].attempts[before:]
    assert 1 <= len({message.incident.code for message in tried}) <= 2
    assert len(tried) <= 20
    outage(stack, 10, Receipt("ref"))
    assert sorted(titles(stack)) == [f"Down{number}" for number in range(6)]
