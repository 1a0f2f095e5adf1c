"""One engine for one SQLite file: an advisory lock beside it, let go by the system when the process ends, however."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alert_webhook.errors import StoreInUseError


@contextmanager
def engine_lock(database: Path) -> Iterator[None]:
    """Hold the lock of the database file; StoreInUseError when another process has it."""
    path = database.with_name(f"{database.name}.engine-lock")
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StoreInUseError(
                f"another engine works on {database}: stop it, start this one as `heronwatch webhook serve`, "
                "or use PostgreSQL, where any number may run"
            ) from error
        yield
