"""The upgrade to 0008, with messages in the database; and that the engine's questions use its indexes."""

from pathlib import Path

import sqlalchemy as sa
from alembic import command

from alert_webhook.store import bundling, notifications
from alert_webhook.store.migrating import _alembic, migrate
from alert_webhook.store.opening import sqlite_engine
from tests.alert_webhook.store.test_engine_migration import INCIDENT, NOTIFICATION
from tests.fakes.webhook_stack import Stack

INDEXES = {"ix_notification_next", "ix_notification_held_back"}


def test_messages_that_wait_go_on_waiting(tmp_path: Path) -> None:
    engine, alembic = sqlite_engine(tmp_path / "old.db"), _alembic()
    with engine.connect().execution_options(heronwatch_writer=True) as connection, connection.begin():
        alembic.attributes["connection"] = connection
        command.upgrade(alembic, "0007")
        connection.execute(sa.text(INCIDENT))
        connection.execute(sa.text(NOTIFICATION))
    migrate(engine)
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT uid, state FROM notification")).one() == ("u", "pending")
        assert connection.execute(sa.text("SELECT count(*) FROM engine_version")).scalar_one() == 0
    assert {each["name"] for each in sa.inspect(engine).get_indexes("notification")} >= INDEXES
    engine.dispose()


MANY = """
INSERT INTO notification (uid, incident_id, cycle, step, person, contact, reason, rank, state, created_at, due_at,
  attempts, unknowns, fell_back, detail)
SELECT n::text, 1, n, 1, 'ana', 'sms', 'page', n % 3, 'pending', n, n, 0, 0, false, '' FROM generate_series(1, 5000) n
"""


def test_amid_many_that_wait_the_next_are_found_by_indexes(postgres_engine: sa.Engine) -> None:
    held_back = sa.select(bundling.notification.c.person).where(bundling.IS_HELD_BACK)
    with postgres_engine.connect() as connection, connection.begin() as begun:
        connection.execute(sa.text(INCIDENT))
        connection.execute(sa.text(MANY))
        connection.execute(sa.text("ANALYZE notification"))
        cases = ((notifications._DUE, {"now": 9e9, "most": 8}, "next"), (held_back, {}, "held_back"))
        for statement, values, index in cases:
            text = statement.compile(connection, compile_kwargs={"render_postcompile": True})
            plan = connection.exec_driver_sql(f"EXPLAIN {text}", {**text.params, **values}).scalars().all()
            assert f"ix_notification_{index}" in str(plan), plan
        begun.rollback()


def test_the_newest_of_many_messages_are_those_a_throttle_sees(stack: Stack) -> None:
    for number in range(notifications.RECENT + 10):
        stack.fire(f"Down{number}", severity="high")
        stack.clock.advance(10)
    places = [("ana", "sms"), ("ana", "mail")]
    found = stack.store.read(lambda tx: notifications.recently_sent(tx, places, 0.0))
    assert found["ana", "mail"] == ()
    seen = found["ana", "sms"]
    assert len(seen) == notifications.RECENT
    assert seen == tuple(sorted(seen))
    assert seen[-1] == stack.clock.now() - 10
    stack.collect()
    stack.unexpected.clear()
