"""SQLite commits are on the disk before anybody is answered: every connection of the engine writes with FULL."""

import contextlib
from pathlib import Path

import pytest
import sqlalchemy as sa

from alert_webhook.store.database import Transaction
from alert_webhook.store.migrating import migrate
from alert_webhook.store.opening import open_store, sqlite_engine
from alert_webhook.store.schema import probe
from tests.fakes.clock import FakeClock

FULL = 2  # sqlite.org/pragma.html#pragma_synchronous
AT_ONCE = 32  # as many as the pool gives out


@pytest.fixture
def engine(tmp_path: Path) -> sa.Engine:
    return sqlite_engine(tmp_path / "webhook.db")


def synchronous(connection: sa.Connection) -> tuple[int, str]:
    mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar_one()
    return int(connection.exec_driver_sql("PRAGMA synchronous").scalar_one()), str(mode)


def test_every_connection_of_the_pool_and_beyond_it_is_full(engine: sa.Engine) -> None:
    with contextlib.ExitStack() as stack:
        open_ = [stack.enter_context(engine.connect()) for _ in range(AT_ONCE)]
        assert {synchronous(each) for each in open_} == {(FULL, "wal")}
    engine.dispose()


def test_the_connection_of_a_write_is_full_also_after_migrating_and_a_fresh_start(engine: sa.Engine) -> None:
    migrate(engine)
    found: list[tuple[int, str]] = []
    for _ in range(2):
        store = open_store(engine, FakeClock())

        def work(tx: Transaction, seen: list[tuple[int, str]] = found) -> None:
            seen.append(synchronous(tx._connection))  # the one that commits
            tx.execute(sa.delete(probe))

        store.write(work, "test")
        store.close()  # the next one connects anew
    assert found == [(FULL, "wal"), (FULL, "wal")]
