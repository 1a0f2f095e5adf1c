"""The intake's step of the schema, taken with alerts in the database, and taken back."""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.migration import MigrationContext

from alert_webhook.store.migrating import _alembic
from alert_webhook.store.opening import sqlite_engine

OLD_ALERT = (
    "INSERT INTO alert (integration, fingerprint, name, labels, annotations, generator_url, urgency, rank, starts_ns,"
    " firing, ended_ns, ended_seen_at, first_seen_at, last_seen_at)"
    " VALUES ('am', 'f', 'A', '{}', '{}', '', 'page', 1, '[1]', :firing, -1, 0.0, 1.0, 1.0)"
)


def test_alerts_of_the_version_before_are_kept(tmp_path: Path) -> None:
    engine, config = sqlite_engine(tmp_path / "old.db"), _alembic()
    with engine.connect().execution_options(heronwatch_writer=True) as connection, connection.begin():
        config.attributes["connection"] = connection
        command.upgrade(config, "0003")
        connection.execute(sa.text(OLD_ALERT), {"firing": True})
        command.upgrade(config, "0004")
        row = connection.execute(sa.text("SELECT name, openings, held_until FROM alert")).one()
        assert tuple(row) == ("A", "[]", None)
        command.downgrade(config, "0003")
        assert MigrationContext.configure(connection).get_current_revision() == "0003"
        assert connection.execute(sa.text("SELECT name FROM alert")).scalars().all() == ["A"]
    engine.dispose()


def indexes(connection: sa.Connection) -> set[str]:
    return {str(each["name"]) for each in sa.inspect(connection).get_indexes("episode")}


def test_an_end_changes_no_index_of_an_episode(tmp_path: Path) -> None:
    engine, config = sqlite_engine(tmp_path / "old.db"), _alembic()
    with engine.connect().execution_options(heronwatch_writer=True) as connection, connection.begin():
        config.attributes["connection"] = connection
        command.upgrade(config, "0009")
        before = indexes(connection)
        connection.execute(sa.text(OLD_ALERT), {"firing": True})
        connection.execute(sa.text("INSERT INTO episode (alert_id, starts_ns) VALUES (1, 5)"))
        command.upgrade(config, "0010")
        assert indexes(connection) == {"ix_episode_alert_id", "ix_episode_incident_id"}
        assert connection.execute(sa.text("SELECT alert_id, starts_ns, ended_ns FROM episode")).one() == (1, 5, None)
        command.downgrade(config, "0009")
        assert indexes(connection) == before
    engine.dispose()


def foreign_keys(connection: sa.Connection) -> dict[str, int]:
    return {table: len(sa.inspect(connection).get_foreign_keys(table)) for table in ("alert", "episode")}


def test_alerts_and_episodes_refer_without_keys_and_keep_their_labels(tmp_path: Path) -> None:
    engine, config = sqlite_engine(tmp_path / "old.db"), _alembic()
    labels, ended = sa.text("SELECT * FROM context_label"), sa.text("SELECT alert_id, ended_ns FROM episode")
    with engine.connect().execution_options(heronwatch_writer=True) as connection, connection.begin():
        config.attributes["connection"] = connection
        command.upgrade(config, "0010")
        connection.execute(sa.text(OLD_ALERT), {"firing": True})
        connection.execute(sa.text("INSERT INTO context_label VALUES (1, 'site', 'north')"))
        connection.execute(sa.text("INSERT INTO episode (alert_id, starts_ns, ended_ns) VALUES (1, 5, 6)"))
        for step, keys in ((command.upgrade, (0, 0)), (command.downgrade, (1, 2))):
            step(config, "0011" if step is command.upgrade else "0010")
            assert foreign_keys(connection) == dict(zip(("alert", "episode"), keys, strict=True))
            assert connection.execute(labels).all() == [(1, "site", "north")]
            assert connection.execute(ended).all() == [(1, 6)]
        assert len(sa.inspect(connection).get_indexes("alert")) == 3
    engine.dispose()
