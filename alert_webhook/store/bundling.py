"""Statements about messages that a throttle keeps back: the next one that goes out tells of them, too."""

from collections.abc import Sequence

import sqlalchemy as sa

from alert_webhook.delivery.owed import Owed, Progress
from alert_webhook.store.database import Transaction
from alert_webhook.store.notifications import MAX_DETAIL, owed_of, update
from alert_webhook.store.schema import notification

HELD_BACK = "throttled"  # how the reason begins why a throttle keeps a message


def lock_held_back(tx: Transaction, owed: Owed, limit: int) -> list[Owed]:
    """Lock and return what the same contact is owed besides and a throttle keeps back, the most severe first."""
    statement = (
        sa.select(notification)
        .where(
            notification.c.state == Progress.PENDING.value,
            notification.c.person == owed.person,
            notification.c.contact == owed.contact,
            notification.c.id != owed.id,
            notification.c.detail.startswith(HELD_BACK),
            notification.c.created_at <= tx.now,
        )
        .order_by(notification.c.rank, notification.c.created_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return [owed_of(row) for row in tx.execute(statement)]


def ride(tx: Transaction, riders: Sequence[Owed], owed: Owed, *, owner: str, until: float) -> None:
    """Lease these with the message that tells of them, too."""
    for rider in riders:
        leased = {"lease_until": until, "lease_owner": owner, "told_in": owed.id}
        update(tx, rider.id, state=Progress.SENDING.value, **leased)


def riders_of(tx: Transaction, owed: Owed, owner: str) -> list[Owed]:
    """Return what the message of `owed` tells of besides, as long as `owner` has the lease."""
    where = (notification.c.told_in == owed.id) & (notification.c.lease_owner == owner)
    leased = where & (notification.c.state == Progress.SENDING.value)
    return [owed_of(row) for row in tx.execute(sa.select(notification).where(leased))]


def told(tx: Transaction, rider: Owed, why: str) -> None:
    """End a notification whose message was another one's."""
    ended = {"state": Progress.SENT.value, "sent_at": tx.now, "detail": why[:MAX_DETAIL]}
    update(tx, rider.id, lease_until=None, lease_owner=None, **ended)


def untold(tx: Transaction, rider: Owed, *, due_at: float) -> None:
    """Keep a notification whose message did not go out in another one's; it stays held back, and rides again."""
    kept = {"state": Progress.PENDING.value, "due_at": due_at, "detail": f"{HELD_BACK}: its message was not taken"}
    update(tx, rider.id, lease_until=None, lease_owner=None, told_in=None, **kept)
