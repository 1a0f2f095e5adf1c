"""Alertmanager's fingerprint of a label set: FNV-1a, 64 bit, as github.com/prometheus/common/model computes it."""

from collections.abc import Mapping

OFFSET_BASIS = 0xCBF29CE484222325  # FNV-1a 64, draft-eastlake-fnv section 5
PRIME = 0x100000001B3
SEPARATOR = b"\xff"  # model.SeparatorByte: never part of valid UTF-8
MASK = 0xFFFF_FFFF_FFFF_FFFF


def fingerprint(labels: Mapping[str, str]) -> str:
    """Return 16 hexadecimal digits that name this label set, whatever its order.

    >>> fingerprint({})
    'cbf29ce484222325'
    """
    value = OFFSET_BASIS
    for byte in _text(labels):
        value = ((value ^ byte) * PRIME) & MASK
    return f"{value:016x}"


def _text(labels: Mapping[str, str]) -> bytes:
    pairs = sorted((name.encode(), text.encode()) for name, text in labels.items())
    return b"".join(part for name, text in pairs for part in (name, SEPARATOR, text, SEPARATOR))
