"""Statements about the record of changes: who changed what outside incidents. Rows are added, never changed."""

import sqlalchemy as sa
from msgspec import Struct

from alert_webhook.store.database import Transaction
from alert_webhook.store.schema_accounts import change

MAX_TEXT = 500
MAX_PAGE = 200


class Change(Struct, frozen=True, kw_only=True):
    """One change. `at` is Unix seconds."""

    id: int
    at: float
    who: str
    via: str  # "API", "API key k7", "command"
    action: str
    what: str


def note(tx: Transaction, action: str, what: str, *, who: str, via: str) -> None:
    """Write down a change, in the transaction that makes it."""
    row = {"who": who[:MAX_TEXT], "via": via[:MAX_TEXT], "action": action, "what": what[:MAX_TEXT]}
    tx.execute(change.insert().values(at=tx.now, **row))


def latest(tx: Transaction, *, limit: int, before_id: int | None = None) -> list[Change]:
    """Return the newest changes first; `before_id` asks for the next page."""
    statement = sa.select(change).order_by(change.c.id.desc()).limit(min(limit, MAX_PAGE))
    if before_id is not None:
        statement = statement.where(change.c.id < before_id)
    names = Change.__struct_fields__
    return [Change(**{name: getattr(row, name) for name in names}) for row in tx.execute(statement)]


def prune(tx: Transaction, before: float, most: int) -> int:
    """Delete changes, up to `most` and the oldest first, that were made before this time; return how many."""
    old = sa.select(change.c.id).where(change.c.at < before).order_by(change.c.at).limit(most)
    return int(tx.execute(change.delete().where(change.c.id.in_(old))).rowcount)
