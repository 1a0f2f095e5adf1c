"""`heronwatch webhook backup FILE` and `restore FILE`: everything the database holds, while the service runs."""

import contextlib
import gzip
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from alert_webhook.administration import Terminal, with_store
from alert_webhook.errors import BackupError
from alert_webhook.store import backup as backups
from alert_webhook.store.database import Store
from heronwatch.commands import EXIT_FAULT, EXIT_USAGE

MAX_LINE_BYTES = 64 << 20  # the largest row: a bomb of a file ends here


def backup(files: Sequence[str], target: Path, terminal: Terminal) -> int:
    """Write a gzip file that only its owner reads; a file that exists is left alone."""

    def work(store: Store) -> int | None:
        unfinished = target.with_name(f".{target.name}.unfinished")
        try:
            rows = _write(store, unfinished)
            os.link(unfinished, target)  # unlike a rename, this never replaces a file
        except OSError as error:
            terminal.warn(f"no backup: {error.strerror}: {target}")
            return EXIT_FAULT
        finally:
            with contextlib.suppress(OSError):
                unfinished.unlink()
        terminal.say(f"{rows} rows in {target}")
        return None

    return with_store(files, terminal, work)


def restore(files: Sequence[str], source: Path, terminal: Terminal, *, sure: bool) -> int:
    """Put a backup in place of what the database holds, in one transaction."""
    if not sure:
        terminal.warn("nothing restored: this replaces everything that the database holds; add --yes if that is meant")
        return EXIT_USAGE

    def work(store: Store) -> int | None:
        try:
            rows = backups.restore(store, lambda: _read(source))
        except (OSError, EOFError) as error:
            terminal.warn(f"nothing restored: {source}: {getattr(error, 'strerror', None) or error}")
            return EXIT_FAULT
        terminal.say(f"{rows} rows restored; what was waiting to be sent goes out again and says so")
        return None

    return with_store(files, terminal, work, create=True)


def _write(store: Store, path: Path) -> int:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as raw:
        with gzip.GzipFile(fileobj=raw, mode="wb", mtime=0) as packed:
            rows = backups.dump(store, packed.write)
        raw.flush()
        os.fsync(raw.fileno())
    return rows


def _read(path: Path) -> Iterator[bytes]:
    with gzip.open(path, "rb") as lines:
        while line := lines.readline(MAX_LINE_BYTES):
            if not line.endswith(b"\n"):
                raise BackupError("the backup is not whole: its end is missing")
            yield line
