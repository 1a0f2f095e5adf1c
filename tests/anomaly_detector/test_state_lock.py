"""One running detector for one folder: the second is refused, whoever ends or moves lets go."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from anomaly_detector.state_lock import NAME, StateLock
from heronwatch.errors import ConfigError


@pytest.fixture
def locks() -> Iterator[tuple[StateLock, StateLock]]:
    both = StateLock(), StateLock()
    yield both
    for lock in both:
        lock.give_back()


def move(lock: StateLock, directory: Path | None) -> None:
    with lock.moving_to(directory, config_file="d.yml"):
        pass


def test_the_second_is_refused_and_told_who_has_it(tmp_path: Path, locks: tuple[StateLock, StateLock]) -> None:
    first, second = locks
    move(first, tmp_path / "state")
    with pytest.raises(ConfigError, match=rf"d\.yml: settings\.state_dir: another detector \(pid {os.getpid()} on "):
        move(second, tmp_path / "state")
    first.give_back()
    move(second, tmp_path / "state")


def test_a_reload_that_stays_keeps_the_lock_by_whatever_path(
    tmp_path: Path, locks: tuple[StateLock, StateLock]
) -> None:
    first, second = locks
    move(first, tmp_path)
    (tmp_path / "link").symlink_to(tmp_path)
    move(first, tmp_path / "link")
    with pytest.raises(ConfigError):
        move(second, tmp_path)


def test_a_reload_that_moves_holds_both_until_it_is_done(tmp_path: Path, locks: tuple[StateLock, StateLock]) -> None:
    first, second = locks
    old, new = tmp_path / "old", tmp_path / "new"
    move(first, old)
    with first.moving_to(new, config_file="d.yml"):
        for place in (old, new):
            with pytest.raises(ConfigError):
                move(second, place)
    move(second, old)
    with pytest.raises(ConfigError):
        move(second, new)


def test_a_reload_that_fails_stays_where_it_was(tmp_path: Path, locks: tuple[StateLock, StateLock]) -> None:
    first, second = locks
    old, new = tmp_path / "old", tmp_path / "new"
    move(first, old)
    with pytest.raises(ConfigError), first.moving_to(new, config_file="d.yml"):
        raise ConfigError([])
    with pytest.raises(ConfigError):
        move(second, old)
    move(second, new)


def test_without_a_folder_or_with_one_that_takes_no_file_nobody_is_refused(
    tmp_path: Path, locks: tuple[StateLock, StateLock]
) -> None:
    (tmp_path / "file").touch()
    for lock in locks:
        move(lock, None)
        move(lock, tmp_path / "file")
    assert not list(tmp_path.rglob(NAME))
