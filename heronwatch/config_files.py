"""Names and patterns of configuration files → their text."""

import glob
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from heronwatch.errors import ConfigError
from heronwatch.faults import Fault, quoted
from heronwatch.words import nearest
from heronwatch.yaml_nodes import MOST_BYTES


class Source(msgspec.Struct, frozen=True):
    """A configuration file: its name as it was given, and its text."""

    file: str
    text: str


def read_sources(names: Sequence[str | Path]) -> tuple[list[Source], list[Fault]]:
    """Return every file that could be read, and a fault for every one that could not."""
    sources: list[Source] = []
    faults: list[Fault] = []
    for name in _expanded(names, faults):
        try:
            sources.append(Source(name, _read(name)))
        except ConfigError as error:
            faults.extend(error.faults)
    return sources, faults


def _expanded(names: Iterable[str | Path], faults: list[Fault]) -> list[str]:
    """Return file names for names and patterns; a file that several of them mean counts once."""
    found: dict[str, str] = {}
    for name in map(str, names):
        matches = sorted(glob.glob(name)) if glob.has_magic(name) and not os.path.lexists(name) else [name]  # noqa: PTH207  # also absolute
        if not matches:
            faults.append(Fault(name, 0, "", "no file matches this pattern"))
        for match in matches:
            found.setdefault(os.path.realpath(match) if "\0" not in match else match, match)
    return list(found.values())


def _read(name: str) -> str:
    try:
        with Path(name).open("rb") as stream:
            data = stream.read(MOST_BYTES + 1)
    except FileNotFoundError as error:
        raise ConfigError([Fault(name, 0, "", f"no such file{_near(Path(name))}")]) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError([Fault(name, 0, "", f"cannot be read: {reason}")]) from error
    if len(data) > MOST_BYTES:
        raise ConfigError([Fault(name, 0, "", f"larger than {MOST_BYTES} bytes")])
    return _decoded(name, data)


def _near(path: Path) -> str:
    try:
        near = nearest(path.name, sorted(p.name for p in path.parent.iterdir()))
    except OSError:
        return " (nor its folder)"
    return f" (did you mean {quoted(str(path.with_name(near)))}?)" if near else ""


def _decoded(name: str, data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"not UTF-8: byte 0x{data[error.start]:02x}; save the file as UTF-8"
        raise ConfigError([Fault(name, line, "", message)]) from error
