"""A rolling upgrade: where a newer release is, the older one accepts alerts and leaves everything else alone."""

import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest
import requests
import sqlalchemy as sa

from alert_webhook.errors import SchemaTooNewError, StoreUnavailableError
from alert_webhook.escalation.engine import Engine
from alert_webhook.store import rolling
from alert_webhook.store.migrating import newest_revision
from alert_webhook.store.opening import open_store
from alert_webhook.store.rolling import ENGINE_VERSION, SEEN_FOR_S
from tests.fakes.clock import FakeClock
from tests.fakes.daemons import wait_until
from tests.fakes.webhook_process import TOKEN, Sink, webhook, write_config
from tests.fakes.webhook_stack import Stack


def set_revision(engine: sa.Engine, revision: str) -> None:
    with engine.connect().execution_options(heronwatch_writer=True) as connection, connection.begin():
        connection.execute(sa.text("UPDATE alembic_version SET version_num = :to"), {"to": revision})


def newer_engine(stack: Stack) -> Engine:
    return stack.another_engine(ENGINE_VERSION + 1)


def one_turn(stack: Stack) -> None:
    """A turn as the engine's thread makes it: its trouble is told, not raised."""
    turns = iter([False, True])
    stack.wake.set()  # it does not wait for the next
    stack.engine.run(lambda: next(turns))


def outdated(stack: Stack) -> float | None:
    return stack.registry.get_sample_value("heronwatch_webhook_engine_outdated")


def accept(stack: Stack, name: str) -> int:
    return stack.post(stack.alert(name, "high", 0, None, {}), group=name).status


def test_a_newer_schema_stops_the_engine_and_not_the_intake(stack: Stack) -> None:
    set_revision(stack.store.engine, "9999")
    assert accept(stack, "LinkDown") == 200
    one_turn(stack)
    assert stack.engine.outdated
    assert "the database is at schema 9999" in stack.engine.trouble
    assert outdated(stack) == 1.0
    stack.nothing_else()
    set_revision(stack.store.engine, newest_revision())
    one_turn(stack)
    assert (stack.engine.trouble, outdated(stack)) == ("", 0.0)
    stack.settle()
    stack.phone("ana").expects("LinkDown")


def test_a_newer_engine_on_the_same_schema_works_alone(stack: Stack) -> None:
    newer = newer_engine(stack)
    newer.turn()
    assert accept(stack, "LinkDown") == 200
    one_turn(stack)
    assert f"an engine of version {ENGINE_VERSION + 1} works on this database" in stack.engine.trouble
    stack.nothing_else()
    for _ in range(3):
        newer.turn()
    stack.phone("ana").expects("LinkDown")


def test_a_newer_one_that_comes_amid_a_turn_stops_it(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """The older one has looked and escalated already: its next transaction itself refuses."""
    newer, claiming = newer_engine(stack), stack.outbox.claiming

    def upgraded(limit: int) -> Any:
        monkeypatch.undo()
        newer.turn()
        return claiming(limit)

    assert accept(stack, "LinkDown") == 200
    monkeypatch.setattr(stack.outbox, "claiming", upgraded)
    with pytest.raises(SchemaTooNewError):
        stack.engine.turn()
    stack.phone("ana").expects("LinkDown")  # the newer one's, once


def test_after_a_step_back_the_older_one_works_again(stack: Stack) -> None:
    newer_engine(stack).turn()
    assert accept(stack, "LinkDown") == 200
    stack.clock.advance(SEEN_FOR_S + 1)
    one_turn(stack)
    stack.settle()
    stack.phone("ana").expects("LinkDown")


def test_a_newer_one_that_works_keeps_the_older_one_away(stack: Stack) -> None:
    newer = newer_engine(stack)
    for _ in range(10):
        newer.turn()
        one_turn(stack)
        assert stack.engine.outdated
        stack.clock.advance(SEEN_FOR_S / 3)


def test_no_step_of_an_older_engine_runs_beside_a_migration(postgres_engine: sa.Engine, clock: FakeClock) -> None:
    """The engine's transaction waits for the migration under way, and then sees what it did."""
    stack = Stack(open_store(postgres_engine, clock, time=lambda _: clock.now()), clock)
    stack.engine.turn()
    assert accept(stack, "LinkDown") == 200
    found: list[BaseException] = []

    def turn() -> None:
        try:
            stack.engine.turn()
        except (SchemaTooNewError, StoreUnavailableError) as error:
            found.append(error)

    with postgres_engine.connect() as migrating, migrating.begin():
        migrating.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": rolling.ADVISORY_LOCK})
        migrating.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
        thread = threading.Thread(target=turn)
        thread.start()
        wait_until(lambda: waiting_for_locks(postgres_engine), 10, "the engine to wait")
    thread.join(10)
    assert [type(error) for error in found] == [SchemaTooNewError]
    stack.nothing_else()


def waiting_for_locks(engine: sa.Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")).scalar_one())


def test_two_replicas_of_one_release_do_not_stop_one_another(postgres_engine: sa.Engine, clock: FakeClock) -> None:
    one, other = (Stack(open_store(postgres_engine, clock, time=lambda _: clock.now()), clock) for _ in range(2))
    for stack in (one, other, one):
        one_turn(stack)
        assert stack.engine.trouble == ""


@pytest.mark.timeout(120)
def test_the_process_says_so_and_accepts_alerts(tmp_path: Path) -> None:
    with Sink() as sink:
        config = write_config(tmp_path, sink.url)
        with webhook(config) as daemon:
            with sqlite3.connect(tmp_path / "webhook.db", timeout=5) as database:
                database.execute("UPDATE alembic_version SET version_num = '9999'")
            wait_until(lambda: requests.get(f"{daemon.url}/-/ready", timeout=20).status_code == 503, 20, "not ready")
            assert "at schema 9999" in requests.get(f"{daemon.url}/-/ready", timeout=20).text
            assert "heronwatch_webhook_engine_outdated 1.0" in requests.get(f"{daemon.url}/metrics", timeout=20).text
            assert "at schema 9999" in daemon.log()
            assert intake(daemon.url) == 200
        assert sink.received == []


def intake(url: str) -> int:
    alert = {"status": "firing", "labels": {"alertname": "A", "severity": "high"}, "startsAt": "2026-01-01T00:00:00Z"}
    body = {"version": "4", "groupKey": "g", "alerts": [alert]}
    headers = {"Authorization": f"Bearer {TOKEN}"}
    where = f"{url}/api/v1/intake/alertmanager/am"
    return requests.post(where, json=body, headers=headers, timeout=20).status_code
