"""The webhook's tests run on both databases; PostgreSQL is a real server, started once for a test process."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from alert_webhook.store.database import Store
from alert_webhook.store.migrating import migrate, newest_revision
from alert_webhook.store.opening import open_store, postgresql_engine, sqlite_engine
from alert_webhook.store.schema import METADATA
from tests.fakes.clock import FakeClock
from tests.fakes.daemons import Daemon, postgres
from tests.fakes.webhook_stack import Stack


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
    """The one database, emptied: faster than one for each test."""
    names = ", ".join(table.name for table in METADATA.sorted_tables)
    with postgres_database.begin() as connection:
        connection.exec_driver_sql(f"TRUNCATE {names} RESTART IDENTITY")
        connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{newest_revision()}'")
    return postgres_database


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    """A migrated, empty database, once of each kind."""
    if request.param == "postgresql":
        yield request.getfixturevalue("postgres_engine")
        return
    made = sqlite_engine(tmp_path / "webhook.db")
    migrate(made)
    yield made
    made.dispose()


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
