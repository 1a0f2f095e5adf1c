"""Alertmanager's fingerprint of a label set: FNV-1a, 64 bit, as github.com/prometheus/common/model computes it."""

from collections.abc import Mapping
from functools import lru_cache

OFFSET_BASIS = 0xCBF29CE484222325  # FNV-1a 64, draft-eastlake-fnv section 5
PRIME = 0x100000001B3
SEPARATOR = b"\xff"  # model.SeparatorByte: never part of valid UTF-8
MASK = 0xFFFF_FFFF_FFFF_FFFF
REMEMBERED = 8192  # alerts come again and again; with REMEMBERED_BYTES each, at most 32 MiB
REMEMBERED_BYTES = 4096


def fingerprint(labels: Mapping[str, str]) -> str:
    """Return 16 hexadecimal digits that name this label set, whatever its order.

    >>> fingerprint({})
    'cbf29ce484222325'
    """
    text = _text(labels)
    return _remembered(text) if len(text) <= REMEMBERED_BYTES else _hash(text)


def _hash(text: bytes) -> str:
    value = OFFSET_BASIS
    for byte in text:
        value = ((value ^ byte) * PRIME) & MASK
    return f"{value:016x}"


_remembered = lru_cache(maxsize=REMEMBERED)(_hash)


def _text(labels: Mapping[str, str]) -> bytes:
    pairs = sorted((name.encode(), text.encode()) for name, text in labels.items())
    return b"".join(part for name, text in pairs for part in (name, SEPARATOR, text, SEPARATOR))
