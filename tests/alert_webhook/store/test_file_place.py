"""SQLite's file is renamed or deleted under the running service: nothing more is taken until it is back."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
import sqlalchemy as sa

from alert_webhook.config import Database
from alert_webhook.errors import StoreUnavailableError
from alert_webhook.store import probing
from alert_webhook.store.database import Store, Transaction
from alert_webhook.store.file_checks import warnings
from alert_webhook.store.migrating import migrate
from alert_webhook.store.opening import open_store, sqlite_engine
from alert_webhook.store.schema import quarantine
from tests.fakes.clock import FakeClock
from tests.fakes.daemons import Daemon, wait_until
from tests.fakes.webhook_process import TOKEN, webhook, write_config

ROW = {"integration": "am", "received_at": 0.0, "reason": "r", "detail": "d", "raw": ""}
AUTHORIZATION = {"Authorization": f"Bearer {TOKEN}"}
BODY = '{"version": "4", "groupKey": "g", "alerts": []}'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "web hook?.db"  # a name that means something in a URI


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    engine = sqlite_engine(path)
    migrate(engine)
    opened = open_store(engine, FakeClock())
    yield opened
    opened.close()


@pytest.fixture
def usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.usefixtures("usual_umask")
def test_the_file_is_made_for_its_owner_alone(path: Path, store: Store) -> None:
    store.write(add, "test")
    beside = [path.with_name(path.name + end) for end in ("", "-wal", "-shm")]
    assert [each.stat().st_mode & 0o777 for each in beside] == [0o600] * 3
    assert list(warnings(Database(sqlite=path))) == []


@pytest.mark.usefixtures("usual_umask")
def test_a_file_that_is_there_keeps_its_mode_and_is_warned_about(path: Path) -> None:
    path.touch()
    path.chmod(0o644)
    engine = sqlite_engine(path)
    migrate(engine)
    engine.dispose()
    assert path.stat().st_mode & 0o777 == 0o644
    (warning,) = warnings(Database(sqlite=path))
    assert "every user of this machine can read" in warning


def test_a_folder_that_is_not_there_or_not_ours_is_warned_about(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "is not there" in next(iter(warnings(Database(sqlite=path.parent / "new" / "webhook.db"))))
    monkeypatch.setattr(os, "access", lambda *_arguments: False)
    assert "may not write" in next(iter(warnings(Database(sqlite=path))))


def add(tx: Transaction) -> None:
    tx.execute(quarantine.insert().values(**ROW))


def rows(store: Store) -> int:
    return store.read(lambda tx: int(tx.execute(sa.select(sa.func.count()).select_from(quarantine)).scalar_one()))


def renamed(path: Path) -> None:
    path.rename(path.with_name("away.db"))


def deleted(path: Path) -> None:
    path.unlink()


def replaced(path: Path) -> None:
    renamed(path)
    path.write_bytes(path.with_name("away.db").read_bytes())


@pytest.mark.parametrize("loss", [renamed, deleted, replaced])
def test_nothing_is_taken_or_read_without_the_file(store: Store, path: Path, loss: Callable[[Path], None]) -> None:
    loss(path)
    there = path.exists()
    for _ in range(2):
        with pytest.raises(StoreUnavailableError, match=r"was (moved or deleted|replaced by another)"):
            store.write(add, "test")
        with pytest.raises(StoreUnavailableError):
            rows(store)
    assert "the database file" in probing.trouble(store)
    assert path.exists() is there  # nobody made an empty one


def test_the_very_file_put_back_is_used_again_and_both_are_logged_once(
    store: Store, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    store.write(add, "test")
    renamed(path)
    for _ in range(3):
        with pytest.raises(StoreUnavailableError):
            store.write(add, "test")
    path.with_name("away.db").rename(path)
    assert probing.trouble(store) == ""
    store.write(add, "test")
    assert rows(store) == 2
    told = [record.levelname for record in caplog.records if record.name == "heronwatch.webhook.database"]
    assert told == ["ERROR", "INFO"]


def test_a_file_that_goes_during_a_transaction_is_not_committed_to(store: Store, path: Path) -> None:
    def work(tx: Transaction) -> None:
        add(tx)
        renamed(path)

    with pytest.raises(StoreUnavailableError, match="was moved or deleted"):
        store.write(work, "test")
    path.with_name("away.db").rename(path)
    assert rows(store) == 0
    store.write(add, "test")  # the connection is fit for use
    assert rows(store) == 1


def test_a_fresh_connection_makes_no_file(store: Store, path: Path) -> None:
    renamed(path)
    store.engine.dispose()
    with pytest.raises(sa.exc.OperationalError), store.engine.connect():
        pass
    assert not path.exists()


def test_the_running_service_refuses_and_recovers(tmp_path: Path) -> None:
    config, path = write_config(tmp_path, "http://127.0.0.1:9/"), tmp_path / "webhook.db"
    with webhook(config) as daemon:
        assert post(daemon).status_code == 200
        path.rename(tmp_path / "away.db")
        refused = post(daemon)
        assert (refused.status_code, "was moved or deleted" in refused.text) == (503, True)
        ready = get(daemon, "/-/ready")
        assert (ready.status_code, "was moved or deleted" in ready.text) == (503, True)
        wait_until(lambda: "heronwatch_webhook_db_up 0.0" in get(daemon, "/metrics").text, 10.0)
        wait_until(lambda: "heronwatch_webhook_audit_passed 0.0" in get(daemon, "/metrics").text, 20.0)
        assert not path.exists()
        (tmp_path / "away.db").rename(path)
        wait_until(lambda: get(daemon, "/-/ready").status_code == 200, 20.0)
        assert post(daemon).status_code == 200


def post(daemon: Daemon) -> requests.Response:
    return requests.post(f"{daemon.url}/api/v1/intake/alertmanager/am", BODY, headers=AUTHORIZATION, timeout=20)


def get(daemon: Daemon, path: str) -> requests.Response:
    return requests.get(f"{daemon.url}{path}", timeout=20)
