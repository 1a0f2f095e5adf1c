"""Backups: everything, from one database into another, all or nothing."""

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from alert_webhook.administration import Terminal
from alert_webhook.backup_command import backup, restore
from alert_webhook.errors import BackupError
from alert_webhook.store import accounts
from alert_webhook.store.backup import dump
from alert_webhook.store.backup import restore as put_back
from alert_webhook.store.migrating import migrate
from alert_webhook.store.opening import open_store, sqlite_engine
from tests.fakes.webhook_process import write_config
from tests.fakes.webhook_stack import Stack


def lines_of(stack: Stack) -> list[bytes]:
    found: list[bytes] = []
    dump(stack.store, found.append)
    return found


def rows_of(engine: sa.Engine) -> dict[str, list[Any]]:
    found = sa.MetaData()
    with engine.connect() as connection:
        found.reflect(connection)
        return {t.name: sorted(map(repr, connection.execute(sa.select(t)))) for t in found.sorted_tables}


def filled(stack: Stack) -> None:
    """An incident that was paged, a page that waits for its time, a user."""
    stack.fire("LinkDown", instance="sw1")
    stack.phone("ana").expects()
    stack.mailbox("ana").expects()
    stack.store.write(lambda tx: accounts.save_user(tx, "maria", "hash"), "test")


def test_what_was_saved_is_what_comes_back(stack: Stack) -> None:
    filled(stack)
    saved, before = lines_of(stack), rows_of(stack.store.engine)
    stack.fire("Later", instance="sw2")
    stack.phone("ana").expects("Later")
    stack.mailbox("ana").expects("Later")
    stack.store.write(lambda tx: accounts.remove_user(tx, "maria"), "test")
    put_back(stack.store, lambda: saved)
    assert rows_of(stack.store.engine) == before


def test_life_goes_on_after_a_restore(stack: Stack) -> None:
    """New rows get numbers that no restored row has."""
    filled(stack)
    saved = lines_of(stack)
    put_back(stack.store, lambda: saved)
    stack.fire("Another", instance="sw3")
    stack.phone("ana").expects("Another")
    stack.mailbox("ana").expects("Another")
    stack.fast_forward(minutes=10)
    assert {stack.phone("ben").expects().incident.title for _ in range(2)} == {"LinkDown · sw1", "Another · sw3"}


def test_one_database_goes_into_the_other_kind(stack: Stack, tmp_path: Path) -> None:
    filled(stack)
    saved = lines_of(stack)
    other = sqlite_engine(tmp_path / "other.db")
    migrate(other)
    store = open_store(other, stack.clock)
    put_back(store, lambda: saved)
    assert {name: len(rows) for name, rows in rows_of(other).items()} == {
        name: len(rows) for name, rows in rows_of(stack.store.engine).items()
    }
    store.close()


def test_what_waited_to_be_sent_says_that_it_may_be_a_duplicate(stack: Stack) -> None:
    stack.post(stack.alert("LinkDown", "critical", 0, None, {}))
    stack.engine.turn()
    waiting = lines_of(stack) if not stack.channels["sms"].attempts else []
    if not waiting:  # the pages went out in the same turn: let the second step wait instead
        stack.phone("ana").expects()
        stack.mailbox("ana").expects()
        with stack.store.engine.begin() as connection:
            connection.execute(sa.text("UPDATE notification SET state = 'pending'"))
        waiting = lines_of(stack)
    put_back(stack.store, lambda: waiting)
    stack.settle()
    assert stack.phone("ana").expects().possible_duplicate
    assert stack.mailbox("ana").expects().possible_duplicate


DAMAGE: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "cut": lambda lines: lines[:-1],
    "a row gone": lambda lines: [line for line in lines if not line.startswith(b'["maria"')],
    "a row changed": lambda lines: [line.replace(b"maria", b"mario") for line in lines],
    "another schema": lambda lines: [lines[0].replace(b'"revision":"', b'"revision":"9'), *lines[1:]],
    "another format": lambda lines: [lines[0].replace(b'backup":1', b'backup":2'), *lines[1:]],
    "no backup": lambda lines: [b"hello\n", *lines],
    "empty": lambda lines: [],
    "another table": lambda lines: [line.replace(b'{"table":"probe"', b'{"table":"prove"') for line in lines],
    "more behind": lambda lines: [*lines, b"[1]\n"],
}


def test_a_damaged_backup_changes_nothing(stack: Stack) -> None:
    filled(stack)
    saved, before = lines_of(stack), rows_of(stack.store.engine)
    for damage, done in DAMAGE.items():
        with pytest.raises(BackupError):
            put_back(stack.store, lambda done=done: done(saved))  # type: ignore[misc]
        assert rows_of(stack.store.engine) == before, damage


def said() -> tuple[Terminal, list[str]]:
    lines: list[str] = []
    return Terminal(say=lines.append, warn=lines.append), lines


def test_the_file_is_for_its_owner_and_replaces_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTAKE_TOKEN", "0123456789abcdef0123456789abcdef")
    config, target, (terminal, lines) = write_config(tmp_path, "http://127.0.0.1:9/"), tmp_path / "b.gz", said()
    engine = sqlite_engine(tmp_path / "webhook.db")
    migrate(engine)
    engine.dispose()
    assert backup([str(config)], target, terminal) == 0
    assert target.stat().st_mode & 0o777 == 0o600
    assert gzip.decompress(target.read_bytes()).startswith(b'{"heronwatch_backup":1,')
    assert backup([str(config)], target, terminal) == 1
    assert lines[-1] == f"no backup: File exists: {target}"
    assert restore([str(config)], target, terminal, sure=False) == 2
    assert restore([str(config)], target, terminal, sure=True) == 0
    assert [path.name for path in tmp_path.iterdir() if "unfinished" in path.name] == []


@pytest.mark.parametrize(
    "content",
    [b"", b"no gzip", gzip.compress(b'{"heronwatch_backup":1', mtime=0), None],
    ids=["empty", "no gzip", "cut off", "missing"],
)
def test_a_file_that_is_no_backup_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    monkeypatch.setenv("INTAKE_TOKEN", "0123456789abcdef0123456789abcdef")
    config, source, (terminal, _lines) = write_config(tmp_path, "http://127.0.0.1:9/"), tmp_path / "b.gz", said()
    if content is not None:
        source.write_bytes(content)
    assert restore([str(config)], source, terminal, sure=True) == 1
