"""Statements about calendar links: capabilities to subscribe to a schedule."""

import sqlalchemy as sa
from msgspec import Struct

from alert_webhook.capability import token_hash
from alert_webhook.store.database import Transaction
from alert_webhook.store.schema import calendar_link


class CalendarLink(Struct, frozen=True, kw_only=True):
    """What a link shows: one schedule, of one person only where `person` is not ""."""

    id: int
    schedule: str
    person: str
    created_by: str
    created_at: float
    expires_at: float


def add(tx: Transaction, token: str, *, schedule: str, person: str, who: str, expires_at: float) -> int:
    """Remember a capability that is about to be handed out and return its id; only its hash is stored."""
    row = {"schedule": schedule, "person": person, "created_by": who, "created_at": tx.now, "expires_at": expires_at}
    result = tx.execute(calendar_link.insert().values(token_hash=token_hash(token), **row))
    (id_,) = result.inserted_primary_key or (None,)
    return int(id_ or 0)


def find(tx: Transaction, token: str) -> CalendarLink | None:
    """Return what `token` shows, None if it shows nothing (any more)."""
    where = (calendar_link.c.token_hash == token_hash(token)) & (calendar_link.c.expires_at > tx.now)
    row = tx.execute(sa.select(calendar_link).where(where)).one_or_none()
    if row is None:
        return None
    return CalendarLink(**{name: getattr(row, name) for name in CalendarLink.__struct_fields__})


def every(tx: Transaction) -> list[CalendarLink]:
    """Return every link that shows something, without its capability, which nobody has but who was given it."""
    statement = sa.select(calendar_link).where(calendar_link.c.expires_at > tx.now).order_by(calendar_link.c.id)
    names = CalendarLink.__struct_fields__
    return [CalendarLink(**{name: getattr(row, name) for name in names}) for row in tx.execute(statement)]


def revoke(tx: Transaction, link_id: int) -> bool:
    """End a link; return whether there was one."""
    return bool(tx.execute(calendar_link.delete().where(calendar_link.c.id == link_id)).rowcount)


def prune(tx: Transaction) -> int:
    """Delete what has expired; return how many."""
    return int(tx.execute(calendar_link.delete().where(calendar_link.c.expires_at <= tx.now)).rowcount)
