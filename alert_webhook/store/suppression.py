"""Statements that suppression asks: what is down, what hangs under what, what still fires."""

from collections.abc import Iterator, Sequence

import sqlalchemy as sa
from msgspec import Struct

from alert_webhook.incidents.transitions import OPEN, PAGEABLE, State
from alert_webhook.incidents.urgency import Urgency
from alert_webhook.store.database import Transaction
from alert_webhook.store.schema import alert, episode, incident
from alert_webhook.store.statements import from_json

PIECE = 500
_OPEN = [state.value for state in OPEN]


_FOLDED_INTO = incident.c.parent_id.in_(sa.bindparam("ids", expanding=True)) & (
    incident.c.state == State.SUPPRESSED.value
)
_FOLDED_COUNTS = sa.select(incident.c.parent_id, sa.func.count()).where(_FOLDED_INTO).group_by(incident.c.parent_id)


class Firing(Struct, frozen=True):
    """An alert that fires, and the incident that it belongs to."""

    integration: str
    incident_id: int
    labels: dict[str, str]


def firing_of_paging(tx: Transaction, names: Sequence[str]) -> Iterator[Firing]:
    """Yield the firing alerts of these names whose open incident pages people; without names: every one."""
    statement = (
        sa.select(alert.c.integration, episode.c.incident_id, alert.c.labels)
        .select_from(incident)
        .join(episode, episode.c.incident_id == incident.c.id)
        .join(alert, alert.c.id == episode.c.alert_id)
        .where(incident.c.state.in_(_OPEN), incident.c.urgency == Urgency.PAGE.value)
        .where(episode.c.ended_ns.is_(None), alert.c.firing)
        .order_by(episode.c.incident_id)
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
    return {row[0]: int(row[1]) for row in tx.execute(_FOLDED_COUNTS, {"ids": ids})}


def folded_into(tx: Transaction, incident_id: int, limit: int) -> list[int]:
    """Return the incidents that are folded into this one, the most severe first, then the oldest."""
    statement = sa.select(incident.c.id).where(_FOLDED_INTO).order_by(incident.c.rank, incident.c.id).limit(limit)
    return list(tx.execute(statement, {"ids": [incident_id]}).scalars())


def firing_labels(tx: Transaction, incident_id: int) -> Iterator[dict[str, str]]:
    """Yield the labels of an incident's firing alerts, read in pieces."""
    last = 0
    while True:
        going_on = (episode.c.incident_id == incident_id) & episode.c.ended_ns.is_(None)
        statement = sa.select(alert.c.id, alert.c.labels).join(episode, episode.c.alert_id == alert.c.id)
        statement = statement.where(going_on, alert.c.firing, alert.c.id > last)
        rows = list(tx.execute(statement.order_by(alert.c.id).limit(PIECE)))
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
