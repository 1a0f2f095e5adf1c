"""Statements about messages that a throttle keeps back: the next one that goes out tells of them, too."""

from collections.abc import Collection, Mapping, Sequence

import sqlalchemy as sa

from alert_webhook.delivery.bundle import Told
from alert_webhook.delivery.channel import Reason
from alert_webhook.delivery.owed import Owed, Progress
from alert_webhook.incidents.transitions import State
from alert_webhook.store.database import Transaction
from alert_webhook.store.notifications import MAX_DETAIL, owed_of
from alert_webhook.store.schema import incident, notification
from alert_webhook.store.schema_engine import HELD_BACK as IS_HELD_BACK
from alert_webhook.store.statements import chunks

HELD_BACK = "throttled"  # how the reason begins why a throttle keeps a message
_CROWDED = sa.select(notification.c.person, notification.c.contact).where(IS_HELD_BACK).distinct()


def contacts_held_back(tx: Transaction) -> set[tuple[str, str]]:
    """Return the (person, contact) pairs that a throttle keeps something back for."""
    return {(row.person, row.contact) for row in tx.execute(_CROWDED)}


def hold_back(tx: Transaction, owed: Owed, *, until: float, why: str, spared: Collection[str]) -> None:
    """Keep what the same contact is owed by now and is no more severe.

    Not tests, nor what is about incidents of the `spared` integrations; what others hold is passed over.
    """
    same = sa.select(notification.c.id).where(
        notification.c.state == Progress.PENDING.value,
        notification.c.rank >= owed.rank,
        notification.c.due_at <= tx.now,
        notification.c.person == owed.person,
        notification.c.contact == owed.contact,
        notification.c.reason != Reason.TEST.value,
    )
    if spared:
        unsent = sa.select(incident.c.id).where(incident.c.integration.in_(spared))
        same = same.where(notification.c.incident_id.not_in(unsent))
    kept = notification.c.id.in_(same.with_for_update(skip_locked=True))
    tx.execute(notification.update().where(kept).values(due_at=until, detail=why[:MAX_DETAIL]))


def told_of(tx: Transaction, ids: Collection[int]) -> list[Told]:
    """Return what a message says of these incidents."""
    columns = (incident.c.code, incident.c.state, incident.c.severity, incident.c.rank, incident.c.started_at)
    found: list[Told] = []
    for some in chunks(sorted(ids)):
        rows = tx.execute(sa.select(*columns).where(incident.c.id.in_(some)))
        found += [Told(code, State(state), severity, rank, at) for code, state, severity, rank, at in rows]
    return found


def lock_held_back(tx: Transaction, owed: Owed, limit: int) -> list[Owed]:
    """Lock and return what the same contact is owed besides and a throttle keeps back, the most severe first."""
    statement = (
        sa.select(notification)
        .where(
            IS_HELD_BACK,
            notification.c.person == owed.person,
            notification.c.contact == owed.contact,
            notification.c.id != owed.id,
            notification.c.created_at <= tx.now,
        )
        .order_by(notification.c.rank, notification.c.created_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return [owed_of(row) for row in tx.execute(statement)]


def ride(tx: Transaction, riders: Sequence[Owed], owed: Owed, *, owner: str, until: float) -> None:
    """Lease these with the message that tells of them, too."""
    leased = {"lease_until": until, "lease_owner": owner, "told_in": owed.id}
    _update(tx, riders, state=Progress.SENDING.value, **leased)


def riders_of(tx: Transaction, owners: Mapping[int, str]) -> dict[int, list[Owed]]:
    """Return what these messages tell of besides, as long as the owner named for each has the lease."""
    leased = notification.c.told_in.in_(owners) & (notification.c.state == Progress.SENDING.value)
    found: dict[int, list[Owed]] = {}
    for row in tx.execute(sa.select(notification).where(leased)):
        if row.lease_owner == owners[row.told_in]:
            found.setdefault(row.told_in, []).append(owed_of(row))
    return found


def told(tx: Transaction, riders: Sequence[Owed], why: str) -> None:
    """End notifications whose message was another one's."""
    ended = {"state": Progress.SENT.value, "sent_at": tx.now, "detail": why[:MAX_DETAIL]}
    _update(tx, riders, lease_until=None, lease_owner=None, **ended)


def untold(tx: Transaction, riders: Sequence[Owed], *, due_at: float) -> None:
    """Keep notifications whose message did not go out in another one's; they stay held back, and ride again."""
    kept = {"state": Progress.PENDING.value, "due_at": due_at, "detail": f"{HELD_BACK}: its message was not taken"}
    _update(tx, riders, lease_until=None, lease_owner=None, told_in=None, **kept)


def _update(tx: Transaction, riders: Sequence[Owed], **values: object) -> None:
    for some in chunks([rider.id for rider in riders]):
        tx.execute(notification.update().where(notification.c.id.in_(some)).values(values))


def not_arrived(tx: Transaction, owed: Owed) -> None:
    """Owe again what a message told of besides that its provider took and could not bring; it rides with the next."""
    riders = (notification.c.told_in == owed.id) & (notification.c.state == Progress.SENT.value)
    kept = {"state": Progress.PENDING.value, "due_at": tx.now, "sent_at": None, "told_in": None}
    tx.execute(notification.update().where(riders).values(detail=f"{HELD_BACK}: its message did not arrive", **kept))
