"""Opening the database: SQLite by default, PostgreSQL for replicas; the same statements on both."""

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

from alert_webhook.config import Database
from alert_webhook.errors import NoDatabaseError
from alert_webhook.store.database import Store
from alert_webhook.store.file_place import FilePlace
from heronwatch.clock import Clock

LOCK_TIMEOUT_S = 5.0  # well below Alertmanager's shortest flush deadline of 10 s
STATEMENT_TIMEOUT_S = 30.0


def is_there(database: Database) -> bool:
    """Return whether the configured database can be asked: a server can, a file where there is one."""
    if database.sqlite is None:
        return True
    try:
        database.sqlite.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True  # opening it says what is wrong
    return True


def require(database: Database) -> None:
    """Raise NoDatabaseError where there is no database to ask."""
    if not is_there(database):
        raise NoDatabaseError(f"there is no database at {database.sqlite}")


def open_existing(database: Database, clock: Clock) -> Store:
    """Return the store of a command that makes no database; NoDatabaseError where there is none."""
    require(database)
    return open_store(engine_for(database, create=False), clock)


def engine_for(database: Database, *, create: bool = True) -> sa.Engine:
    """Return an engine on the configured database; nothing is connected yet. `create`: it may make the file."""
    if database.sqlite is not None:
        return sqlite_engine(database.sqlite, create=create)
    server = database.postgresql
    assert server is not None  # noqa: S101  # the configuration has exactly one of the two
    return postgresql_engine(
        host=server.host,
        port=server.port,
        database=server.database,
        user=server.user,
        password=server.password.reveal(),
        sslmode=server.sslmode,
    )


def nothing(_value: object) -> None:
    """Do nothing: the failpoint and the observer of a store that nobody watches."""


def sqlite_engine(path: Path, *, create: bool = True) -> sa.Engine:
    """Return an engine on the file `path`, durable against power loss.

    No transaction begins, and none is committed, while the file that was opened is not at its path.
    """
    place = FilePlace(path, create=create)
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(path)),
        connect_args={"timeout": LOCK_TIMEOUT_S, "isolation_level": None},
        pool_size=16,
        max_overflow=16,
        pool_timeout=LOCK_TIMEOUT_S,
    )
    event.listen(engine, "connect", _pragmas)
    event.listen(engine, "do_connect", lambda _dialect, _record, _arguments, options: place.connect(**options))
    event.listen(engine, "begin", lambda _connection: place.check())
    event.listen(engine, "begin", _begin)
    event.listen(engine, "commit", lambda _connection: place.check())
    return engine


def postgresql_engine(*, host: str, port: int, database: str, user: str, password: str, sslmode: str) -> sa.Engine:
    """Return an engine on a PostgreSQL server (psycopg 3); a lock or statement that takes too long is given up."""
    url = sa.URL.create(
        "postgresql+psycopg", username=user, password=password or None, host=host, port=port, database=database
    )
    options = " ".join(
        f"-c {name}={int(seconds * 1000)}"
        for name, seconds in (
            ("lock_timeout", LOCK_TIMEOUT_S),
            ("statement_timeout", STATEMENT_TIMEOUT_S),
            ("idle_in_transaction_session_timeout", STATEMENT_TIMEOUT_S),
        )
    )
    arguments: dict[str, Any] = {
        "connect_timeout": int(LOCK_TIMEOUT_S),
        "sslmode": sslmode,
        "options": options,
        "application_name": "heronwatch-webhook",
    }
    return sa.create_engine(
        url, connect_args=arguments, pool_size=8, max_overflow=16, pool_timeout=LOCK_TIMEOUT_S, pool_pre_ping=True
    )


def open_store(
    engine: sa.Engine,
    clock: Clock,
    *,
    time: Callable[[sa.Connection], float] | None = None,
    observe_commit: Callable[[float], None] = nothing,
    failpoint: Callable[[str], None] = nothing,
) -> Store:
    """Return the store on `engine`; `time` replaces the database's clock (tests move it by hand)."""
    return Store(
        engine,
        time=time or database_time(engine, clock),
        lock_timeout_s=LOCK_TIMEOUT_S,
        observe_commit=observe_commit,
        failpoint=failpoint,
        monotonic=clock.monotonic,
    )


def database_time(engine: sa.Engine, clock: Clock) -> Callable[[sa.Connection], float]:
    """Return the one clock that decides what is due and whose lease is over.

    On PostgreSQL that is the server's, the same for every replica; a SQLite file has one machine, whose clock it is.
    """
    if engine.dialect.name != "postgresql":
        return lambda _connection: clock.now()
    statement = sa.text("SELECT extract(epoch FROM clock_timestamp())")
    return lambda connection: float(connection.execute(statement).scalar_one())


def _pragmas(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    _use_wal(cursor)
    # FULL: NORMAL survives kill -9 but may lose the last commits when the power fails
    for pragma in ("synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _use_wal(cursor: sqlite3.Cursor) -> None:
    """Switch the file to WAL, also while others do: SQLite refuses this switch at once, its time-out does not count."""
    give_up = time.monotonic() + LOCK_TIMEOUT_S
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                raise
            time.sleep(0.01)
        else:
            return


def _begin(connection: sa.Connection) -> None:
    writer = connection.get_execution_options().get("heronwatch_writer", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writer else "BEGIN")
