"""Many rows in one statement: on PostgreSQL as one JSON value, on SQLite as the values of one prepared statement.

A row is a Struct whose fields are named as the columns. A statement for each row would cost PostgreSQL, and us, several
times the work of the rows themselves.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from alert_webhook.store.database import Transaction

TYPES: dict[type[sa.types.TypeEngine[Any]], str] = {  # the most derived first
    sa.BigInteger: "bigint",
    sa.Integer: "integer",
    sa.Boolean: "boolean",
    sa.Double: "double precision",
    sa.Text: "text",
}


def insert(tx: Transaction, table: sa.Table, rows: Sequence[Struct]) -> None:
    """Insert the rows; all have the same fields."""
    if not rows:
        return
    columns = type(rows[0]).__struct_fields__
    if tx.postgresql:
        tx.touch(_insert(table, columns), rows=_json(rows))
    else:
        tx.execute_many(_values(table, columns), rows)


def insert_returning_ids(tx: Transaction, table: sa.Table, rows: Sequence[Struct], key: str) -> dict[str, int]:
    """Insert the rows on PostgreSQL and return their ids by the values of `key`."""
    columns = type(rows[0]).__struct_fields__
    found = tx.rows(_insert(table, columns, returning=("id", key)), rows=_json(rows))
    return {name: id_ for id_, name in found}


def update(tx: Transaction, table: sa.Table, rows: Sequence[Struct], *, key: Sequence[str], also: str = "") -> int:
    """Set the other fields where those in `key` are equal, and `also` holds; return how many rows that were.

    A field `was_x` in the key stands for the column `x` as it was read. Rows that are NULL there match nothing.
    """
    if not rows:
        return 0
    fields = type(rows[0]).__struct_fields__
    if tx.postgresql:
        return tx.touch(_update(table, fields, tuple(key), also), rows=_json(rows))
    return tx.execute_many(_set(table, fields, tuple(key), also), rows)


def _json(rows: Sequence[Struct]) -> str:
    return msgspec.json.encode(rows).decode()


@lru_cache(maxsize=64)
def _insert(table: sa.Table, columns: tuple[str, ...], returning: tuple[str, ...] = ()) -> str:
    names = ", ".join(columns)
    back = f" RETURNING {', '.join(returning)}" if returning else ""
    return f"INSERT INTO {table.name} ({names}) SELECT {names} FROM {_recordset(table, columns)}{back}"  # noqa: S608  # names of our own


@lru_cache(maxsize=64)
def _update(table: sa.Table, fields: tuple[str, ...], key: tuple[str, ...], also: str) -> str:
    assigned = ", ".join(f"{name} = x.{name}" for name in fields if name not in key)
    where = " AND ".join([*(f"t.{_column(name)} = x.{name}" for name in key), *([f"t.{also}"] if also else [])])
    return f"UPDATE {table.name} AS t SET {assigned} FROM {_recordset(table, fields)} WHERE {where}"  # noqa: S608  # names of our own


def _recordset(table: sa.Table, fields: tuple[str, ...]) -> str:
    typed = ", ".join(f"{name} {_type(table.c[_column(name)])}" for name in fields)
    return f"json_to_recordset(CAST(%(rows)s AS json)) AS x({typed})"


@lru_cache(maxsize=64)
def _values(table: sa.Table, columns: tuple[str, ...]) -> str:
    return f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({', '.join(f':{name}' for name in columns)})"  # noqa: S608  # names of our own


@lru_cache(maxsize=64)
def _set(table: sa.Table, fields: tuple[str, ...], key: tuple[str, ...], also: str) -> str:
    assigned = ", ".join(f"{name} = :{name}" for name in fields if name not in key)
    where = " AND ".join([*(f"{_column(name)} = :{name}" for name in key), *([also] if also else [])])
    return f"UPDATE {table.name} SET {assigned} WHERE {where}"  # noqa: S608  # names of our own


def _column(field: str) -> str:
    return field.removeprefix("was_")


def _type(column: sa.Column[Any]) -> str:
    return next(name for kind, name in TYPES.items() if isinstance(column.type, kind))
