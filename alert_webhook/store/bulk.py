"""Many rows in one statement: on PostgreSQL by COPY or as one JSON value, on SQLite as values of a prepared statement.

A row is a Struct whose fields are named as the columns. A statement for each row would cost PostgreSQL, and us, several
times the work of the rows themselves. COPY takes a new row for less than half of what JSON costs there: its lines are
JSON, too, read as CSV whose quotes are escaped by a backslash.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import msgspec
import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import astuple

from alert_webhook.store.database import Transaction

TYPES: dict[type[sa.types.TypeEngine[Any]], str] = {  # the most derived first
    sa.BigInteger: "bigint",
    sa.Integer: "integer",
    sa.Boolean: "boolean",
    sa.Double: "double precision",
    sa.Text: "text",
}


KEEP = " ON CONFLICT DO NOTHING"
COPIED = 50  # rows from which on COPY is worth its turns with the server
CSV = r"""WITH (FORMAT csv, ENCODING 'UTF8', QUOTE '"', ESCAPE '\', NULL 'null')"""
_LINES = msgspec.json.Encoder()


def insert(tx: Transaction, table: sa.Table, rows: Sequence[Struct]) -> None:
    """Insert the rows; all have the same fields."""
    _insert_all(tx, table, rows, "")


def insert_or_keep(tx: Transaction, table: sa.Table, rows: Sequence[Struct]) -> None:
    """Insert those of the rows whose unique keys are not taken; all have the same fields."""
    _insert_all(tx, table, rows, KEEP)


def insert_or_replace(tx: Transaction, table: sa.Table, rows: Sequence[Struct], *, key: Sequence[str]) -> None:
    """Insert the rows; where the values of `key` are taken, set the other fields there. No two rows have the same."""
    if rows:
        others = [name for name in type(rows[0]).__struct_fields__ if name not in key]
        assigned = ", ".join(f"{name} = excluded.{name}" for name in others)
        _insert_all(tx, table, rows, f" ON CONFLICT ({', '.join(key)}) DO UPDATE SET {assigned}")


def _insert_all(tx: Transaction, table: sa.Table, rows: Sequence[Struct], conflict: str) -> None:
    if not rows:
        return
    columns = type(rows[0]).__struct_fields__
    if tx.postgresql:
        if conflict or not _copy(tx, table, columns, [astuple(row) for row in rows]):
            tx.touch(_insert(table, columns) + conflict, rows=_json(rows))
    else:
        tx.execute_many(_values(table, columns) + conflict, rows)


def insert_returning_ids(tx: Transaction, table: sa.Table, rows: Sequence[Struct], key: str) -> dict[str, int]:
    """Insert the rows on PostgreSQL and return their ids by the values of `key`."""
    columns = type(rows[0]).__struct_fields__
    if len(rows) >= COPIED:
        ids = [id_ for (id_,) in tx.rows(_next_ids(table), number=len(rows))]
        if _copy(tx, table, ("id", *columns), [(id_, *astuple(row)) for id_, row in zip(ids, rows, strict=True)]):
            return {getattr(row, key): id_ for id_, row in zip(ids, rows, strict=True)}
    found = tx.rows(_insert(table, columns, returning=("id", key)), rows=_json(rows))
    return {name: id_ for id_, name in found}


def update(tx: Transaction, table: sa.Table, rows: Sequence[Struct], *, key: Sequence[str], also: str = "") -> int:
    """Set the other fields where those in `key` are equal, and `also` holds; return how many rows that were.

    A field `was_x` in the key stands for the column `x` as it was read. Rows that are NULL there match nothing. See
    `update_few` for a handful of rows.
    """
    if not rows:
        return 0
    fields = type(rows[0]).__struct_fields__
    if tx.postgresql:
        return tx.touch(_update(table, fields, tuple(key), also), rows=_json(rows))
    return tx.execute_many(_set(table, fields, tuple(key), also), rows)


def update_few(tx: Transaction, table: sa.Table, rows: Sequence[Struct], *, key: Sequence[str]) -> int:
    """Do what `update` does for a few rows of a large table, whose first field in `key` is a number.

    PostgreSQL takes any JSON for a hundred rows, and may read the whole table for them: it is told these numbers.
    """
    if not rows or not tx.postgresql:
        return update(tx, table, rows, key=key)
    fields, first = type(rows[0]).__struct_fields__, key[0]
    statement = f"{_update(table, fields, tuple(key), '')} AND t.{first} = ANY(%(among)s)"
    return tx.touch(statement, rows=_json(rows), among=[getattr(row, first) for row in rows])


def _copy(tx: Transaction, table: sa.Table, columns: tuple[str, ...], rows: Sequence[tuple[Any, ...]]) -> bool:
    """Insert the rows by COPY; False where they are few, or one cannot be written so."""
    lines = csv_lines(rows) if len(rows) >= COPIED else None
    if lines is None:
        return False
    tx.copy(f"COPY {table.name} ({', '.join(columns)}) FROM STDIN {CSV}", lines)
    return True


def csv_lines(rows: Sequence[tuple[Any, ...]]) -> bytes | None:
    r"""Return rows as lines that PostgreSQL reads with `CSV`; None where JSON escapes more than `"` and `\` in them.

    >>> csv_lines([(1, 'a"b', None), (2, "c", True)])
    b'1,"a\\"b",null\n2,"c",true'
    >>> csv_lines([("two\nlines",)]) is None
    True
    """
    lines = _LINES.encode_lines(rows)[1:-2].replace(b"]\n[", b"\n")  # no line has a newline in it: JSON escapes them
    escapes = lines.replace(rb"\\", b"")
    return lines if escapes.count(b"\\") == escapes.count(rb"\"") else None


@lru_cache(maxsize=8)
def _next_ids(table: sa.Table) -> str:
    sequence = f"pg_get_serial_sequence('{table.name}', 'id')"
    return f"SELECT nextval({sequence}) FROM generate_series(1, %(number)s)"  # noqa: S608  # names of our own


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
