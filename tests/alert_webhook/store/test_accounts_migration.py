"""The upgrade to 0007, with users who are signed in, on both databases."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command

from alert_webhook.rights import Role
from alert_webhook.store import accounts
from alert_webhook.store.migrating import _alembic, migrate
from alert_webhook.store.opening import open_store, sqlite_engine
from tests.fakes.clock import FakeClock
from tests.fakes.daemons import Daemon


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    """A database that nobody has migrated yet."""
    if request.param == "sqlite":
        made = sqlite_engine(tmp_path / "old.db")
        yield made
        made.dispose()
        return
    server: Daemon = request.getfixturevalue("postgres_server")
    where = f"{server.host}:{server.port}"
    outside = sa.create_engine(f"postgresql+psycopg://heronwatch@{where}/postgres", isolation_level="AUTOCOMMIT")
    with outside.connect() as connection:
        connection.execute(sa.text("CREATE DATABASE before_accounts"))  # goes with the server at the end
    outside.dispose()
    made = sa.create_engine(f"postgresql+psycopg://heronwatch@{where}/before_accounts")
    yield made
    made.dispose()


def test_users_of_before_are_responders_and_stay_signed_in(empty: sa.Engine) -> None:
    alembic, clock = _alembic(), FakeClock()
    with empty.connect().execution_options(heronwatch_writer=True) as connection, connection.begin():
        alembic.attributes["connection"] = connection
        command.upgrade(alembic, "0006")
        connection.execute(sa.text("INSERT INTO app_user VALUES ('ana', 'hash', 1.0)"))
        connection.execute(sa.text("INSERT INTO app_session VALUES ('x', 'ana', 1.0, 9e9)"))
    migrate(empty)
    store = open_store(empty, clock)
    assert store.read(accounts.users) == [accounts.Account("ana", Role.RESPONDER)]
    with empty.connect() as connection:
        assert connection.execute(sa.text("SELECT user_name FROM app_session")).scalars().all() == ["ana"]
