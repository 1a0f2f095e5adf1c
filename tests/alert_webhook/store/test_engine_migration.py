"""The upgrade to 0006, with messages in the database."""

from pathlib import Path

import sqlalchemy as sa
from alembic import command

from alert_webhook.store.migrating import _alembic, migrate
from alert_webhook.store.opening import sqlite_engine

INCIDENT = """
INSERT INTO incident (id, code, integration, group_name, title, labels, source_url, severity, rank, urgency, state,
  cycle, repeats_left, next_step, started_at, updated_at, acked_by)
VALUES (1, 'K7QF', 'am', 'g', 'Down', '{}', '', 'high', 1, 'page', 'new', 1, 0, 1, 1.0, 1.0, '')
"""
NOTIFICATION = """
INSERT INTO notification (id, uid, incident_id, cycle, step, person, contact, reason, rank, state, created_at, due_at,
  attempts, unknowns, fell_back, detail)
VALUES (1, 'u', 1, 1, 1, 'ana', 'sms', 'page', 1, 'pending', 1.0, 1.0, 0, 0, false, '')
"""


def test_messages_that_wait_go_on_waiting(tmp_path: Path) -> None:
    engine, alembic = sqlite_engine(tmp_path / "old.db"), _alembic()
    with engine.connect().execution_options(heronwatch_writer=True) as connection, connection.begin():
        alembic.attributes["connection"] = connection
        command.upgrade(alembic, "0005")
        connection.execute(sa.text(INCIDENT))
        connection.execute(sa.text(NOTIFICATION))
    migrate(engine)
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT uid, state, told_in FROM notification")).one() == (
            "u",
            "pending",
            None,
        )
    engine.dispose()
