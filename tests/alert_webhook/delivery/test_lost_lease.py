"""Attempts whose lease is over: what another took over is neither sent, nor written over, nor counted twice."""

import threading

import pytest
import sqlalchemy as sa

from alert_webhook.config import Delivery
from alert_webhook.delivery.channel import Outcome, Receipt, Retry
from alert_webhook.delivery.following import Ended, Rules, record
from alert_webhook.delivery.outbox import SPARED_LEASES, Outbox, patience_of
from alert_webhook.delivery.round import Job
from alert_webhook.delivery.tracking import TrackedChannels
from alert_webhook.escalation.due import escalate
from alert_webhook.store import attempts, incidents
from alert_webhook.store.database import Transaction
from alert_webhook.store.schema import delivery, notification
from tests.alert_webhook.web.conftest import both_databases
from tests.fakes.webhook_stack import Stack, config

LEASE_S = 60.0


@pytest.fixture
def other(stack: Stack) -> Outbox:
    """Another replica's."""
    channels = TrackedChannels(stack.parts, lambda: stack.channels)
    return Outbox(stack.parts, channels, gate=stack, meters=stack.meters, pause=stack.clock.advance)


@pytest.fixture
def jobs(stack: Stack) -> list[Job]:
    """Pages that this process has claimed and not sent."""
    stack.settings = config(delivery=Delivery(resolved=False))
    assert stack.post(stack.alert("Fire", "critical", 0.0, None, {})).status == 200
    stack.store.write(lambda tx: escalate(tx, config=stack.settings, random=stack.parts.random), "escalate")
    claimed = stack.outbox.claim(8)
    stack.outbox.take(claimed)
    return claimed


def pages(stack: Stack) -> list[tuple[int, bool]]:
    """Return what the first job's channel was given: which attempt, and whether it is said to be a repeat."""
    return [(message.attempt, message.possible_duplicate) for message in stack.channels["sms"].attempts]


def by_sms(jobs: list[Job]) -> Job:
    (job,) = [job for job in jobs if job.channel == "sms"]
    return job


def end(stack: Stack, *ended: tuple[Job, Outcome]) -> None:
    """Record these endings in one transaction."""
    rules = Rules(people=stack.settings.persons(), patience=patience_of(stack.settings), random=stack.parts.random)
    some = [Ended(owed=job.owed, outcome=outcome, owner=job.owner) for job, outcome in ended]
    stack.store.write(lambda tx: record(tx, some, rules), "record")


def states(stack: Stack, job: Job) -> tuple[str, list[str]]:
    """Return the message's state, and the outcomes of its attempts."""
    state = sa.select(notification.c.state).where(notification.c.id == job.owed.id)
    outcomes = (
        sa.select(delivery.c.outcome).where(delivery.c.notification_id == job.owed.id).order_by(delivery.c.attempt)
    )
    return stack.store.read(lambda tx: (tx.execute(state).scalar_one(), list(tx.execute(outcomes).scalars())))


@both_databases
def test_what_another_took_over_is_not_sent(stack: Stack, jobs: list[Job], other: Outbox) -> None:
    stack.clock.advance(LEASE_S + 1)  # the machine was suspended
    for job in other.claim(8):
        other.deliver(job)
    for job in jobs:
        stack.outbox.deliver(job)
    assert pages(stack) == [(2, True)]
    stack.phone("ana").expects("Fire")
    stack.mailbox("ana").expects("Fire")


def test_a_process_claims_none_of_its_own_again_while_they_are_on_their_way(
    stack: Stack, jobs: list[Job], other: Outbox
) -> None:
    stack.clock.advance(LEASE_S + 1)
    assert stack.outbox.claim(8) == []
    stack.clock.advance(SPARED_LEASES * LEASE_S)  # its thread hangs for good
    assert {job.owed.id for job in stack.outbox.claim(8)} == {job.owed.id for job in jobs}


@both_databases
@pytest.mark.parametrize("first", [Receipt("a"), Retry("busy")], ids=["taken", "busy"])
@pytest.mark.parametrize("late_last", [True, False])
def test_two_attempts_at_one_message_that_end_together(
    stack: Stack, jobs: list[Job], other: Outbox, first: Outcome, late_last: bool
) -> None:
    late = by_sms(jobs)
    stack.clock.advance(LEASE_S + 1)
    holder = by_sms(other.claim(8))
    both = [(late, first), (holder, Receipt("b"))]
    end(stack, *(reversed(both) if late_last else both))
    assert states(stack, late) == ("sent", ["accepted" if isinstance(first, Receipt) else "retry", "accepted"])


@both_databases
def test_who_records_holds_the_lease_until_it_is_written(
    stack: Stack, jobs: list[Job], other: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[Job]] = []
    beside = threading.Thread(target=lambda: seen.append(other.claim(8)))
    locked = attempts.lock_held

    def then_another_claims(tx: object, holders: object) -> object:
        found = locked(tx, holders)  # type: ignore[arg-type]
        stack.clock.advance(LEASE_S + 1)
        beside.start()
        beside.join(0.5)  # on SQLite it waits for our transaction, on PostgreSQL it passes the message over
        return found

    monkeypatch.setattr(attempts, "lock_held", then_another_claims)
    job = by_sms(jobs)
    end(stack, (job, Retry("busy")))
    beside.join(10)
    assert [each for some in seen for each in some if each.owed.id == job.owed.id and each.owed.unknowns] == []
    assert states(stack, job)[1][:1] == ["retry"]


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_a_claim_does_not_wait_for_who_acknowledges(stack: Stack, jobs: list[Job], other: Outbox) -> None:
    """Claims add links to incidents that an acknowledgement has locked: each would wait for the other."""
    seen: list[list[Job]] = []
    beside = threading.Thread(target=lambda: seen.append(other.claim(8)))
    stack.clock.advance(LEASE_S + 1)

    def acknowledging(tx: Transaction) -> None:
        incidents.lock(tx, [job.owed.incident_id for job in jobs])
        beside.start()
        beside.join(10)
        assert seen, "the claim waits"

    stack.store.write(acknowledging, "acknowledge")
    assert len(seen[0]) == len(jobs)
