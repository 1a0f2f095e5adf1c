"""Snapshots: one `.npz` without pickles for each query, so that a restart forgets nothing.

A snapshot is written to a temporary file, synced and renamed: a crash leaves the old one or the new one. Its header
carries a format version and a fingerprint of what shaped the state; anything that does not fit is a SnapshotError.
"""

import contextlib
import os
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from anomaly_detector.errors import SnapshotError

FORMAT = 1
HEADER = "header"
# what zipfile and numpy raise at bytes that are none of theirs: found by flipping every kind of byte
DAMAGE = (
    OSError,
    ValueError,
    KeyError,
    TypeError,
    EOFError,
    RuntimeError,
    SyntaxError,
    MemoryError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
    tokenize.TokenError,
    msgspec.MsgspecError,
)
Arrays = Mapping[str, npt.NDArray[Any]]


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What a snapshot is of: `last_s` is the instant it was taken after, `series` the labels row by row.

    `accepted` are the ids of the verdicts about new levels that were heeded.
    """

    format: int
    fingerprint: str
    last_s: float
    series: list[list[tuple[str, str]]]
    accepted: list[str] = []


def snapshot_path(directory: Path, query: str) -> Path:
    """Return where a query's snapshot lies; an alias holds no path separator."""
    return directory / f"{query}.npz"


def unusable(directory: Path, *, make: bool = False) -> str:
    """Return why nothing can be kept in a folder, "" when it can; it is made only when `make` says so."""
    there = directory
    try:
        if make:
            directory.mkdir(parents=True, exist_ok=True)
        while not there.exists() and there != there.parent:
            there = there.parent
    except OSError as exc:
        return exc.strerror or str(exc)
    if not there.is_dir():
        return f"{there} is no folder"
    return "" if os.access(there, os.W_OK | os.X_OK) else f"{there} may not be written"


def save(path: Path, header: Header, arrays: Arrays) -> None:
    """Write a snapshot; SnapshotError when the disk does not take it, and the old one stays."""
    temporary = path.with_name(f".{path.name}.tmp")
    coded = np.frombuffer(msgspec.json.encode(header), np.uint8)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            np.savez(file, allow_pickle=False, **{HEADER: coded, **arrays})
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_directory(path.parent)
    except OSError as exc:
        with contextlib.suppress(OSError):  # gone, or as unusable as the rest
            temporary.unlink()
        raise SnapshotError(f"{path} was not written: {exc}") from exc


def load(path: Path, *, fingerprint: str) -> tuple[Header, dict[str, npt.NDArray[Any]]]:
    """Read a snapshot; SnapshotError when there is none, it is damaged, or it is of another configuration."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        header = msgspec.json.decode(arrays.pop(HEADER).tobytes(), type=Header)
    except FileNotFoundError as exc:
        raise SnapshotError(f"{path} does not exist") from exc
    except DAMAGE as exc:
        raise SnapshotError(f"{path} is damaged: {exc}") from exc
    if header.format != FORMAT:
        raise SnapshotError(f"{path} has format {header.format}, this version reads {FORMAT}")
    if header.fingerprint != fingerprint:
        raise SnapshotError(f"{path} is of another configuration")
    return header, arrays


def sync_directory(directory: Path) -> None:
    """Make the rename itself survive a power cut."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
