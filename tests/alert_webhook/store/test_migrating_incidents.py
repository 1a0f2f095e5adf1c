"""The step from 0004 to 0005, with incidents in the database."""

from pathlib import Path

import sqlalchemy as sa
from alembic import command

from alert_webhook.incidents.audit import verify
from alert_webhook.incidents.transitions import State
from alert_webhook.store import audit, incidents
from alert_webhook.store.migrating import _alembic, migrate
from alert_webhook.store.opening import open_store, sqlite_engine
from tests.fakes.clock import FakeClock
from tests.fakes.older_database import EVENT, INCIDENT, before

__all__ = ["before"]


def test_incidents_of_the_version_before_are_kept_and_their_events_sealed(before: sa.Engine, clock: FakeClock) -> None:
    alembic = _alembic()
    with before.connect().execution_options(heronwatch_writer=True) as connection, connection.begin():
        alembic.attributes["connection"] = connection
        command.upgrade(alembic, "0004")
        connection.execute(sa.text(INCIDENT))
        connection.execute(sa.text(EVENT))
    migrate(before)
    store = open_store(before, clock)
    found = store.read(lambda tx: incidents.get(tx, 7))
    assert found is not None
    assert (found.state, found.ack_ends_at, found.assigned_to, found.parent_id) == (State.ACKNOWLEDGED, None, "", None)
    assert store.write(audit.seal, "test") == 1
    assert store.read(verify).faults == ()


def test_the_step_can_be_taken_back(tmp_path: Path) -> None:
    engine = sqlite_engine(tmp_path / "new.db")
    alembic = _alembic()
    with engine.connect().execution_options(heronwatch_writer=True) as connection, connection.begin():
        alembic.attributes["connection"] = connection
        command.upgrade(alembic, "0005")
        command.downgrade(alembic, "0004")
        names = sa.inspect(connection).get_table_names()
        columns = {column["name"] for column in sa.inspect(connection).get_columns("incident")}
    assert "audit_link" not in names
    assert "parent_id" not in columns
    engine.dispose()
