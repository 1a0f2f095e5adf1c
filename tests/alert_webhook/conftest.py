"""The webhook's tests run on both databases; PostgreSQL is a real server, started once for a test process."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from alert_webhook.store.database import Store
from alert_webhook.store.migrating import migrate
from alert_webhook.store.opening import open_store, postgresql_engine, sqlite_engine
from alert_webhook.store.schema import METADATA
from tests.fakes.clock import FakeClock
from tests.fakes.daemons import Daemon, postgres
from tests.fakes.webhook_stack import Stack, revision


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with postgres(tmp_path_factory.mktemp("pg")) as daemon:
        yield daemon


@pytest.fixture(scope="session")
def postgres_database(postgres_server: Daemon) -> Iterator[sa.Engine]:
    engine = postgresql_engine(
        host=postgres_server.host,
        port=postgres_server.port,
        database="postgres",
        user="heronwatch",
        password="",
        sslmode="disable",
    )
    migrate(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def postgres_engine(postgres_database: sa.Engine) -> sa.Engine:
    """The one database, emptied: faster than one for each test; DELETE, for TRUNCATE takes twenty times as long."""
    empty = "; ".join(f"DELETE FROM {table.name}" for table in reversed(METADATA.sorted_tables))
    with postgres_database.begin() as connection:
        connection.exec_driver_sql(empty)
        connection.exec_driver_sql("SELECT setval(seqrelid::regclass, 1, false) FROM pg_sequence")
        connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{revision()}'")
    return postgres_database


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty SQLite file to copy: forty times as fast as migrating anew."""
    path = tmp_path_factory.mktemp("migrated") / "webhook.db"
    made = sqlite_engine(path)
    migrate(made)
    made.dispose()
    return path


@pytest.fixture
def sqlite_copy(migrated: Path, tmp_path: Path) -> Iterator[sa.Engine]:
    """A migrated, empty SQLite file that need not outlive a power cut."""
    made = sqlite_engine(Path(shutil.copy(migrated, tmp_path)))
    sa.event.listen(made, "connect", _hurried)
    yield made
    made.dispose()


def _hurried(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA synchronous=OFF")


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> sa.Engine:
    """A migrated, empty database, once of each kind."""
    found: sa.Engine = request.getfixturevalue("postgres_engine" if request.param == "postgresql" else "sqlite_copy")
    return found


@pytest.fixture
def store(engine: sa.Engine, clock: FakeClock) -> Iterator[Store]:
    """The store, its clock moved by hand."""
    opened = open_store(engine, clock, time=lambda _connection: clock.now())
    yield opened
    opened.close()


@pytest.fixture
def stack(store: Store, clock: FakeClock) -> Iterator[Stack]:
    """One webhook; a message that the test did not expect fails it."""
    made = Stack(store, clock)
    yield made
    made.nothing_else()


MakeStack = Callable[..., Stack]
