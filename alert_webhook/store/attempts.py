"""Statements about attempts at messages: who makes them, until when, how they ended. Many in one statement."""

from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

from alert_webhook.delivery.owed import NextMove, Owed, Progress
from alert_webhook.store.database import Transaction
from alert_webhook.store.notifications import MAX_DETAIL
from alert_webhook.store.schema import delivery, notification

_BIND = sa.bindparam
_LEASE = (
    notification.update()
    .where(notification.c.id == _BIND("b_id"))
    .values(
        state=Progress.SENDING.value,
        lease_until=_BIND("b_until"),
        lease_owner=_BIND("b_owner"),
        attempts=_BIND("b_attempts"),
        unknowns=_BIND("b_unknowns"),
        told_in=None,
    )
)
_FINISH = (
    notification.update()
    .where(notification.c.id == _BIND("b_id"))
    .values(
        state=_BIND("b_state"),
        due_at=_BIND("b_due_at"),
        lease_until=None,
        lease_owner=None,
        unknowns=_BIND("b_unknowns"),
        fell_back=_BIND("b_fell_back"),
        detail=_BIND("b_detail"),
        sent_at=_BIND("b_sent_at"),
    )
)
_END = (
    delivery.update()
    .where((delivery.c.notification_id == _BIND("b_id")) & (delivery.c.attempt == _BIND("b_attempt")))
    .values(
        ended_at=_BIND("b_at"), outcome=_BIND("b_outcome"), reference=_BIND("b_reference"), detail=_BIND("b_detail")
    )
)


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
    if not leases:
        return
    rows = [
        {
            "b_id": each.owed.id,
            "b_until": each.until,
            "b_owner": each.owner,
            "b_attempts": each.owed.attempts + 1,
            "b_unknowns": each.unknowns,
        }
        for each in leases
    ]
    tx.execute(_LEASE, rows)
    attempts = [
        {
            "notification_id": each.owed.id,
            "attempt": each.owed.attempts + 1,
            "channel": each.channel,
            "started_at": tx.now,
            "outcome": "",
            "reference": "",
            "detail": "",
        }
        for each in leases
    ]
    tx.execute(delivery.insert(), attempts)


def held(tx: Transaction, owners: Mapping[int, str]) -> set[int]:
    """Return which of these notifications are still leased to the owner named for them: nobody else took over."""
    leased = notification.c.id.in_(owners) & (notification.c.state == Progress.SENDING.value)
    rows = tx.execute(sa.select(notification.c.id, notification.c.lease_owner).where(leased))
    return {row.id for row in rows if row.lease_owner == owners[row.id]}


def finish(tx: Transaction, endings: Sequence[Ending]) -> None:
    """Record how attempts ended, and what follows."""
    if not endings:
        return
    rows = [
        {
            "b_id": each.owed.id,
            "b_state": each.move.progress.value,
            "b_due_at": each.move.due_at,
            "b_unknowns": each.move.unknowns,
            "b_fell_back": each.owed.fell_back or each.move.fallback,
            "b_detail": each.move.why[:MAX_DETAIL],
            "b_sent_at": tx.now if each.move.progress is Progress.SENT else None,
        }
        for each in endings
    ]
    tx.execute(_FINISH, rows)
    ended = [
        {
            "b_id": each.owed.id,
            "b_attempt": each.owed.attempts + 1,
            "b_at": tx.now,
            "b_outcome": each.outcome,
            "b_reference": each.reference,
            "b_detail": each.move.why[:MAX_DETAIL],
        }
        for each in endings
    ]
    tx.execute(_END, ended)


def note_late(tx: Transaction, owed: Owed, *, outcome: str, reference: str) -> None:
    """Note how an attempt ended whose lease was over before; what follows from it is no longer its business."""
    where = (delivery.c.notification_id == owed.id) & (delivery.c.attempt == owed.attempts + 1)
    tx.execute(delivery.update().where(where).values(ended_at=tx.now, outcome=outcome, reference=reference))
