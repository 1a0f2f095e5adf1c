"""PostgreSQL dies while pages are on their way, and comes back: nothing is lost, every repeat says so."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from alert_webhook.store.migrating import migrate
from alert_webhook.store.opening import postgresql_engine
from benchmarks import webhook_crash_ledger as ledger
from tests.alert_webhook.test_replicas import SENDERS, server_of
from tests.fakes.daemons import Daemon, postgres, wait_until
from tests.fakes.postgres_restart import crash, start_again
from tests.fakes.webhook_process import Sink, write_config
from tests.fakes.webhook_victim import Victim, victim

ALERTS = 30
RESTARTS_AFTER = (5, 18)  # pages


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Daemon]:
    with postgres(tmp_path) as daemon:
        yield daemon


@pytest.fixture
def engine(server: Daemon) -> Iterator[sa.Engine]:
    made = postgresql_engine(
        host=server.host, port=server.port, database="postgres", user="heronwatch", password="", sslmode="disable"
    )
    migrate(made)
    with made.begin() as connection:  # a commit that was confirmed is on disk: the fake's flags are for speed alone
        connection.execute(sa.text("ALTER DATABASE postgres SET synchronous_commit = on"))
    yield made
    made.dispose()


def post(process: Victim, number: int) -> bool:
    labels = {"alertname": f"Alert{number}x", "severity": "critical"}
    alert = {"status": "firing", "labels": labels, "startsAt": "2026-01-01T00:00:00Z"}
    status = process.post({"version": "4", "groupKey": str(number), "alerts": [alert]})
    assert status in {200, 503, None}, status
    return status == 200


class Crashes:
    """Ends PostgreSQL after so many pages, in the middle of the call that makes them so many."""

    def __init__(self, server: Daemon) -> None:
        self._server, self._lock = server, threading.Lock()
        self._pages, self.done = 0, 0

    def on_page(self) -> None:
        with self._lock:
            self._pages += 1
            if self.done < len(RESTARTS_AFTER) and self._pages >= RESTARTS_AFTER[self.done]:
                crash(self._server)
                start_again(self._server)
                self.done += 1


@pytest.mark.timeout(180)
def test_a_restart_of_postgresql_amid_sending_repeats_only_what_was_on_its_way(
    server: Daemon, engine: sa.Engine, tmp_path: Path
) -> None:
    crashes = Crashes(server)
    with Sink(on_page=crashes.on_page) as sink:
        config = write_config(tmp_path, sink.url, database=server_of(engine))
        with victim(config) as process:
            assert process.await_ready()
            for number in range(ALERTS):
                wait_until(lambda n=number: post(process, n), 60, f"alert {number} to be accepted")
            wait_until(lambda: {page["incident"]["title"] for page in sink.received} >= titles(), 60, "every page")
            wait_until(lambda: ledger.notices(engine, contact="hook") and at_rest(engine), 60, "everything recorded")
        engine.dispose()
        found = ledger.verdict(
            titles(), ledger.stored_alerts(engine), ledger.notices(engine, contact="hook"), sink.received
        )
    assert crashes.done == len(RESTARTS_AFTER)
    assert (found.lost, found.unexplained) == ((), ())
    assert ALERTS == found.due <= found.sent <= ALERTS + crashes.done * SENDERS


def titles() -> set[str]:
    return {f"Alert{number}x" for number in range(ALERTS)}


def at_rest(engine: sa.Engine) -> bool:
    with engine.connect() as connection:
        now = float(connection.execute(sa.text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one())
    return ledger.at_rest(engine, now)
