"""One running detector for one `settings.state_dir`: a file's lock, which the kernel takes back when the process ends.

Who only reads what was learnt, or adds a verdict (explain, check, backtest, feedback), does not take it.
"""

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from heronwatch.errors import ConfigError
from heronwatch.faults import Fault

NAME = "serving.lock"


class StateLock:
    """The lock of the folder in use; a folder that takes no file keeps nothing either, and so needs none."""

    def __init__(self) -> None:
        self._file: IO[str] | None = None

    @contextmanager
    def moving_to(self, directory: Path | None, *, config_file: str) -> Iterator[None]:
        """Lock a folder, then let go of the one before; when the block fails, things are as they were.

        Raises ConfigError when another detector uses it. Both are held during the block: what was learnt is still
        written to the old one.
        """
        file = self._file
        if directory is None or not self._is_in(directory):
            file = _locked(directory, config_file) if directory is not None else None
        before = self._file
        try:
            yield
            self._file = file
        finally:
            for one in (before, file):
                if one is not None and one is not self._file:
                    one.close()  # which gives the lock back

    def give_back(self) -> None:
        """Let another detector have the folder."""
        if self._file is not None:
            self._file.close()
        self._file = None

    def _is_in(self, directory: Path) -> bool:
        """Return whether the lock that is held is that of a folder, by whatever path."""
        try:
            return self._file is not None and os.path.samestat((directory / NAME).stat(), os.fstat(self._file.fileno()))
        except OSError:
            return False


def _locked(directory: Path, config_file: str) -> IO[str] | None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        file = (directory / NAME).open("a+", encoding="utf-8")
    except OSError:  # said at the start, see `state.unusable`
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as exc:
        holder = _holder(file)
        words = f"another detector ({holder}) uses {directory}: give each one of its own"
        raise ConfigError([Fault(config_file, 0, "settings.state_dir", words)]) from exc
    except OSError:  # a file system without locks
        file.close()
        return None
    file.truncate(0)
    file.write(f"pid {os.getpid()} on {socket.gethostname()}\n")  # for people
    file.flush()
    return file


def _holder(file: IO[str]) -> str:
    """Close the file of another's lock; return who has it."""
    with file:
        file.seek(0)
        return file.readline(300).strip() or "who has just begun"
