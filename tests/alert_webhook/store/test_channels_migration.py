"""The step from 0002 to 0003, with messages in the database."""

from pathlib import Path

import sqlalchemy as sa
from alembic import command

from alert_webhook.delivery.callback import Stage
from alert_webhook.store import tracked
from alert_webhook.store.migrating import _alembic, migrate
from alert_webhook.store.opening import open_store, sqlite_engine
from alert_webhook.store.tracked import Tracked
from tests.fakes.clock import FakeClock
from tests.fakes.older_database import INCIDENT, before

__all__ = ["before"]
NOTIFICATION = """
INSERT INTO notification (id, uid, incident_id, cycle, step, person, contact, reason, rank, state, created_at, due_at,
  attempts, unknowns, fell_back, detail, sent_at)
VALUES (5, 'u5', 7, 1, 1, 'ana', 'sms', 'page', 1, 'sent', 1.0, 1.0, 1, 0, false, '', 2.0)
"""
DELIVERY = """
INSERT INTO delivery (id, notification_id, attempt, channel, started_at, ended_at, outcome, reference, detail)
VALUES (6, 5, 1, 'sms', 1.0, 2.0, 'accepted', 'SM1', 'queued')
"""


def test_messages_of_the_version_before_are_kept_and_can_be_tracked(before: sa.Engine, clock: FakeClock) -> None:
    alembic = _alembic()
    with before.connect().execution_options(heronwatch_writer=True) as connection, connection.begin():
        alembic.attributes["connection"] = connection
        command.upgrade(alembic, "0002")
        for statement in (INCIDENT, NOTIFICATION, DELIVERY):
            connection.execute(sa.text(statement))
    migrate(before)
    store = open_store(before, clock)
    assert store.read(lambda tx: tracked.notification_of(tx, "u5").contact) == "sms"
    new = Tracked(
        id=0, channel="sms", reference="SM1", uid="u5", address="+34", stage=Stage.ACCEPTED, taken_at=0.0, asked=0
    )
    store.write(lambda tx: tracked.add(tx, new, word="queued"), "test")
    assert store.read(lambda tx: tracked.find(tx, "sms", "SM1")) is not None


def test_the_step_can_be_taken_back(tmp_path: Path) -> None:
    engine, alembic = sqlite_engine(tmp_path / "new.db"), _alembic()
    with engine.connect().execution_options(heronwatch_writer=True) as connection, connection.begin():
        alembic.attributes["connection"] = connection
        command.upgrade(alembic, "0003")
        assert "tracked_message" in sa.inspect(connection).get_table_names()
        command.downgrade(alembic, "0002")
        assert not {"tracked_message", "heard_event", "hopeless_address"} & set(
            sa.inspect(connection).get_table_names()
        )
    engine.dispose()
