"""Statements about incidents that one message told of, because a throttle kept the messages of their own."""

from typing import Any

import sqlalchemy as sa

from alert_webhook.delivery.together import Beside, Together
from alert_webhook.incidents.transitions import PAGEABLE
from alert_webhook.store.database import Transaction
from alert_webhook.store.links import AckLink
from alert_webhook.store.schema import incident, notification


def together(tx: Transaction, link: AckLink, limit: int) -> Together:
    """Return what the messages that a link's contact got about its incident told of besides, up to `limit`."""
    told = _told(link).subquery()
    total = tx.execute(sa.select(sa.func.count()).select_from(told)).scalar_one()
    if not total:
        return Together()
    columns = (incident.c.code, incident.c.severity, incident.c.title, incident.c.started_at)
    first = sa.select(*columns).where(incident.c.id.in_(sa.select(told.c.id))).order_by(*_ORDER).limit(limit)
    shown = tuple(
        Beside(code=row.code, severity=row.severity, title=row.title, started_at=row.started_at)
        for row in tx.execute(first)
    )
    return Together(shown, total)


def ids_together(tx: Transaction, link: AckLink, limit: int) -> list[int]:
    """Return the ids of the first of them."""
    return list(tx.execute(_told(link).order_by(*_ORDER).limit(limit)).scalars())


_ORDER = (incident.c.rank, incident.c.started_at, incident.c.id)


def _told(link: AckLink) -> sa.Select[Any]:
    """Return the incidents of notifications that rode with one of the link's incident to the link's contact."""
    carrier = notification.alias("carrier")
    rode = sa.select(notification.c.incident_id).join(carrier, notification.c.told_in == carrier.c.id)
    rode = rode.where(
        carrier.c.incident_id == link.incident_id,
        carrier.c.person == link.person,
        carrier.c.contact == link.contact,
    )
    waiting = incident.c.state.in_([state.value for state in PAGEABLE])
    return sa.select(incident.c.id).where(incident.c.id.in_(rode), waiting, incident.c.id != link.incident_id)
