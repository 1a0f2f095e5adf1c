"""Building blocks of the Linux parsers: families, label texts, and numbers that are certainly numbers."""

import re
from collections.abc import Iterable
from functools import lru_cache

from exporters.metric.samples import Family, MetricType, Sample, label_text

# no text from a host can grow into an expensive number; U+0660 and its like are no digits here
_WHOLE = re.compile(r"[0-9]{1,20}")
_DECIMAL = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?")


@lru_cache(maxsize=4096)  # bounded: some names come from the host
def family(name: str, kind: MetricType, text: str) -> Family:
    """Give the family of this name, type and help; the same object each time."""
    return Family(name=name, type=kind, help=text)


def counter(name: str, text: str) -> Family:
    """Give a counter's family."""
    return family(name, "counter", text)


def gauge(name: str, text: str) -> Family:
    """Give a gauge's family."""
    return family(name, "gauge", text)


def labels(**pairs: str) -> str:
    """Render labels; characters that are not printable are left out of the values.

    >>> labels(device="eth0")
    '{device="eth0"}'
    """
    return label_text((name, printable(value)) for name, value in pairs.items())


def printable(text: str) -> str:
    """Leave out what could hide in a label: control characters, escapes, bidirectional marks."""
    return text if text.isprintable() else "".join(c for c in text if c.isprintable())


def whole(text: str) -> int | None:
    """Read a whole number of at most 20 digits, or None."""
    return int(text) if _WHOLE.fullmatch(text) else None


def decimal(text: str) -> float | None:
    """Read a plain decimal number, or None: no exponents, no infinities."""
    return float(text) if _DECIMAL.fullmatch(text) else None


def row(families: Iterable[Family], label: str, values: Iterable[float | int | None]) -> list[Sample]:
    """Pair families with values in order, leaving out the values that are None."""
    return [(f, label, value) for f, value in zip(families, values, strict=False) if value is not None]
