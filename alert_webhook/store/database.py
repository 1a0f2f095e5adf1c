"""One database behind one door: connections, transactions, the database's clock, and what its errors mean.

Every change runs as `store.write(work, name)`: one transaction that is committed, durably, before the call returns, or
not at all. SQLite writers take turns (BEGIN IMMEDIATE); on PostgreSQL the rows that a transaction depends on are locked
in the order alert, alert_group, incident, then the rest, and a deadlock or a lost race is tried again. Alerts are
locked on the second try only: see `alerts`.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import asdict
from sqlalchemy import exc

from alert_webhook.errors import LostRaceError, StoreUnavailableError

T = TypeVar("T")
WORTH_COUNTING_S = 0.1
TRIES = 3  # deadlocks and lost races are gone on the second try
RETRIABLE_SQLSTATES = frozenset({"40001", "40P01", "23505"})  # serialization failure, deadlock, unique violation


class Transaction:
    """One transaction as the statements in `store/` see it. `now` is the database's time when it began.

    `again`: an earlier try lost a race, so this one locks what it reads.
    """

    def __init__(self, connection: sa.Connection, now: float, *, again: bool = False) -> None:
        self.now = now
        self.again = again
        self._connection = connection
        self.postgresql = connection.dialect.name == "postgresql"

    def execute(
        self, statement: sa.Executable, rows: Sequence[Mapping[str, Any]] | Mapping[str, Any] | None = None
    ) -> "sa.CursorResult[*tuple[Any, ...]]":
        """Run one statement, once for each of `rows` where they are given."""
        return self._connection.execute(statement, rows) if rows is not None else self._connection.execute(statement)

    def execute_many(self, statement: str, rows: Sequence[Struct]) -> int:
        """Run SQLite's `statement` with `:field` in it once for each row; return how many rows were touched."""
        return self._connection.exec_driver_sql(statement, [asdict(row) for row in rows]).rowcount

    def rows(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        """Run a statement as the driver takes it (see `mark`), and return its rows as plain tuples: for many rows."""
        cursor = self._connection.exec_driver_sql(statement, values).cursor
        return list(cursor.fetchall())

    def touch(self, statement: str, **values: Any) -> int:
        """Run a statement as the driver takes it (see `mark`), and return how many rows it touched."""
        return self._connection.exec_driver_sql(statement, values).rowcount

    def copy(self, statement: str, lines: bytes) -> None:
        """Run PostgreSQL's COPY ... FROM STDIN with these lines; the errors are those of `touch`."""
        driver: Any = self._connection.connection.driver_connection
        root: Any = getattr(self._connection.dialect.dbapi, "Error")  # noqa: B009  # of a module that is imported late
        try:
            with driver.cursor() as cursor, cursor.copy(statement) as copying:
                copying.write(lines)
        except root as error:
            raise exc.DBAPIError.instance(statement, None, error, root) from error

    def mark(self, name: str) -> str:
        """Return how a value stands in a statement that the driver takes."""
        return f"%({name})s" if self.postgresql else f":{name}"


class Store:
    """The database. Safe to use from several threads."""

    def __init__(
        self,
        engine: sa.Engine,
        *,
        time: Callable[[sa.Connection], float],
        lock_timeout_s: float,
        observe_commit: Callable[[float], None],
        failpoint: Callable[[str], None],
        monotonic: Callable[[], float],
    ) -> None:
        self.engine = engine
        self._time = time
        self._lock_timeout_s = lock_timeout_s
        self._observe_commit = observe_commit
        self._failpoint = failpoint
        self._monotonic = monotonic
        self._writer = threading.Lock()
        self._takes_turns = engine.dialect.name == "sqlite"
        self.write_trouble = ""  # why the latest change was not taken, "" if it was

    def write(self, work: Callable[[Transaction], T], name: str) -> T:
        """Run `work` in one transaction and commit it; StoreUnavailableError when the database could not take it.

        `work` may run more than once and must do nothing but talk to the transaction. `name` marks the transaction for
        tests that stop the process around its commit.
        """
        try:
            return self._tried(work, name)
        except StoreUnavailableError as error:
            self.write_trouble = str(error)
            raise

    def read(self, work: Callable[[Transaction], T]) -> T:
        """Run `work`, which changes nothing; StoreUnavailableError when the database is away."""
        try:
            with self.engine.connect() as connection, connection.begin():
                return work(Transaction(connection, self._time(connection)))
        except (exc.DBAPIError, exc.TimeoutError) as error:
            raise StoreUnavailableError(reason_of(error)) from error

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    def _tried(self, work: Callable[[Transaction], T], name: str) -> T:
        for attempt in range(1, TRIES + 1):
            try:
                return self._write_once(work, name, again=attempt > 1)
            except LostRaceError as error:
                if attempt == TRIES:
                    raise StoreUnavailableError(str(error)) from error
            except exc.DBAPIError as error:
                if attempt == TRIES or not _worth_another_try(error):
                    raise StoreUnavailableError(reason_of(error)) from error
            except exc.TimeoutError as error:
                raise StoreUnavailableError("no database connection became free in time") from error
        raise AssertionError("unreachable: the last try returns or raises")

    def _write_once(self, work: Callable[[Transaction], T], name: str, *, again: bool) -> T:
        with self._turn() as waited_s, self.engine.connect() as connection, self._hurry(connection, waited_s):
            writer = connection.execution_options(heronwatch_writer=True)
            with writer.begin():
                result = work(Transaction(writer, self._time(writer), again=again))
                self._failpoint(f"before_commit:{name}")
                started = self._monotonic()
            self._observe_commit(self._monotonic() - started)
            self._failpoint(f"after_commit:{name}")
            return result

    @contextmanager
    def _turn(self) -> Iterator[float]:
        """Let SQLite's writers of this process queue here: its own busy handler polls, and is not fair.

        Yields how long that took, in seconds.
        """
        if not self._takes_turns:
            yield 0.0
            return
        began = self._monotonic()
        if not self._writer.acquire(timeout=self._lock_timeout_s):
            raise StoreUnavailableError("the database is busy: no turn to write came in time")
        try:
            yield self._monotonic() - began
        finally:
            self._writer.release()

    @contextmanager
    def _hurry(self, connection: sa.Connection, waited_s: float) -> Iterator[None]:
        """Let SQLite wait for other processes only as long as is left of the time-out after waiting for the turn."""
        database = connection.connection.dbapi_connection
        if waited_s < WORTH_COUNTING_S or database is None:
            yield
            return
        database.cursor().execute(f"PRAGMA busy_timeout = {max(0, int((self._lock_timeout_s - waited_s) * 1000))}")
        try:
            yield
        finally:
            database.cursor().execute(f"PRAGMA busy_timeout = {int(self._lock_timeout_s * 1000)}")


def reason_of(error: Exception) -> str:
    """Return one line that says why, without statement or parameters (they hold alert data)."""
    cause = getattr(error, "orig", None) or error
    return " ".join(str(cause).split())[:200] or type(cause).__name__


def about_the_rows(error: StoreUnavailableError) -> bool:
    """Whether the database refused what was to be written, or a race for it was lost; it is neither away nor busy."""
    cause = error.__cause__
    if isinstance(cause, LostRaceError | exc.DataError | exc.IntegrityError | exc.ProgrammingError):
        return True
    return isinstance(cause, exc.DBAPIError) and _worth_another_try(cause)


def _worth_another_try(error: exc.DBAPIError) -> bool:
    return getattr(error.orig, "sqlstate", None) in RETRIABLE_SQLSTATES
