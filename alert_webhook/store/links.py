"""Statements about ack links."""

from collections.abc import Sequence

import sqlalchemy as sa
from msgspec import Struct

from alert_webhook.capability import token_hash
from alert_webhook.store import bulk
from alert_webhook.store.database import Transaction
from alert_webhook.store.schema import ack_link


class AckLink(Struct, frozen=True, kw_only=True):
    """What one ack link allows: this person, reached at this contact, may answer for this incident."""

    incident_id: int
    person: str
    contact: str
    expired: bool
    revoked: bool  # the incident is over


class NewLink(Struct, frozen=True, kw_only=True):
    """A capability that is about to be sent: the text itself, and what it allows until when (Unix seconds)."""

    token: str
    incident_id: int
    person: str
    contact: str
    expires_at: float


class _Row(Struct):
    """A new row of `ack_link`."""

    token_hash: str
    incident_id: int
    person: str
    contact: str
    created_at: float
    expires_at: float


def add(tx: Transaction, new: Sequence[NewLink]) -> None:
    """Remember capabilities that are about to be sent; only their hashes are stored."""
    rows = [
        _Row(token_hash(each.token), each.incident_id, each.person, each.contact, tx.now, each.expires_at)
        for each in new
    ]
    bulk.insert(tx, ack_link, rows)


def find(tx: Transaction, token: str) -> AckLink | None:
    """Return what `token` allows, None if we never gave it out (or forgot it long after it expired)."""
    row = tx.execute(sa.select(ack_link).where(ack_link.c.token_hash == token_hash(token))).one_or_none()
    if row is None:
        return None
    return AckLink(
        incident_id=row.incident_id,
        person=row.person,
        contact=row.contact,
        expired=row.expires_at <= tx.now,
        revoked=row.revoked_at is not None,
    )


def revoke(tx: Transaction, incident_id: int) -> None:
    """End every link of an incident."""
    where = (ack_link.c.incident_id == incident_id) & ack_link.c.revoked_at.is_(None)
    tx.execute(ack_link.update().where(where).values(revoked_at=tx.now))
