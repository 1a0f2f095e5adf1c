"""Who writes: of several detectors that compute the same, the one that holds the lock of a file.

The kernel gives a lock (flock) to one process at a time and takes it back when that process ends, however it ends; no
clock is asked. So at most one writes on one machine, or on machines that share a file system whose locks hold across
them (NFSv4 with its defaults). A holder that is stopped but not dead keeps the lock: then nobody writes.
"""

import contextlib
import fcntl
import os
import socket
import threading
from pathlib import Path
from typing import IO

from heronwatch.logs import get_logger

POLL_S = 0.5
log = get_logger(__name__)


class Lease:
    """`leads` is whether this detector writes; without a file, and not told to stand by, it always does."""

    def __init__(self, path: Path | None, *, standby: bool) -> None:
        self.path, self.standby = path, standby
        self.leads = path is None and not standby
        self.trouble = ""
        self._file: IO[str] | None = None
        self._told = ""

    def run(self, stop: threading.Event) -> None:
        """Try to get the lock, and look after it, until `stop`; then give it back."""
        while not stop.is_set():
            self.turn()
            stop.wait(POLL_S)
        self.give_back()

    def turn(self) -> None:
        """Get the lock if it is free; give up one whose file was taken away."""
        if self.standby:
            self._tell("stands by: settings.standby is true")
        if self.path is None or self.standby:
            return
        try:
            held = self._holds(self.path) or self._get(self.path)
        except OSError as exc:
            self.give_back()
            self.trouble = f"the lease {self.path} cannot be had: {exc.strerror or exc}"
            held = False
        else:
            self.trouble = ""
        self.leads = held
        without = "the lease cannot be had" if self.trouble else "another detector leads"
        self._tell("leads: writes scores" if held else f"stands by: {without}")

    def _tell(self, words: str) -> None:
        """Say who writes, at the start and whenever it changes."""
        if words != self._told:
            where = {} if self.path is None else {"lease": str(self.path)}
            log.info(words, **where)
        self._told = words

    def _holds(self, path: Path) -> bool:
        """Return whether the lock is ours and still that of the file at `path`."""
        if self._file is None:
            return False
        with contextlib.suppress(FileNotFoundError):
            there, ours = path.stat(), os.fstat(self._file.fileno())
            if (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino):
                return True
        self.give_back()
        return False

    def _get(self, path: Path) -> bool:
        file = path.open("a+", encoding="utf-8")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        file.truncate(0)
        file.write(f"{socket.gethostname()} {os.getpid()}\n")  # for people; nothing reads it
        file.flush()
        self._file = file
        return self._holds(path)

    def give_back(self) -> None:
        """Let another have the lock."""
        if self._file is not None:
            self._file.close()  # which gives the lock back
        self._file = None
        self.leads = self.path is None and not self.standby
