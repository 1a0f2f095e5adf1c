"""One thing wrong in a configuration file: where it stands and what to do about it."""

import re
from collections.abc import Iterable

import msgspec

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_/@-]+")

Step = str | int
Path = tuple[Step, ...]


class Fault(msgspec.Struct, frozen=True, order=True):
    """A fault of a configuration: file, line (0: the file as a whole), dotted path and message.

    >>> print(Fault("exporters.yml", 31, "modules.plc1.metrics[3].type", "expected text, found nothing"))
    exporters.yml:31: modules.plc1.metrics[3].type: expected text, found nothing
    """

    file: str
    line: int
    path: str
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return ": ".join(part for part in (place, self.path, self.message) if part)


class Issue(msgspec.Struct, frozen=True):
    """A fault whose path is still a tuple of keys and indexes."""

    file: str
    line: int
    path: Path
    message: str

    def fault(self) -> Fault:
        """Return the same fault in its public form."""
        return Fault(self.file, self.line, dotted(self.path), self.message)


def dotted(path: Iterable[Step]) -> str:
    """Write a path as people read it.

    >>> dotted(("modules", "plc1", "metrics", 3, "type"))
    'modules.plc1.metrics[3].type'
    >>> dotted(("devices", "10.0.0.9", "port"))
    'devices["10.0.0.9"].port'
    """
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _PLAIN_KEY.fullmatch(step):
            text += f".{step}" if text else step
        else:
            text += f'["{printable(step)}"]'
    return text


def printable(text: str, limit: int = 60) -> str:
    """Return text fit for one line of a terminal: control characters escaped, long text cut.

    >>> printable("a" * 100, limit=5)
    'aaaaa…'
    """
    cut = text[:limit] + ("…" if len(text) > limit else "")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut)


def quoted(text: str) -> str:
    """Return text in single quotes for a message.

    >>> print(quoted("unit16"))
    'unit16'
    """
    return f"'{printable(text)}'"
