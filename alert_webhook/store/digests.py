"""Statements about digests: when each was made, and what belongs into it."""

from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from msgspec import Struct

from alert_webhook.incidents.transitions import OPEN, State
from alert_webhook.incidents.urgency import Urgency
from alert_webhook.store.database import Transaction
from alert_webhook.store.schema import incident
from alert_webhook.store.schema_incidents import digest
from alert_webhook.store.statements import from_json, insert_or_keep

MOST = 1000  # incidents in one digest


class Made(Struct, frozen=True):
    """One digest. Times are Unix seconds."""

    id: int
    name: str
    slot_at: float
    since_at: float


def latest(tx: Transaction, name: str) -> Made | None:
    """Return the latest digest of this name."""
    where = digest.c.name == name
    row = tx.execute(digest.select().where(where).order_by(digest.c.slot_at.desc()).limit(1)).one_or_none()
    return Made(row.id, row.name, row.slot_at, row.since_at) if row else None


def get(tx: Transaction, digest_id: int) -> Made | None:
    """Return one digest."""
    row = tx.execute(digest.select().where(digest.c.id == digest_id)).one_or_none()
    return Made(row.id, row.name, row.slot_at, row.since_at) if row else None


def make(tx: Transaction, name: str, slot_at: float, since_at: float) -> Made | None:
    """Store a digest, None where another replica did so before."""
    row = {"name": name, "slot_at": slot_at, "since_at": since_at}
    made = tx.execute(insert_or_keep(tx, digest).values(row).returning(digest.c.id)).one_or_none()
    return None if made is None else get(tx, made.id)


def members(tx: Transaction, made: Made, match: Mapping[str, str], *, without: Sequence[str]) -> list[int]:
    """Return the incidents of a digest, oldest first: what began in its time, and what is open since before.

    Those of the integrations `without` are left out.
    """
    began = incident.c.started_at >= made.since_at
    still = incident.c.state.in_([state.value for state in OPEN])
    statement = (
        sa.select(incident.c.id, incident.c.labels)
        .where(incident.c.urgency == Urgency.DIGEST.value, incident.c.state != State.SUPPRESSED.value)
        .where(incident.c.started_at < made.slot_at, began | still, incident.c.integration.not_in(list(without)))
        .order_by(incident.c.id)
        .limit(MOST)
    )
    found = [(row.id, from_json(row.labels, dict[str, str])) for row in tx.execute(statement)]
    return [id_ for id_, labels in found if all(labels.get(name) == value for name, value in match.items())]


def prune(tx: Transaction, before: float) -> int:
    """Delete digests that were made before this time, but for the latest of each name; return how many."""
    newest = sa.select(sa.func.max(digest.c.id)).group_by(digest.c.name)
    where = (digest.c.slot_at < before) & digest.c.id.not_in(newest)
    return int(tx.execute(digest.delete().where(where)).rowcount)
