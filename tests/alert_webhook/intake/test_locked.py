"""While the database is locked, everybody is answered before Alertmanager's shortest flush deadline of 10 s."""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from alert_webhook.errors import StoreUnavailableError
from alert_webhook.intake.accepting import AT_ONCE, WAIT_FOR_TURN_S
from alert_webhook.intake.committing import WAIT_S
from alert_webhook.store import opening
from alert_webhook.store.database import Store
from alert_webhook.store.opening import open_store
from heronwatch.clock import SystemClock
from tests.fakes.clock import FakeClock
from tests.fakes.tries import tried
from tests.fakes.webhook_stack import Stack

DEADLINE_S = 10.0  # Alertmanager's
LATEST_S = 12.5  # of a machine that is busy; one wait behind another would end after 13 s
SENDERS = ((0.0, 1), (1.5, AT_ONCE + 8))  # when, and how many: one that writes, then more than are worked on at once


class Impatient(FakeClock):
    """The test's time, and a monotonic clock that goes."""

    def monotonic(self) -> float:
        return SystemClock().monotonic()


@contextmanager
def locked(engine: sa.Engine) -> Iterator[None]:
    with engine.connect() as other:
        if engine.dialect.name == "sqlite":
            other.execution_options(heronwatch_writer=True)  # BEGIN IMMEDIATE: the one writer there may be
        other.exec_driver_sql("SELECT 1" if engine.dialect.name == "sqlite" else "LOCK TABLE alert IN EXCLUSIVE MODE")
        yield


def answered(post: Callable[[str], int], name: str, found: list[tuple[int, float]]) -> None:
    began = time.monotonic()
    found.append((post(name), time.monotonic() - began))


def test_a_locked_database_is_503_in_time_and_afterwards_not(engine: sa.Engine) -> None:
    clock = Impatient()
    store = open_store(engine, clock, time=lambda _connection: clock.now())
    stack, found = Stack(store, clock), list[tuple[int, float]]()

    def post(name: str) -> int:
        return stack.post(stack.alert(name, "warning", 0, None, {}), group=name).status

    with locked(engine):
        senders = [
            threading.Timer(later, answered, (post, f"Down{later}x{number}", found))
            for later, many in SENDERS
            for number in range(many)
        ]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join(20)
    assert [status for status, _ in found] == [503] * len(senders)
    assert max(seconds for _, seconds in found) < LATEST_S
    assert max(WAIT_FOR_TURN_S, WAIT_S) + opening.LOCK_TIMEOUT_S <= DEADLINE_S - 1
    assert post("Afterwards") == 200
    store.close()


def test_who_waited_for_the_turn_waits_the_less_for_the_file(tmp_path: Path) -> None:
    path, found = tmp_path / "a.db", list[float]()
    engine = sa.create_engine(f"sqlite:///{path}", connect_args={"timeout": 1.4, "isolation_level": None})
    sa.event.listen(engine, "begin", opening._begin)
    store = Store(
        engine,
        time=lambda _connection: 0.0,
        lock_timeout_s=2.0,
        observe_commit=opening.nothing,
        failpoint=opening.nothing,
        monotonic=time.monotonic,
    )

    def write() -> None:
        began = time.monotonic()
        with pytest.raises(StoreUnavailableError):
            store.write(lambda tx: None, "test")
        found.append(time.monotonic() - began)

    def two_at_once() -> float:
        """Return how long the slower of two writers is kept waiting."""
        found.clear()
        writers = [threading.Thread(target=write) for _ in range(2)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join(30)
        assert len(found) == 2
        return max(found)

    with sqlite3.connect(path, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        assert tried(two_at_once, lambda seconds: seconds < 2.5) < 2.5  # one after the other: 2.8
    other.close()
    store.close()
