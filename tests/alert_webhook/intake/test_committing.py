"""What waits for a commit goes into one transaction, and what the database refuses costs itself alone."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from msgspec.structs import replace

from alert_webhook.errors import StoreUnavailableError
from alert_webhook.incidents.ingest import Ingested
from alert_webhook.incidents.rules import Rules, rules_for
from alert_webhook.intake import committing
from alert_webhook.intake.committing import GroupCommit
from alert_webhook.intake.fingerprint import fingerprint
from alert_webhook.intake.update import AlertUpdate, Delivery, Status
from alert_webhook.store.schema import alert, incident
from tests.fakes.daemons import wait_until
from tests.fakes.webhook_stack import Stack

TOO_LATE_NS = 2**70  # beyond what a column of 64 bits holds


def update(name: str) -> AlertUpdate:
    labels = {"alertname": name, "severity": "high"}
    return AlertUpdate(
        fingerprint=fingerprint(labels),
        status=Status.FIRING,
        labels=labels,
        annotations={},
        starts_at_ns=1,
        ends_at_ns=None,
        generator_url="",
    )


def delivery(*names: str) -> Delivery:
    return Delivery(group=f"{{}}:{names[0]}", updates=tuple(map(update, names)))


class Held:
    """Commits whose leader is held after its first transaction, so that others gather behind it."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.transactions: list[int] = []
        self.go_on = threading.Event()
        self.commits = GroupCommit(stack.parts, self._told)
        self.rules: Rules = rules_for(stack.settings, "am", stack.settings.integrations["am"])
        self.threads = ThreadPoolExecutor(20)

    def _told(self, name: str, done: Ingested) -> None:
        assert name == "am"
        self.transactions.append(done.received.total())
        assert self.go_on.wait(30)

    def first(self) -> "Future[None]":
        future = self.send(delivery("First"))
        wait_until(lambda: self.transactions == [1])
        return future

    def send(self, what: Delivery) -> "Future[None]":
        return self.threads.submit(self.commits.commit, what, self.rules)

    def waiting(self, number: int) -> None:
        wait_until(lambda: len(self.commits._queue) == number)

    def firing(self) -> list[str]:
        statement = sa.select(alert.c.name).where(alert.c.firing).order_by(alert.c.name)
        return self.stack.store.read(lambda tx: list(tx.execute(statement).scalars()))


@pytest.fixture
def held(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Held]:
    monkeypatch.setattr(committing, "LEADERS", 1)
    made = Held(stack)
    yield made
    made.go_on.set()
    made.threads.shutdown()


def test_what_waits_goes_into_one_transaction_and_each_group_is_an_incident(held: Held) -> None:
    first = held.first()
    others = [held.send(delivery(f"A{number}", f"B{number}")) for number in range(6)]
    held.waiting(6)
    assert not any(each.done() for each in (first, *others))  # nobody is answered before their commit is told
    held.go_on.set()
    for each in (first, *others):
        each.result(30)
    assert held.transactions == [1, 12]
    assert len(held.firing()) == 13
    groups = held.stack.store.read(lambda tx: set(tx.execute(sa.select(incident.c.group_name)).scalars()))
    assert groups == {"{}:First", *(f"{{}}:A{number}" for number in range(6))}


def test_two_that_speak_of_one_alert_are_two_transactions(held: Held) -> None:
    held.first()
    others = [held.send(delivery("Same")), held.send(delivery("Same"))]
    held.waiting(2)
    held.go_on.set()
    for each in others:
        each.result(30)
    assert held.transactions == [1, 1, 1]


def test_what_the_database_refuses_costs_itself_alone(held: Held) -> None:
    held.first()
    bad = replace(update("Bad"), starts_at_ns=TOO_LATE_NS)
    sent = [delivery("A"), Delivery(group="bad", updates=(bad,)), delivery("B"), delivery("C")]
    futures = [held.send(each) for each in sent]
    held.waiting(4)
    held.go_on.set()
    outcomes = [future.exception(30) for future in futures]
    assert [outcome is None for outcome in outcomes] == [True, False, True, True]
    assert held.firing() == ["A", "B", "C", "First"]


def test_a_database_that_is_away_is_told_to_all_at_once(held: Held, monkeypatch: pytest.MonkeyPatch) -> None:
    held.first()
    futures = [held.send(delivery(name)) for name in "ABC"]
    held.waiting(3)
    tries: list[str] = []

    def away(_work: Callable[..., object], name: str) -> None:
        tries.append(name)
        raise StoreUnavailableError("the server closed the connection")

    monkeypatch.setattr(held.stack.store, "write", away)
    held.go_on.set()
    assert all(isinstance(future.exception(30), StoreUnavailableError) for future in futures)
    assert tries == ["intake"]


def test_who_waits_too_long_for_a_turn_is_refused_and_not_committed(
    held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(committing, "WAIT_S", 0.01)
    held.first()
    with pytest.raises(StoreUnavailableError, match="no turn"):
        held.send(delivery("Late")).result(30)
    held.go_on.set()
    held.send(delivery("Next")).result(30)
    assert held.firing() == ["First", "Next"]
