"""The whole database as lines of JSON, read in one snapshot while others work, and put back in one transaction.

The first line says which schema it is; then come the tables, a parent before its children, each as a head and its rows;
the last line counts the rows and holds the SHA-256 of all lines before it, so that half a backup is noticed. The lines
are the same for SQLite and PostgreSQL: a backup of one goes into the other.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy import exc

from alert_webhook.delivery.owed import Progress
from alert_webhook.errors import BackupError, StoreUnavailableError
from alert_webhook.store.database import Store, Transaction, reason_of
from alert_webhook.store.migrating import revision

FORMAT = 1
PIECE = 1000  # rows read or written at once
LOCK_WAIT_S = 60
VERSIONS = "alembic_version"


class Head(Struct, frozen=True, kw_only=True):
    """The first line."""

    heronwatch_backup: int
    revision: str
    made_at: float


class TableHead(Struct, frozen=True, kw_only=True):
    """The line before a table's rows."""

    table: str
    columns: tuple[str, ...]


class Foot(Struct, frozen=True, kw_only=True):
    """The last line."""

    rows: int
    sha256: str


def dump(store: Store, write: Callable[[bytes], object]) -> int:
    """Write every row as of one moment; return how many. StoreUnavailableError when the database is away."""
    digest, rows = hashlib.sha256(), 0
    made_at = store.read(lambda tx: tx.now)
    try:
        with _snapshot(store.engine) as connection, connection.begin():
            tx = Transaction(connection, made_at)
            if tx.postgresql:
                tx.execute(sa.text("SET LOCAL statement_timeout = 0"))
            for line in _lines(connection, tx):
                digest.update(line)
                write(line)
                rows += line.startswith(b"[")
    except exc.DBAPIError as error:
        raise StoreUnavailableError(reason_of(error)) from error
    write(_line(Foot(rows=rows, sha256=digest.hexdigest())))
    return rows


def restore(store: Store, open_lines: Callable[[], Iterable[bytes]]) -> int:
    """Put a backup in place of everything the database holds; return how many rows. `open_lines` may be called again.

    It is all or nothing: BackupError says what is wrong with the lines, and then nothing has changed. What was waiting
    to be sent when the backup was made may have been sent since: it goes out again and says so.
    """
    tables = _tables(store.engine)

    def work(tx: Transaction) -> int:
        return _Restoring(tx, tables).all_of(iter(open_lines()))

    return store.write(work, "restore")


def _snapshot(engine: sa.Engine) -> sa.Connection:
    """Return a connection that sees one moment: SQLite's WAL does so by itself."""
    if engine.dialect.name != "postgresql":
        return engine.connect()
    return engine.connect().execution_options(isolation_level="REPEATABLE READ")


def _lines(connection: sa.Connection, tx: Transaction) -> Iterator[bytes]:
    yield _line(Head(heronwatch_backup=FORMAT, revision=revision(tx), made_at=tx.now))
    for table in _tables(connection):
        names = tuple(str(column.name) for column in table.columns)
        yield _line(TableHead(table=str(table.name), columns=names))
        order = list(table.primary_key.columns) or list(table.columns)
        for row in tx.execute(sa.select(table).order_by(*order).execution_options(yield_per=PIECE)):
            yield _line(list(row))


def _tables(bind: sa.Connection | sa.Engine) -> list[sa.Table]:
    """Return the tables as the database has them, each after those it refers to."""
    found = sa.MetaData()
    found.reflect(bind)
    return [table for table in found.sorted_tables if table.name != VERSIONS]


def _line(value: object) -> bytes:
    return msgspec.json.encode(value) + b"\n"


class _Restoring:
    """One restore, inside its transaction."""

    def __init__(self, tx: Transaction, tables: Sequence[sa.Table]) -> None:
        self._tx = tx
        self._tables = {table.name: table for table in tables}
        self._digest, self._rows = hashlib.sha256(), 0

    def all_of(self, lines: Iterator[bytes]) -> int:
        """Check the head, empty the tables, fill them, check the foot."""
        self._check_head(lines)
        self._empty()
        self._fill(lines)
        self._afterwards()
        return self._rows

    def _check_head(self, lines: Iterator[bytes]) -> None:
        first = next(lines, b"")
        self._digest.update(first)
        head = _decoded(first, Head, "this is no backup of a heronwatch webhook")
        if head.heronwatch_backup != FORMAT:
            raise BackupError(f"the backup has format {head.heronwatch_backup}, this version reads {FORMAT}")
        here = revision(self._tx)
        if head.revision != here:
            raise BackupError(
                f"the backup is of schema {head.revision}, this database of {here}: restore it with the version that "
                "made it, and upgrade then"
            )

    def _empty(self) -> None:
        if self._tx.postgresql:
            self._tx.execute(sa.text(f"SET LOCAL lock_timeout = '{LOCK_WAIT_S}s'"))
            self._tx.execute(sa.text("SET LOCAL statement_timeout = 0"))
        else:
            self._tx.execute(sa.text("PRAGMA defer_foreign_keys = ON"))
        if self._tx.postgresql:
            self._tx.execute(sa.text("TRUNCATE " + ", ".join(f'"{name}"' for name in self._tables)))
            return
        for table in reversed(self._tables.values()):
            self._tx.execute(table.delete())

    def _fill(self, lines: Iterator[bytes]) -> None:
        table: sa.Table | None = None
        columns: tuple[str, ...] = ()
        waiting: list[dict[str, Any]] = []
        for line in lines:
            if line.startswith(b"["):
                waiting.append(dict(zip(columns, _decoded(line, list[Any], "a row cannot be read"), strict=True)))
                if len(waiting) >= PIECE:
                    waiting = self._insert(table, waiting)
            else:
                waiting = self._insert(table, waiting)
                if line.startswith(b'{"rows"'):
                    self._check_foot(line, lines)
                    return
                head = _decoded(line, TableHead, "a table cannot be read")
                table, columns = self._known(head.table), head.columns
            self._digest.update(line)
        raise BackupError("the backup is not whole: its end is missing")

    def _insert(self, table: sa.Table | None, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        if rows and table is not None:
            self._tx.execute(table.insert(), rows)
        self._rows += len(rows)
        return []

    def _known(self, name: str) -> sa.Table:
        if name not in self._tables:
            raise BackupError(f"the backup has a table {name!r}, this database none")
        return self._tables[name]

    def _check_foot(self, line: bytes, rest: Iterator[bytes]) -> None:
        foot = _decoded(line, Foot, "its end cannot be read")
        if foot.rows != self._rows or foot.sha256 != self._digest.hexdigest() or next(rest, None) is not None:
            raise BackupError("the backup was damaged: its lines are not the ones that were written")

    def _afterwards(self) -> None:
        """Let what was waiting say that it may be a duplicate; let new rows get new numbers."""
        notification = self._tables["notification"]
        waiting = notification.c.state.in_((Progress.PENDING.value, Progress.SENDING.value))
        again = {"state": Progress.PENDING.value, "lease_until": None, "unknowns": notification.c.unknowns + 1}
        self._tx.execute(notification.update().where(waiting).values(again))
        if self._tx.postgresql:
            for table in self._tables.values():
                if "id" in table.columns:
                    self._tx.execute(sa.text(NEXT_ID.format(table=table.name)))


NEXT_ID = (
    "SELECT setval(pg_get_serial_sequence('\"{table}\"', 'id'), coalesce(max(id), 1), max(id) IS NOT NULL)"
    ' FROM "{table}"'
)


def _decoded(line: bytes, kind: Any, fault: str) -> Any:
    try:
        return msgspec.json.decode(line, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BackupError(fault) from error
