"""What is wrong about the place of SQLite's file that nobody would notice until it matters."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from alert_webhook.config import Database

OTHERS = stat.S_IROTH | stat.S_IWOTH


def warnings(database: Database) -> Iterator[str]:
    """Yield why the file could not be made or written, and that people who are not its owner can read it."""
    if database.sqlite is None:
        return
    yield from _about_folder(database.sqlite.absolute().parent)
    try:
        mode = database.sqlite.stat().st_mode
    except OSError:
        return  # it is made at the first start
    if mode & OTHERS:
        yield (
            f"every user of this machine can read {database.sqlite}, which holds password hashes and alerts:"
            f" chmod o= {database.sqlite}*"
        )


def _about_folder(folder: Path) -> Iterator[str]:
    if not folder.is_dir():
        yield f"database.sqlite: the folder {folder} is not there: make it, owned by whoever runs the webhook"
    elif not os.access(folder, os.W_OK | os.X_OK):
        yield f"database.sqlite: this user may not write in the folder {folder}"
