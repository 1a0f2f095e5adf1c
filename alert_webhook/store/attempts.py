"""Statements about attempts at messages: who makes them, until when, how they ended. Many in one statement."""

from collections.abc import Collection, Sequence

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

from alert_webhook.delivery.owed import NextMove, Owed, Progress
from alert_webhook.store import bulk
from alert_webhook.store.database import Transaction
from alert_webhook.store.notifications import MAX_DETAIL
from alert_webhook.store.schema import delivery, notification

_HELD = sa.select(notification.c.id, notification.c.lease_owner).where(
    notification.c.id.in_(sa.bindparam("ids", expanding=True)), notification.c.state == Progress.SENDING.value
)
_LOCK_HELD = _HELD.order_by(notification.c.id).with_for_update(key_share=True)
Holder = tuple[int, str]  # the id of a notification, and the owner of its lease


class _Leased(Struct, kw_only=True):
    """What a lease changes of a notification."""

    id: int
    lease_until: float
    lease_owner: str
    attempts: int
    unknowns: int
    state: str = Progress.SENDING.value
    told_in: int | None = None


class _Begun(Struct, kw_only=True):
    """A new row of `delivery`."""

    notification_id: int
    attempt: int
    channel: str
    started_at: float
    outcome: str = ""
    reference: str = ""
    detail: str = ""


class _Finished(Struct, kw_only=True):
    """What the end of an attempt changes of a notification."""

    id: int
    state: str
    due_at: float
    unknowns: int
    fell_back: bool
    detail: str
    sent_at: float | None
    lease_until: float | None = None
    lease_owner: str | None = None


class _Ended(Struct, kw_only=True):
    """What the end of an attempt changes of its own row."""

    notification_id: int
    attempt: int
    ended_at: float
    outcome: str
    reference: str
    detail: str


class Lease(Struct, frozen=True, kw_only=True):
    """An attempt that begins: `owed` as it was locked, who makes it, until when, through which channel."""

    owed: Owed
    owner: str
    until: float
    channel: str

    @property
    def unknowns(self) -> int:
        """Attempts that may have reached the person: whoever held it before may have sent it and died."""
        return self.owed.unknowns + (self.owed.progress is Progress.SENDING)

    def owed_now(self) -> Owed:
        """Return the message as it is with this lease."""
        return replace(self.owed, progress=Progress.SENDING, unknowns=self.unknowns)


class Ending(Struct, frozen=True, kw_only=True):
    """How one attempt ended, and what follows; `reference` is the provider's."""

    owed: Owed
    move: NextMove
    outcome: str
    reference: str


def lease(tx: Transaction, leases: Sequence[Lease]) -> None:
    """Mark locked notifications as being sent, and begin an attempt at each."""
    leased = [
        _Leased(
            id=each.owed.id,
            lease_until=each.until,
            lease_owner=each.owner,
            attempts=each.owed.attempts + 1,
            unknowns=each.unknowns,
        )
        for each in leases
    ]
    bulk.update_few(tx, notification, leased, key=("id",))
    begun = [
        _Begun(notification_id=each.owed.id, attempt=each.owed.attempts + 1, channel=each.channel, started_at=tx.now)
        for each in leases
    ]
    bulk.insert(tx, delivery, begun)


def lock_held(tx: Transaction, holders: Collection[Holder]) -> set[Holder]:
    """Lock these notifications, in order; return who of these still has the lease: nobody takes over from now on."""
    ids = sorted({id_ for id_, _ in holders})
    return {(row.id, row.lease_owner) for row in tx.execute(_LOCK_HELD, {"ids": ids})} & set(holders)


def is_held(tx: Transaction, holder: Holder) -> bool:
    """Return whether this lease is held still, without a lock."""
    return any(row.lease_owner == holder[1] for row in tx.execute(_HELD, {"ids": [holder[0]]}))


def finish(tx: Transaction, endings: Sequence[Ending]) -> None:
    """Record how attempts ended, and what follows."""
    finished = [
        _Finished(
            id=each.owed.id,
            state=each.move.progress.value,
            due_at=each.move.due_at,
            unknowns=each.move.unknowns,
            fell_back=each.owed.fell_back or each.move.fallback,
            detail=each.move.why[:MAX_DETAIL],
            sent_at=tx.now if each.move.progress is Progress.SENT else None,
        )
        for each in endings
    ]
    bulk.update_few(tx, notification, finished, key=("id",))
    ended = [
        _Ended(
            notification_id=each.owed.id,
            attempt=each.owed.attempts + 1,
            ended_at=tx.now,
            outcome=each.outcome,
            reference=each.reference,
            detail=each.move.why[:MAX_DETAIL],
        )
        for each in endings
    ]
    bulk.update_few(tx, delivery, ended, key=("notification_id", "attempt"))


def note_late(tx: Transaction, owed: Owed, *, outcome: str, reference: str) -> None:
    """Note how an attempt ended whose lease was over before; what follows from it is no longer its business."""
    where = (delivery.c.notification_id == owed.id) & (delivery.c.attempt == owed.attempts + 1)
    tx.execute(delivery.update().where(where).values(ended_at=tx.now, outcome=outcome, reference=reference))
