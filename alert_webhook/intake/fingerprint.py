"""Alertmanager's fingerprint of a label set: FNV-1a, 64 bit, as github.com/prometheus/common/model computes it.

A byte changes the low byte of the hash and multiplies the whole; so what one label adds depends only on the low byte
before it, and is remembered by that: label sets share most of their labels.
"""

from collections.abc import Mapping
from functools import lru_cache

OFFSET_BASIS = 0xCBF29CE484222325  # FNV-1a 64, draft-eastlake-fnv section 5
PRIME = 0x100000001B3
SEPARATOR = b"\xff"  # model.SeparatorByte: never part of valid UTF-8
MASK = 0xFFFF_FFFF_FFFF_FFFF
REMEMBERED = 65_536  # labels, each with the low bytes it was met after: with some 400 bytes each about 26 MiB
REMEMBERED_CHARACTERS = 256  # longer values are no part of what many alerts share


def fingerprint(labels: Mapping[str, str]) -> str:
    """Return 16 hexadecimal digits that name this label set, whatever its order.

    >>> fingerprint({})
    'cbf29ce484222325'
    """
    value = OFFSET_BASIS
    for name in sorted(labels):  # by code point, which is the order of their UTF-8
        text = labels[name]
        low = value & 0xFF
        add = _remembered if len(name) + len(text) <= REMEMBERED_CHARACTERS else _added
        added, factor = add(low, name, text)
        value = ((value - low) * factor + added) & MASK
    return f"{value:016x}"


def _added(low: int, name: str, text: str) -> tuple[int, int]:
    """Return the hash of one label begun at `low`, and what the rest of the hash so far is multiplied with."""
    value, data = low, b"".join((name.encode(), SEPARATOR, text.encode(), SEPARATOR))
    for byte in data:
        value = ((value ^ byte) * PRIME) & MASK
    return value, pow(PRIME, len(data), MASK + 1)


_remembered = lru_cache(maxsize=REMEMBERED)(_added)
