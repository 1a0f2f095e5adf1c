"""The value types of configurations: durations, sizes, patterns, addresses.

Each has `parse(text)`, which raises `ValueError` with a message for the person who wrote the text, and `__schema__`,
its JSON Schema. A service may declare further ones the same way.
"""

import re
import warnings
from typing import Annotated, Any, ClassVar, Self

import msgspec

from heronwatch.addresses import HostPort, HttpUrl, Network
from heronwatch.faults import printable, quoted

__all__ = [
    "AsWritten",
    "ByteSize",
    "Duration",
    "HostPort",
    "HttpUrl",
    "Network",
    "Regex",
    "Verbatim",
]

_UNITS_S = {"y": 31_536_000.0, "w": 604_800.0, "d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_DURATION = re.compile("".join(f"(?:([0-9]+(?:[.][0-9]+)?){unit})?" for unit in _UNITS_S), re.ASCII)
_LONGEST_S = 292 * _UNITS_S["y"]  # what Prometheus can hold: 2**63 nanoseconds
_SIZES = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
_SIZE = re.compile(r"([0-9]{1,15}) ?([A-Za-z]*)", re.ASCII)


class AsWritten(msgspec.Struct, frozen=True):
    """Marks text taken as it was written, so that `off` or `1.10` need no quotes: `Annotated[str, AsWritten()]`."""


Verbatim = Annotated[str, AsWritten()]
"""Text taken as it was written; for files of other programs that read them so. Only an empty value is a fault."""


class Duration(float):
    """A duration in seconds, written as Prometheus does: 500ms, 5s, 1m, 1h30m, 7d, 1w, 1y; 0 needs no unit.

    As in Go, a number may have a fraction: 1.5s.

    >>> Duration.parse("1h30m"), Duration.parse("500ms") * 2
    (Duration('1h30m'), 1.0)
    >>> Duration.parse("90")
    Traceback (most recent call last):
    ValueError: '90' is not a duration: a unit is missing, as in 90s
    """

    __slots__ = ()
    __schema__: ClassVar[dict[str, Any]] = {
        "type": ["string", "integer"],
        "title": "duration",
        "description": "500ms, 5s, 1m, 1h30m, 7d, 1w",
        "pattern": "^(0|" + "".join(rf"([0-9]+(\.[0-9]+)?{unit})?" for unit in _UNITS_S) + ")$",
        "minLength": 1,
        "maximum": 0,
        "minimum": 0,
    }

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the duration that a text means."""
        if text == "0":
            return cls(0.0)
        match = _DURATION.fullmatch(text) if 0 < len(text) <= 60 else None
        if match is None:
            raise ValueError(_duration_message(text))
        seconds = sum(float(n) * unit for n, unit in zip(match.groups(), _UNITS_S.values(), strict=True) if n)
        if seconds > _LONGEST_S:
            raise ValueError(f"{quoted(text)} is longer than 292 years")
        return cls(seconds)

    def __str__(self) -> str:
        """Return the duration as Prometheus writes it; what is shorter than a millisecond is dropped."""
        rest, text = round(float(self) * 1000), ""
        for unit, seconds in _UNITS_S.items():
            count, remaining = divmod(rest, round(seconds * 1000))
            if count and (unit not in {"y", "w"} or not remaining):  # 10d, not 1w3d
                text, rest = f"{text}{count}{unit}", remaining
        return text or "0s"

    def __repr__(self) -> str:
        return f"Duration('{self}')"


def _duration_message(text: str) -> str:
    if re.fullmatch(r"[0-9]+", text, re.ASCII):
        return f"{quoted(text)} is not a duration: a unit is missing, as in {text[:9]}s"
    return f"{quoted(text)} is not a duration (500ms, 5s, 1h30m, 7d)"


class ByteSize(int):
    """A size in bytes, written with a binary unit: 512B, 64KiB, 8MiB, 1GiB; 0 needs no unit.

    >>> ByteSize.parse("64MiB")
    ByteSize('64MiB')
    >>> ByteSize.parse("64MB")
    Traceback (most recent call last):
    ValueError: '64MB' is not a size: write 64MiB (1024-based)
    """

    __slots__ = ()
    __schema__: ClassVar[dict[str, Any]] = {
        "type": ["string", "integer"],
        "title": "size",
        "description": "512B, 64KiB, 8MiB, 1GiB",
        "pattern": "^(0|[0-9]{1,15} ?(B|KiB|MiB|GiB|TiB))$",
        "maximum": 0,
        "minimum": 0,
    }

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the size that a text means."""
        match = _SIZE.fullmatch(text)
        if match is None:
            raise ValueError(f"{quoted(text)} is not a size (512B, 64KiB, 8MiB, 1GiB)")
        count, unit = int(match[1]), match[2]
        if unit not in _SIZES and not (count == 0 and not unit):
            raise ValueError(_size_message(text, match[1], unit))
        return cls(count * _SIZES.get(unit, 1))

    def __str__(self) -> str:
        unit = max((u for u, size in _SIZES.items() if int(self) % size == 0), key=_SIZES.__getitem__)
        return f"{int(self) // _SIZES[unit]}{unit}" if self else "0B"

    def __repr__(self) -> str:
        return f"ByteSize('{self}')"


def _size_message(text: str, count: str, unit: str) -> str:
    if not unit:
        return f"{quoted(text)} is not a size: a unit is missing, as in {count}B or {count}MiB"
    meant = next((u for u in _SIZES if u != "B" and u[0].casefold() == unit[0].casefold()), None)
    remedy = f"write {count}{meant} (1024-based)" if meant else "units are B, KiB, MiB, GiB, TiB"
    return f"{quoted(text)} is not a size: {remedy}"


class Regex:
    """A regular expression, compiled; `match` finds it anywhere in a text.

    >>> bool(Regex.parse("eth[0-9]").match("veth0"))
    True
    >>> Regex.parse("eth[")
    Traceback (most recent call last):
    ValueError: 'eth[' is not a regular expression: unterminated character set at position 3
    """

    __slots__ = ("_compiled", "pattern")
    __schema__: ClassVar[dict[str, Any]] = {"type": "string", "format": "regex", "title": "regular expression"}

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self._compiled = _compiled(pattern)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the expression that a text means."""
        return cls(text)

    def match(self, text: str) -> re.Match[str] | None:
        """Return the first match anywhere in the text, or None."""
        return self._compiled.search(text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Regex) and (type(self), self.pattern) == (type(other), other.pattern)

    def __hash__(self) -> int:
        return hash((type(self), self.pattern))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.pattern!r})"

    def __reduce__(self) -> tuple[type[Self], tuple[str]]:
        return type(self), (self.pattern,)


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "possible nested set": Python means to change; the meaning is today's
            return re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"{quoted(pattern)} is not a regular expression: {printable(str(error))}") from error
