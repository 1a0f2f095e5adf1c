"""The journal of verdicts: JSON lines, only ever appended to, each synced before it counts.

People may read it with `less`; a line that is damaged is left alone and counted. Several processes may append (the
service and `detector feedback undo`): each takes the file's lock for as long as it writes.
"""

import fcntl
import os
from pathlib import Path

import msgspec

from anomaly_detector.errors import DetectorError
from anomaly_detector.feedback.verdicts import Entry, Line, Listing, Undo, read, written
from anomaly_detector.state import sync_directory

NAME = "feedback.jsonl"
MOST_BYTES = 16 << 20  # some 50,000 verdicts: more are no people's


class JournalError(DetectorError):
    """The journal cannot be read or written; nothing was added."""

    reason = "journal"


class JournalFullError(JournalError):
    """The journal has reached its size: an engineer moves it away."""


class Past(msgspec.Struct, frozen=True, kw_only=True):
    """What a journal says: all verdicts in the order they were said, what was taken back, the last listing.

    `damaged` counts lines that are none.
    """

    entries: tuple[Entry, ...] = ()
    undone: dict[str, Undo] = {}
    listed_at: float = 0.0
    damaged: int = 0


class Journal:
    """One file. Asking costs a stat unless it has changed. Not to be shared between threads without a lock."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: tuple[int, int, int] | None = None
        self._past = Past()

    def past(self) -> Past:
        """Return what the file says now; nothing when there is none. JournalError when it cannot be read."""
        seen = self._stamp()
        if seen != self._seen:
            self._past = _past(_content(self.path)) if seen else Past()
            self._seen = seen
        return self._past

    def append(self, line: Line) -> None:
        """Add a line and sync it; JournalError, JournalFullError when that does not work."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
        except OSError as exc:
            raise JournalError(f"{self.path}: {exc.strerror}") from exc
        try:
            self._append(handle, written(line))
        except OSError as exc:
            raise JournalError(f"{self.path}: {exc.strerror}") from exc
        finally:
            os.close(handle)

    def _append(self, handle: int, line: bytes) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX)
        size = os.fstat(handle).st_size
        if size + len(line) > MOST_BYTES:
            raise JournalFullError(
                f"{self.path} has reached {MOST_BYTES >> 20} MiB: move it away, and a new one begins"
            )
        torn = size > 0 and os.pread(handle, 1, size - 1) != b"\n"  # a crash in the middle of a line
        text = b"\n" + line if torn else line
        try:
            _write_whole(handle, text)
            os.fsync(handle)
            if not size:
                sync_directory(self.path.parent)
        except OSError:
            os.ftruncate(handle, size)
            raise

    def _stamp(self) -> tuple[int, int, int] | None:
        try:
            stat = self.path.stat()
        except FileNotFoundError:
            return None
        except OSError as exc:
            raise JournalError(f"{self.path}: {exc.strerror}") from exc
        return stat.st_ino, stat.st_size, stat.st_mtime_ns


def _write_whole(handle: int, text: bytes) -> None:
    """Write all of it; a disk that fills up takes a part and says so only the next time."""
    while text:
        text = text[os.write(handle, text) :]


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(2 * MOST_BYTES)
    except OSError as exc:
        raise JournalError(f"{path}: {exc.strerror}") from exc


def _past(content: bytes) -> Past:
    entries: dict[str, Entry] = {}
    undone: dict[str, Undo] = {}
    listed_at, damaged = 0.0, 0
    for text in content.splitlines():
        if not text.strip():
            continue
        try:
            line = read(text)
        except ValueError:
            damaged += 1
            continue
        if isinstance(line, Entry):
            entries[line.id] = line
        elif isinstance(line, Undo):
            undone[line.id] = line
        elif isinstance(line, Listing):
            listed_at = max(listed_at, line.at)
    return Past(entries=tuple(entries.values()), undone=undone, listed_at=listed_at, damaged=damaged)
