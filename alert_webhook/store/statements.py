"""What the statements share: JSON in text columns, inserts that let an existing row stand, and bounded IN lists."""

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from alert_webhook.store.database import Transaction

T = TypeVar("T")
CHUNK = 1000  # values in one IN list: below SQLite's and PostgreSQL's limits on parameters


def json_text(value: object) -> str:
    """Return `value` as JSON."""
    return msgspec.json.encode(value).decode()


def from_json(text: str, kind: type[T]) -> T:
    """Return the value that `json_text` wrote."""
    return msgspec.json.decode(text, type=kind)


def insert_or_keep(tx: Transaction, table: sa.Table) -> Any:
    """Return an INSERT that does nothing where a unique key is taken already."""
    insert = postgresql.insert if tx.postgresql else sqlite.insert
    return insert(table).on_conflict_do_nothing()


def insert_or_replace(tx: Transaction, table: sa.Table, key: Sequence[str], columns: Sequence[str]) -> Any:
    """Return an INSERT that sets `columns` of the existing row where `key` is taken already."""
    insert = (postgresql.insert if tx.postgresql else sqlite.insert)(table)
    return insert.on_conflict_do_update(
        index_elements=list(key), set_={name: insert.excluded[name] for name in columns}
    )


def chunks(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield `values` in pieces that fit one IN list."""
    for start in range(0, len(values), CHUNK):
        yield values[start : start + CHUNK]
