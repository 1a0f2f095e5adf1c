"""Statements that suppression asks: what is down, what hangs under what, what still fires."""

from collections.abc import Iterator, Sequence

import sqlalchemy as sa
from msgspec import Struct

from alert_webhook.incidents.transitions import OPEN, PAGEABLE, State
from alert_webhook.incidents.urgency import Urgency
from alert_webhook.store.database import Transaction
from alert_webhook.store.schema import alert, incident
from alert_webhook.store.statements import from_json

PIECE = 500
_OPEN = [state.value for state in OPEN]


class Firing(Struct, frozen=True):
    """An alert that fires, and the incident that it belongs to."""

    integration: str
    incident_id: int
    labels: dict[str, str]


def firing_of_paging(tx: Transaction, names: Sequence[str]) -> Iterator[Firing]:
    """Yield the firing alerts of these names whose open incident pages people; without names: every one."""
    statement = (
        sa.select(alert.c.integration, alert.c.incident_id, alert.c.labels)
        .join(incident, incident.c.id == alert.c.incident_id)
        .where(alert.c.firing, incident.c.state.in_(_OPEN), incident.c.urgency == Urgency.PAGE.value)
        .order_by(alert.c.incident_id)
    )
    if names:
        statement = statement.where(alert.c.name.in_(names))
    for integration, incident_id, labels in tx.execute(statement):
        yield Firing(integration, incident_id, from_json(labels, dict[str, str]))


def folded(tx: Transaction) -> dict[int, int]:
    """Return the parent of every open incident that is folded into one."""
    where = incident.c.parent_id.is_not(None) & (incident.c.state == State.SUPPRESSED.value)
    rows = tx.execute(sa.select(incident.c.id, incident.c.parent_id).where(where))
    return {row.id: row.parent_id for row in rows}


def folded_counts(tx: Transaction, ids: Sequence[int]) -> dict[int, int]:
    """Return how many incidents are folded into each of these that has any."""
    statement = sa.select(incident.c.parent_id, sa.func.count()).where(_folded_into(ids))
    return {row[0]: int(row[1]) for row in tx.execute(statement.group_by(incident.c.parent_id))}


def folded_into(tx: Transaction, incident_id: int, limit: int) -> list[int]:
    """Return the incidents that are folded into this one, the most severe first, then the oldest."""
    statement = sa.select(incident.c.id).where(_folded_into([incident_id]))
    return list(tx.execute(statement.order_by(incident.c.rank, incident.c.id).limit(limit)).scalars())


def _folded_into(ids: Sequence[int]) -> sa.ColumnElement[bool]:
    return incident.c.parent_id.in_(ids) & (incident.c.state == State.SUPPRESSED.value)


def firing_labels(tx: Transaction, incident_id: int) -> Iterator[dict[str, str]]:
    """Yield the labels of an incident's firing alerts, read in pieces."""
    last = 0
    while True:
        where = (alert.c.incident_id == incident_id) & alert.c.firing & (alert.c.id > last)
        rows = list(tx.execute(sa.select(alert.c.id, alert.c.labels).where(where).order_by(alert.c.id).limit(PIECE)))
        for row in rows:
            yield from_json(row.labels, dict[str, str])
        if len(rows) < PIECE:
            return
        last = rows[-1].id


def suppressed_ids(tx: Transaction) -> list[int]:
    """Return the incidents that are suppressed."""
    where = incident.c.state == State.SUPPRESSED.value
    return list(tx.execute(sa.select(incident.c.id).where(where).order_by(incident.c.id)).scalars())


def wanting_ids(tx: Transaction, *, after_id: int, limit: int) -> list[int]:
    """Return incidents, from `after_id` on, that want an answer."""
    where = incident.c.state.in_([state.value for state in PAGEABLE]) & (incident.c.id > after_id)
    return list(tx.execute(sa.select(incident.c.id).where(where).order_by(incident.c.id).limit(limit)).scalars())
