"""Statements about pages that were given up because a provider failed, while nobody was reached by any other."""

from collections.abc import Collection
from functools import cache
from typing import Any

import sqlalchemy as sa

from alert_webhook.delivery.owed import Progress
from alert_webhook.escalation.again import Unreached
from alert_webhook.incidents.transitions import PAGEABLE
from alert_webhook.store.database import Transaction
from alert_webhook.store.notifications import PAGES
from alert_webhook.store.schema import delivery, incident, notification

ANSWERED = ("accepted", "permanent")  # it is not the provider's failing that kept the page from its reader
NEWEST_ATTEMPTS = 5000  # so far back is looked whether a channel works
_LATER = notification.alias("later")
_NOT_HOPELESS = (Progress.PENDING.value, Progress.SENDING.value, Progress.SENT.value)


def unreached(tx: Transaction, *, since: float, limit: int) -> list[Unreached]:
    """Return pages given up since then, of open incidents that nobody took and whose last step reached nobody."""
    names = ("incident_id", "cycle", "rank", "person", "contact", "given_up_at")
    rows = tx.execute(_given_up(), {"since": since, "most": limit})
    return [Unreached(**dict(zip(names, row, strict=True))) for row in rows]


@cache
def _given_up() -> sa.Select[*tuple[Any, ...]]:
    """Made once: to build it takes longer than to run it, and every few seconds it is asked."""
    n = notification.c
    ended_at = sa.select(sa.func.max(delivery.c.ended_at)).where(delivery.c.notification_id == n.id).scalar_subquery()
    hopeful = sa.exists().where(
        _LATER.c.incident_id == n.incident_id,
        _LATER.c.cycle == n.cycle,
        _LATER.c.step >= n.step,
        _LATER.c.reason.in_(PAGES),
        _LATER.c.state.in_(_NOT_HOPELESS),
    )
    answered = sa.exists().where(delivery.c.notification_id == n.id, delivery.c.outcome.in_(ANSWERED))
    return (
        sa.select(n.incident_id, n.cycle, n.rank, n.person, n.contact, sa.func.coalesce(ended_at, n.due_at))
        .join(incident, (incident.c.id == n.incident_id) & (incident.c.cycle == n.cycle))
        .where(
            n.state == Progress.FAILED.value,
            n.due_at > sa.bindparam("since"),
            n.reason.in_(PAGES),
            incident.c.state.in_([state.value for state in PAGEABLE]),
            ~hopeful,
            ~answered,
        )
        .order_by(n.rank, n.due_at)
        .limit(sa.bindparam("most"))
    )


def worked_at(tx: Transaction, channels: Collection[str]) -> dict[str, float]:
    """Return when these channels' providers last took something, of what was tried lately."""
    oldest = sa.select(sa.func.coalesce(sa.func.max(delivery.c.id), 0) - NEWEST_ATTEMPTS).scalar_subquery()
    statement = (
        sa.select(delivery.c.channel, sa.func.max(delivery.c.ended_at))
        .where(delivery.c.id > oldest, delivery.c.outcome == "accepted", delivery.c.channel.in_(channels))
        .group_by(delivery.c.channel)
    )
    return {channel: at for channel, at in tx.execute(statement) if at is not None}


def being_tried(tx: Transaction) -> set[tuple[str, str]]:
    """Return the (person, contact) pairs that something waits for or is on its way to."""
    open_ = notification.c.state.in_((Progress.PENDING.value, Progress.SENDING.value))
    statement = sa.select(notification.c.person, notification.c.contact).where(open_).distinct()
    return {(person, contact) for person, contact in tx.execute(statement)}
