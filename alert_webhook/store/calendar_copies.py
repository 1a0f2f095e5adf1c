"""Statements about the copies of calendars that come from a URL: whose turn it is to ask, and what came of it."""

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from alert_webhook.store.database import Transaction
from alert_webhook.store.schema_calendars import calendar_copy
from alert_webhook.store.statements import insert_or_keep

Key = tuple[str, str]  # schedule, calendar
_NEVER = 0.0


class Copy(Struct, frozen=True):
    """What is known of one calendar. Times are Unix seconds; `fetched_at` is None before the first good copy."""

    tried_at: float
    fetched_at: float | None
    trouble: str


def known(tx: Transaction) -> dict[Key, Copy]:
    """Return what is known of every calendar, without its content."""
    columns = (calendar_copy.c.schedule, calendar_copy.c.calendar, calendar_copy.c.tried_at)
    rows = tx.execute(sa.select(*columns, calendar_copy.c.fetched_at, calendar_copy.c.trouble))
    return {(row.schedule, row.calendar): Copy(row.tried_at, row.fetched_at, row.trouble) for row in rows}


def content(tx: Transaction, key: Key) -> bytes | None:
    """Return the last good copy, None where there is none yet."""
    found = tx.execute(sa.select(calendar_copy.c.content).where(_is(key))).scalar_one_or_none()
    return None if found is None else str(found).encode()


def take_turn(tx: Transaction, key: Key, *, every_s: float) -> bool:
    """Say whether it is this replica's turn to ask: nobody did so within `every_s` seconds."""
    row = {"schedule": key[0], "calendar": key[1], "tried_at": _NEVER, "trouble": ""}
    tx.execute(insert_or_keep(tx, calendar_copy).values(row))
    due = _is(key) & (calendar_copy.c.tried_at <= tx.now - every_s)
    return bool(tx.execute(calendar_copy.update().where(due).values(tried_at=tx.now)).rowcount)


def keep(tx: Transaction, key: Key, found: bytes) -> None:
    """Keep a good copy, which is UTF-8; PostgreSQL keeps no NUL."""
    _set(tx, key, content=found.decode().replace("\0", ""), fetched_at=tx.now, trouble="")


def failed(tx: Transaction, key: Key, why: str) -> None:
    """Write down why a turn brought nothing; the copy stays."""
    _set(tx, key, trouble=why[:500])


def forget_others(tx: Transaction, wanted: Collection[Key]) -> None:
    """Forget the calendars that are not among these."""
    for key in known(tx):
        if key not in wanted:
            tx.execute(calendar_copy.delete().where(_is(key)))


def _set(tx: Transaction, key: Key, **values: Any) -> None:
    tx.execute(calendar_copy.update().where(_is(key)).values(values))


def _is(key: Key) -> sa.ColumnElement[bool]:
    return (calendar_copy.c.schedule == key[0]) & (calendar_copy.c.calendar == key[1])
