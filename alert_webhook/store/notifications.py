"""Statements about notifications; those about the attempts at them are in `attempts`."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from alert_webhook.delivery.channel import Reason
from alert_webhook.delivery.owed import Owed, Progress
from alert_webhook.shadow.channels import NOT_SENT
from alert_webhook.store import bulk
from alert_webhook.store.database import Transaction
from alert_webhook.store.schema import notification

PAGES = (Reason.PAGE.value, Reason.FALLBACK.value)
MAX_DETAIL = 500
Place = tuple[str, str]  # a person and a contact of theirs
RECENT = 50  # of what a contact was sent, the newest: more than any throttle counts
_PENDING = notification.c.state == Progress.PENDING.value
_SENDING = notification.c.state == Progress.SENDING.value


def _first(where: sa.ColumnElement[bool]) -> sa.Select[Any]:
    ordered = sa.select(notification).where(where).order_by(notification.c.rank, notification.c.due_at)
    return ordered.limit(sa.bindparam("most", type_=sa.Integer)).with_for_update(skip_locked=True)


# each ends after so many entries of an index, whatever the size of the table
_DUE = _first(_PENDING & (notification.c.due_at <= sa.bindparam("now")))
_ABANDONED = _first(_SENDING & (notification.c.lease_until <= sa.bindparam("now")))


_PLACE = (notification.c.person, notification.c.contact)
_ON_THEIR_WAY = (
    sa.select(*_PLACE, sa.func.count())
    .where(_SENDING & (notification.c.lease_until > sa.bindparam("now")) & notification.c.told_in.is_(None))
    .group_by(*_PLACE)
)
# what told of it in another message was no message of its own
_RECENT = """
    SELECT n.sent_at FROM notification AS n WHERE n.person = {person} AND n.contact = {contact}
    AND n.sent_at >= {since} AND n.told_in IS NULL AND n.detail <> {unsent} ORDER BY n.sent_at DESC LIMIT {most}
"""
_RECENT_OF_ONE = _RECENT.format(person=":person", contact=":contact", since=":since", unsent=":unsent", most=":most")
_RECENT_OF_ALL = (
    "SELECT asked.person, asked.contact, found.sent_at"  # noqa: S608  # words of our own
    " FROM unnest(%(people)s::text[], %(contacts)s::text[]) AS asked(person, contact) CROSS JOIN LATERAL ("
    + _RECENT.format(
        person="asked.person", contact="asked.contact", since="%(since)s", unsent="%(unsent)s", most=RECENT
    )
    + ") AS found"
)


class _New(Struct, kw_only=True):
    """A new row of `notification`."""

    uid: str
    incident_id: int
    cycle: int
    step: int
    person: str
    contact: str
    reason: str
    rank: int
    created_at: float
    due_at: float
    state: str = Progress.PENDING.value
    attempts: int = 0
    unknowns: int = 0
    fell_back: bool = False
    detail: str = ""


def add(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    """Owe these messages; one that is owed already (same incident, cycle, step, contact, reason) stays as it is.

    A row has uid, incident_id, cycle, step, person, contact, reason and rank; one that has `created_at` and `due_at` as
    well waits until then.
    """
    at_once = {"created_at": tx.now, "due_at": tx.now}
    bulk.insert_or_keep(tx, notification, [_New(**{**at_once, **row}) for row in rows])


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


def recently_sent(tx: Transaction, places: Collection[Place], since: float) -> dict[Place, tuple[float, ...]]:
    """Return when these contacts were last sent something, newest last."""
    found: dict[Place, list[float]] = {place: [] for place in places}
    if tx.postgresql and places:
        people, contacts = [person for person, _ in places], [contact for _, contact in places]
        rows = tx.rows(_RECENT_OF_ALL, people=people, contacts=contacts, since=since, unsent=NOT_SENT)
        for person, contact, sent_at in rows:
            found[person, contact].append(sent_at)
    else:
        for person, contact in places:
            asked = {"person": person, "contact": contact, "since": since, "unsent": NOT_SENT, "most": RECENT}
            found[person, contact] += [row[0] for row in tx.rows(_RECENT_OF_ONE, **asked)]
    return {place: tuple(times[::-1]) for place, times in found.items()}


def on_their_way(tx: Transaction) -> dict[Place, int]:
    """Return how many messages are being sent to each (person, contact) just now."""
    return {(row[0], row[1]): int(row[2]) for row in tx.execute(_ON_THEIR_WAY, {"now": tx.now})}


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
