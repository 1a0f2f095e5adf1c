"""Empty databases of each kind, and rows as version 0004 of the schema has them: what migrations are tested with."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from alert_webhook.store.opening import postgresql_engine, sqlite_engine

INCIDENT = """
INSERT INTO incident (id, code, integration, group_name, title, labels, source_url, severity, rank, urgency, state,
  policy, cycle, repeats_left, next_step, started_at, updated_at, acked_by, acked_at, resolved_at)
VALUES (7, 'K7QF', 'am', 'g', 'LinkDown', '{}', '', 'high', 1, 'page', 'acknowledged', NULL,
  1, 0, 1, 1.0, 2.0, 'ana', 2.0, NULL)
"""
EVENT = "INSERT INTO event (id, incident_id, at, kind, who, text) VALUES (3, 7, 1.0, 'began', '', 'LinkDown began')"


@pytest.fixture(params=["sqlite", "postgresql"])
def before(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    """An empty database of each kind."""
    if request.param == "sqlite":
        engine = sqlite_engine(tmp_path / "old.db")
        yield engine
        engine.dispose()
        return
    server = request.getfixturevalue("postgres_server")
    place = {"host": server.host, "port": server.port, "user": "heronwatch", "password": "", "sslmode": "disable"}
    outer = postgresql_engine(database="postgres", **place).execution_options(isolation_level="AUTOCOMMIT")
    with outer.connect() as connection:
        connection.execute(sa.text("CREATE DATABASE upgraded"))
    engine = postgresql_engine(database="upgraded", **place)
    yield engine
    engine.dispose()
    with outer.connect() as connection:
        connection.execute(sa.text("DROP DATABASE upgraded WITH (FORCE)"))
    outer.dispose()
