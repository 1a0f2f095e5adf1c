"""Whether SQLite's file is still where the configuration says.

A file that is renamed or deleted under an open connection goes on taking commits, which nobody ever finds again.
"""

import os
import sqlite3
import threading
from pathlib import Path
from typing import Any
from urllib.parse import quote

from alert_webhook.errors import StoreUnavailableError
from heronwatch.logs import get_logger

Identity = tuple[int, int]  # device, inode


class FilePlace:
    """The path of one database, and which file was opened there first. Safe to use from several threads."""

    def __init__(self, path: Path, *, create: bool) -> None:
        self._path = path
        self._create = create
        self._opened: Identity | None = None
        self._away = False
        self._lock = threading.Lock()
        self._log = get_logger("heronwatch.webhook.database")

    def connect(self, **options: Any) -> sqlite3.Connection:
        """Connect to the file; only the first connection may make one. sqlite3.OperationalError as ever."""
        mode = "rwc" if self._create and self._opened is None else "rw"
        if mode == "rwc":
            self._make()
        place = quote(os.fsencode(self._path.absolute()))
        connection: sqlite3.Connection = sqlite3.connect(f"file://{place}?mode={mode}", uri=True, **options)
        try:
            with self._lock:
                found, _ = self._look()
                self._opened = self._opened or found
            self.check()
        except StoreUnavailableError as error:
            connection.close()
            raise sqlite3.OperationalError(str(error)) from error
        except BaseException:
            connection.close()
            raise
        return connection

    def _make(self) -> None:
        """Make the file where there is none, for its owner alone; SQLite gives its other files the same mode."""
        try:
            os.close(os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        except OSError:
            return  # it is there; or SQLite says what is wrong

    def check(self) -> None:
        """Raise StoreUnavailableError where another file, or none, is at the path; some microseconds."""
        found, reason = self._look()
        if self._opened is None:
            return
        away = found != self._opened
        self._tell(away, reason)
        if away:
            raise StoreUnavailableError(reason)

    def _look(self) -> tuple[Identity | None, str]:
        try:
            found = os.stat(self._path)  # noqa: PTH116  # before every transaction: half the time of Path.stat
        except OSError as error:
            return None, f"the database file {self._path} was moved or deleted: {error.strerror}"
        return (found.st_dev, found.st_ino), f"the database file {self._path} was replaced by another one"

    def _tell(self, away: bool, reason: str) -> None:
        with self._lock:
            changed, self._away = away != self._away, away
        if changed and away:
            self._log.error("nothing is taken until the file is back, or the process started anew", reason=reason)
        elif changed:
            self._log.info("the database file is back", path=str(self._path))
