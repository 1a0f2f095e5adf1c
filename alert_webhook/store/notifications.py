"""Statements about notifications and the attempts at them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from alert_webhook.delivery.channel import Reason
from alert_webhook.delivery.owed import NextMove, Owed, Progress
from alert_webhook.store.database import Transaction
from alert_webhook.store.schema import delivery, notification
from alert_webhook.store.statements import insert_or_keep

PAGES = (Reason.PAGE.value, Reason.FALLBACK.value)
MAX_DETAIL = 500


def add(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    """Owe these messages; one that is owed already (same incident, cycle, step, contact, reason) stays as it is.

    A row has uid, incident_id, cycle, step, person, contact, reason and rank; one that has `created_at` and `due_at` as
    well waits until then.
    """
    filled = {"state": Progress.PENDING.value, "created_at": tx.now, "due_at": tx.now}
    zero = {"attempts": 0, "unknowns": 0, "fell_back": False, "detail": ""}
    if rows:
        tx.execute(insert_or_keep(tx, notification), [{**filled, **zero, **row} for row in rows])


def lock_due(tx: Transaction, limit: int) -> list[Owed]:
    """Lock and return messages that are due, or whose lease is over; what others hold is passed over."""
    due = (notification.c.state == Progress.PENDING.value) & (notification.c.due_at <= tx.now)
    abandoned = (notification.c.state == Progress.SENDING.value) & (notification.c.lease_until <= tx.now)
    statement = (
        sa.select(notification)
        .where(due | abandoned)
        .order_by(notification.c.rank, notification.c.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return [owed_of(row) for row in tx.execute(statement)]


def lock(tx: Transaction, notification_id: int) -> Owed | None:
    """Lock one notification and return it."""
    statement = sa.select(notification).where(notification.c.id == notification_id).with_for_update()
    row = tx.execute(statement).one_or_none()
    return None if row is None else owed_of(row)


def next_due(tx: Transaction) -> float | None:
    """Return when the next message is due or the next lease over."""
    pending = sa.select(sa.func.min(notification.c.due_at)).where(notification.c.state == Progress.PENDING.value)
    leased = sa.select(sa.func.min(notification.c.lease_until)).where(notification.c.state == Progress.SENDING.value)
    found = [float(at) for at in (tx.execute(each).scalar_one() for each in (pending, leased)) if at is not None]
    return min(found, default=None)


def lease(tx: Transaction, owed: Owed, *, owner: str, until: float, channel: str) -> Owed:
    """Mark a locked notification as being sent, begin an attempt, and return it as it is now."""
    unknowns = owed.unknowns + (owed.progress is Progress.SENDING)  # whoever held it may have sent it and died
    attempts = owed.attempts + 1
    update(
        tx,
        owed.id,
        state=Progress.SENDING.value,
        lease_until=until,
        lease_owner=owner,
        attempts=attempts,
        unknowns=unknowns,
        told_in=None,
    )
    attempt = {"notification_id": owed.id, "attempt": attempts, "channel": channel, "started_at": tx.now}
    tx.execute(delivery.insert().values(**attempt, outcome="", reference="", detail=""))
    return Owed(
        **{name: getattr(owed, name) for name in Owed.__struct_fields__ if name not in {"progress", "unknowns"}},
        progress=Progress.SENDING,
        unknowns=unknowns,
    )


def holds(tx: Transaction, notification_id: int, owner: str) -> bool:
    """Return whether `owner` still has the lease (nobody else took over meanwhile)."""
    where = (notification.c.id == notification_id) & (notification.c.lease_owner == owner)
    leased = where & (notification.c.state == Progress.SENDING.value)
    return tx.execute(sa.select(notification.c.id).where(leased)).first() is not None


def finish(tx: Transaction, owed: Owed, move: NextMove, *, outcome: str, reference: str) -> None:
    """Record how the attempt that `owed` describes ended, and what follows."""
    update(
        tx,
        owed.id,
        state=move.progress.value,
        due_at=move.due_at,
        lease_until=None,
        lease_owner=None,
        unknowns=move.unknowns,
        fell_back=owed.fell_back or move.fallback,
        detail=move.why[:MAX_DETAIL],
        sent_at=tx.now if move.progress is Progress.SENT else None,
    )
    where = (delivery.c.notification_id == owed.id) & (delivery.c.attempt == owed.attempts + 1)
    ended = {"ended_at": tx.now, "outcome": outcome, "reference": reference, "detail": move.why[:MAX_DETAIL]}
    tx.execute(delivery.update().where(where).values(ended))


def note_late(tx: Transaction, owed: Owed, *, outcome: str, reference: str) -> None:
    """Note how an attempt ended whose lease was over before; what follows from it is no longer its business."""
    where = (delivery.c.notification_id == owed.id) & (delivery.c.attempt == owed.attempts + 1)
    tx.execute(delivery.update().where(where).values(ended_at=tx.now, outcome=outcome, reference=reference))


def page_in_flight(tx: Transaction, owed: Owed) -> bool:
    """Return whether a page of this incident is on its way to the same contact."""
    statement = sa.select(notification.c.id).where(
        notification.c.incident_id == owed.incident_id,
        notification.c.person == owed.person,
        notification.c.contact == owed.contact,
        notification.c.reason.in_(PAGES),
        notification.c.state == Progress.SENDING.value,
        notification.c.lease_until > tx.now,
    )
    return tx.execute(statement).first() is not None


def postpone(tx: Transaction, owed: Owed, *, until: float, why: str, fell_back: bool) -> None:
    """Keep a locked notification that may not go out now, without an attempt."""
    update(tx, owed.id, state=Progress.PENDING.value, due_at=until, detail=why[:MAX_DETAIL], fell_back=fell_back)


def drop(tx: Transaction, owed: Owed, progress: Progress, why: str) -> None:
    """End a notification without another attempt."""
    update(tx, owed.id, state=progress.value, lease_until=None, lease_owner=None, detail=why[:MAX_DETAIL])


def cancel_pages(tx: Transaction, incident_id: int, why: str) -> int:
    """Cancel the pages of an incident that wait; those being sent are their holder's. Return how many."""
    where = (
        (notification.c.incident_id == incident_id)
        & (notification.c.state == Progress.PENDING.value)
        & notification.c.reason.in_(PAGES)
    )
    values = {"state": Progress.CANCELLED.value, "detail": why[:MAX_DETAIL]}
    return int(tx.execute(notification.update().where(where).values(values)).rowcount)


def paged_contacts(tx: Transaction, incident_id: int) -> list[tuple[str, str]]:
    """Return the (person, contact) pairs that a page of this incident reached or may have reached."""
    reached = notification.c.state.in_((Progress.SENT.value, Progress.SENDING.value)) | (notification.c.unknowns > 0)
    statement = (
        sa.select(notification.c.person, notification.c.contact)
        .where(notification.c.incident_id == incident_id, notification.c.reason.in_(PAGES), reached)
        .distinct()
        .order_by(notification.c.person, notification.c.contact)
    )
    return [(person, contact) for person, contact in tx.execute(statement)]


def used_contacts(tx: Transaction, owed: Owed) -> set[str]:
    """Return the contacts of this person that this step of this incident has asked already."""
    statement = sa.select(notification.c.contact).where(_same_step(owed), notification.c.person == owed.person)
    return set(tx.execute(statement).scalars())


def bring_forward(tx: Transaction, owed: Owed) -> str | None:
    """Make the next page due that this step keeps for this person until later; return its contact, None without one."""
    waiting = (notification.c.state == Progress.PENDING.value) & (notification.c.created_at > tx.now)
    statement = (
        sa.select(notification.c.id, notification.c.contact)
        .where(_same_step(owed), notification.c.person == owed.person, waiting)
        .order_by(notification.c.created_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    row = tx.execute(statement).one_or_none()
    if row is None:
        return None
    update(tx, row.id, due_at=tx.now, created_at=tx.now)
    return str(row.contact)


def step_has_failed(tx: Transaction, owed: Owed) -> bool:
    """Return whether no page of this step reached or may still reach anybody."""
    hopeful = notification.c.state != Progress.FAILED.value
    statement = sa.select(notification.c.id).where(_same_step(owed), hopeful | (notification.c.unknowns > 0))
    return tx.execute(statement).first() is None


def recently_sent(tx: Transaction, person: str, contact: str, since: float) -> tuple[float, ...]:
    """Return when this contact was last sent something, newest last."""
    statement = (
        sa.select(notification.c.sent_at)
        .where(
            notification.c.person == person,
            notification.c.contact == contact,
            notification.c.sent_at >= since,
            notification.c.told_in.is_(None),  # was no message of its own
        )
        .order_by(notification.c.sent_at)
        .limit(200)
    )
    return tuple(tx.execute(statement).scalars())


def _same_step(owed: Owed) -> sa.ColumnElement[bool]:
    return (
        (notification.c.incident_id == owed.incident_id)
        & (notification.c.cycle == owed.cycle)
        & (notification.c.step == owed.step)
        & notification.c.reason.in_(PAGES)
    )


def update(tx: Transaction, notification_id: int, **values: object) -> None:
    """Set columns of one notification."""
    tx.execute(notification.update().where(notification.c.id == notification_id).values(values))


def owed_of(row: Any) -> Owed:
    """Return a row as a value."""
    return Owed(
        id=row.id,
        uid=row.uid,
        incident_id=row.incident_id,
        cycle=row.cycle,
        step=row.step,
        person=row.person,
        contact=row.contact,
        reason=Reason(row.reason),
        rank=row.rank,
        progress=Progress(row.state),
        created_at=row.created_at,
        attempts=row.attempts,
        unknowns=row.unknowns,
        fell_back=row.fell_back,
    )


def rows_for(
    incident_id: int, rank: int, reason: Reason, places: Iterable[tuple[int, int, str, str, str]]
) -> list[dict[str, Any]]:
    """Return the rows to `add` for (cycle, step, person, contact, uid)."""
    return [
        {
            "incident_id": incident_id,
            "rank": rank,
            "reason": reason.value,
            "cycle": cycle,
            "step": step,
            "person": person,
            "contact": contact,
            "uid": uid,
        }
        for cycle, step, person, contact, uid in places
    ]
