"""Migrations: they end at the schema of `schema.py`, run once, and newer databases are noticed."""

import threading
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from alert_webhook.errors import SchemaTooNewError
from alert_webhook.store.migrating import _alembic, migrate, newest_revision, revision
from alert_webhook.store.opening import open_store, sqlite_engine
from alert_webhook.store.schema import METADATA
from tests.fakes.clock import FakeClock
from tests.fakes.webhook_stack import Stack


def test_the_migrations_end_at_the_schema(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []


def test_migrating_again_changes_nothing(engine: sa.Engine) -> None:
    migrate(engine)
    with engine.connect() as connection:
        assert MigrationContext.configure(connection).get_current_revision() == newest_revision()


def test_a_database_of_the_version_before_is_upgraded_and_keeps_what_it_holds(tmp_path: Path) -> None:
    engine = sqlite_engine(tmp_path / "old.db")
    alembic = _alembic()
    with engine.connect().execution_options(heronwatch_writer=True) as connection, connection.begin():
        alembic.attributes["connection"] = connection
        command.upgrade(alembic, "0001")
        connection.execute(sa.text("INSERT INTO app_user VALUES ('ana', 'x', 1.0)"))
    migrate(engine)
    with engine.connect() as connection:
        assert MigrationContext.configure(connection).get_current_revision() == newest_revision()
        assert connection.execute(sa.text("SELECT name FROM app_user")).scalars().all() == ["ana"]
    engine.dispose()


def test_two_processes_may_start_at_once(tmp_path: Path) -> None:
    for round_ in range(8):  # the switch to WAL, which SQLite refuses without waiting, collides in one of three
        assert start_together(tmp_path / f"new{round_}.db") == []


def start_together(path: Path) -> list[Exception]:
    """Open one new database eight times at once; returns what went wrong."""
    engines = [sqlite_engine(path) for _ in range(8)]
    failures: list[Exception] = []

    def start(engine: sa.Engine) -> None:
        try:
            migrate(engine)
        except Exception as error:  # noqa: BLE001  # shown by the assertion
            failures.append(error)

    threads = [threading.Thread(target=start, args=(engine,)) for engine in engines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for engine in engines:
        engine.dispose()
    return failures


def make_newer(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))


def test_a_newer_database_is_not_migrated(engine: sa.Engine) -> None:
    make_newer(engine)
    with pytest.raises(SchemaTooNewError, match="at schema 9999, which this version does not know"):
        migrate(engine)


def test_the_engine_stops_when_a_newer_version_migrates_and_the_intake_does_not(stack: Stack) -> None:
    make_newer(stack.store.engine)
    assert stack.post(stack.alert("LinkDown", "high", 0, None, {})).status == 200
    with pytest.raises(SchemaTooNewError, match="accepts alerts but escalates and sends nothing"):
        stack.engine.turn()
    assert stack.channels["sms"].attempts == []


def test_the_revision_is_read_as_the_database_has_it(engine: sa.Engine, clock: FakeClock) -> None:
    assert open_store(engine, clock).read(revision) == newest_revision()
