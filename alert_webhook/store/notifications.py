"""Statements about notifications; those about the attempts at them are in `attempts`."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from alert_webhook.delivery.channel import Reason
from alert_webhook.delivery.owed import Owed, Progress
from alert_webhook.shadow.channels import NOT_SENT
from alert_webhook.store.database import Transaction
from alert_webhook.store.schema import notification
from alert_webhook.store.statements import insert_or_keep

PAGES = (Reason.PAGE.value, Reason.FALLBACK.value)
MAX_DETAIL = 500
RECENT = 50  # of what a contact was sent, the newest: more than any throttle counts
_PENDING = notification.c.state == Progress.PENDING.value
_SENDING = notification.c.state == Progress.SENDING.value


def _first(where: sa.ColumnElement[bool]) -> sa.Select[Any]:
    ordered = sa.select(notification).where(where).order_by(notification.c.rank, notification.c.due_at)
    return ordered.limit(sa.bindparam("most", type_=sa.Integer)).with_for_update(skip_locked=True)


# each ends after so many entries of an index, whatever the size of the table
_DUE = _first(_PENDING & (notification.c.due_at <= sa.bindparam("now")))
_ABANDONED = _first(_SENDING & (notification.c.lease_until <= sa.bindparam("now")))


def add(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    """Owe these messages; one that is owed already (same incident, cycle, step, contact, reason) stays as it is.

    A row has uid, incident_id, cycle, step, person, contact, reason and rank; one that has `created_at` and `due_at` as
    well waits until then.
    """
    filled = {"state": Progress.PENDING.value, "created_at": tx.now, "due_at": tx.now}
    zero = {"attempts": 0, "unknowns": 0, "fell_back": False, "detail": ""}
    if rows:
        tx.execute(insert_or_keep(tx, notification), [{**filled, **zero, **row} for row in rows])


def lock_due(tx: Transaction, limit: int, *, spared: Collection[int] = ()) -> list[Owed]:
    """Lock and return messages that are due, or whose lease is over, the most severe first.

    What others hold is passed over, and `spared` are left alone.
    """
    asked = {"now": tx.now, "most": limit}
    abandoned = [row for row in tx.execute(_ABANDONED, {**asked, "most": limit + len(spared)}) if row.id not in spared]
    found = [*abandoned, *tx.execute(_DUE, asked)]
    return [owed_of(row) for row in sorted(found, key=lambda row: (row.rank, row.due_at))[:limit]]


def lock(tx: Transaction, notification_id: int) -> Owed | None:
    """Lock one notification and return it."""
    statement = sa.select(notification).where(notification.c.id == notification_id).with_for_update()
    row = tx.execute(statement).one_or_none()
    return None if row is None else owed_of(row)


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
            notification.c.detail != NOT_SENT,
        )
        .order_by(notification.c.sent_at.desc())
        .limit(RECENT)
    )
    return tuple(tx.execute(statement).scalars())[::-1]


def on_their_way(tx: Transaction) -> dict[tuple[str, str], int]:
    """Return how many messages are being sent to each (person, contact) just now."""
    place = (notification.c.person, notification.c.contact)
    leased = _SENDING & (notification.c.lease_until > tx.now) & notification.c.told_in.is_(None)
    statement = sa.select(*place, sa.func.count()).where(leased).group_by(*place)
    return {(row[0], row[1]): int(row[2]) for row in tx.execute(statement)}


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
