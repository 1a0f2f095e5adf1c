"""One door to the database: durability settings, its clock, and what its troubles mean."""

import threading
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from alert_webhook.errors import StoreInUseError, StoreUnavailableError
from alert_webhook.store.database import Store, Transaction
from alert_webhook.store.engine_lock import engine_lock
from alert_webhook.store.migrating import migrate
from alert_webhook.store.opening import database_time, open_store, sqlite_engine
from alert_webhook.store.schema import quarantine
from tests.fakes.clock import FakeClock

ROW = {"integration": "am", "received_at": 0.0, "reason": "r", "detail": "d", "raw": ""}


def add(tx: Transaction) -> None:
    tx.execute(quarantine.insert().values(**ROW))


def rows(store: Store) -> int:
    return store.read(lambda tx: int(tx.execute(sa.select(sa.func.count()).select_from(quarantine)).scalar_one()))


@pytest.mark.parametrize(("pragma", "value"), [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1)])
def test_sqlite_is_durable_against_power_loss(tmp_path: Path, pragma: str, value: object) -> None:
    engine = sqlite_engine(tmp_path / "a.db")
    with engine.connect() as connection:
        assert connection.exec_driver_sql(f"PRAGMA {pragma}").scalar_one() == value
    engine.dispose()


def test_what_raises_leaves_nothing_behind(store: Store) -> None:
    def fails(tx: Transaction) -> None:
        add(tx)
        raise KeyError("a bug")

    with pytest.raises(KeyError):
        store.write(fails, "test")
    assert rows(store) == 0


def test_writers_take_turns(store: Store) -> None:
    def count_up(tx: Transaction) -> None:
        tx.execute(quarantine.insert().values(ROW))

    threads = [threading.Thread(target=lambda: store.write(count_up, "test")) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert rows(store) == 8


def test_a_file_locked_for_long_is_unavailable_and_then_not(tmp_path: Path, clock: FakeClock) -> None:
    engine = sqlite_engine(tmp_path / "a.db")
    migrate(engine)
    impatient = sa.create_engine(
        f"sqlite:///{tmp_path / 'a.db'}", connect_args={"timeout": 0.1, "isolation_level": None}
    )
    from alert_webhook.store import opening

    sa.event.listen(impatient, "begin", opening._begin)
    store = open_store(impatient, clock)
    with engine.connect() as other:
        other.exec_driver_sql("UPDATE quarantine SET raw = ''")
        with pytest.raises(StoreUnavailableError, match="locked"):
            store.write(add, "test")
    store.write(add, "test")
    assert rows(store) == 1
    engine.dispose()
    store.close()


def test_a_read_only_database_is_unavailable_and_recovers(tmp_path: Path, clock: FakeClock) -> None:
    engine = sqlite_engine(tmp_path / "a.db")
    migrate(engine)
    store = open_store(engine, clock)
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA query_only = ON")
        connection.rollback()
    with pytest.raises(StoreUnavailableError, match="readonly"):
        store.write(add, "test")
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA query_only = OFF")
        connection.rollback()
    store.write(add, "test")
    assert rows(store) == 1
    store.close()


def test_a_full_disk_is_unavailable_and_recovers(tmp_path: Path, clock: FakeClock) -> None:
    engine = sqlite_engine(tmp_path / "a.db")
    migrate(engine)
    store = open_store(engine, clock)
    pages = _pragma(engine, "page_count")
    _pragma(engine, f"max_page_count = {pages}")

    def add_much(tx: Transaction) -> None:
        tx.execute(quarantine.insert(), [{**ROW, "raw": "x" * 10_000} for _ in range(20)])

    with pytest.raises(StoreUnavailableError, match="full"):
        store.write(add_much, "test")
    assert rows(store) == 0
    _pragma(engine, "max_page_count = 1000000")
    store.write(add_much, "test")
    assert rows(store) == 20
    store.close()


def _pragma(engine: sa.Engine, text: str) -> int:
    with engine.connect() as connection:
        return int(connection.exec_driver_sql(f"PRAGMA {text}").scalar_one())


def test_a_server_that_went_away_is_unavailable(clock: FakeClock) -> None:
    from alert_webhook.store.opening import postgresql_engine

    engine = postgresql_engine(
        host="127.0.0.1", port=1, database="d", user="u", password="secret-canary", sslmode="disable"
    )
    with pytest.raises(StoreUnavailableError) as caught:
        open_store(engine, clock, time=lambda _: 0.0).write(add, "test")
    assert "secret-canary" not in str(caught.value)


def test_the_clock_of_postgresql_is_the_servers(postgres_engine: sa.Engine) -> None:
    skewed = FakeClock(now=0.0)
    time_of = database_time(postgres_engine, skewed)
    with postgres_engine.connect() as connection:
        assert abs(time_of(connection) - time.time()) < 5


def test_the_clock_of_a_file_is_the_machines(tmp_path: Path) -> None:
    engine = sqlite_engine(tmp_path / "a.db")
    with engine.connect() as connection:
        assert database_time(engine, FakeClock(now=17.0))(connection) == 17.0
    engine.dispose()


def test_a_second_engine_on_one_file_is_refused(tmp_path: Path) -> None:
    refused = pytest.raises(StoreInUseError, match="another engine works on")
    with engine_lock(tmp_path / "a.db"), refused, engine_lock(tmp_path / "a.db"):
        pass
    with engine_lock(tmp_path / "a.db"):
        pass


def test_a_deadlock_is_tried_again(postgres_engine: sa.Engine, clock: FakeClock) -> None:
    store = open_store(postgres_engine, clock)
    store.write(lambda tx: tx.execute(quarantine.insert(), [ROW, ROW]), "test")
    first, second = store.read(lambda tx: list(tx.execute(sa.select(quarantine.c.id)).scalars()))
    meet = threading.Barrier(2, timeout=10)

    def cross(mine: int, theirs: int) -> None:
        tries = []

        def work(tx: Transaction) -> None:
            tries.append(1)
            tx.execute(quarantine.update().where(quarantine.c.id == mine).values(raw="x"))
            if len(tries) == 1:
                meet.wait()
            tx.execute(quarantine.update().where(quarantine.c.id == theirs).values(raw="x"))

        store.write(work, "test")

    threads = [threading.Thread(target=cross, args=pair) for pair in ((first, second), (second, first))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.read(lambda tx: set(tx.execute(sa.select(quarantine.c.raw)).scalars())) == {"x"}
