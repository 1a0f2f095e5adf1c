"""The index of a row → labels (RFC 2578 section 7.7). Pure.

Some agents leave zeros out at the end, so what is missing counts as 0.
"""

from collections.abc import Sequence

from msgspec import Struct

from exporters.snmp.decoding.values import enum_text, octets_text
from exporters.snmp.plan import COMBINED, Index

MOST_OCTETS = 4096
"""Longest string that is filled up with zeros: an OID has at most 128 arcs, so a longer length is nonsense."""

NUMBERS = frozenset({"gauge", "counter", "Integer", "Integer32"})
_SIZES = {"PhysAddress48": 6, "InetAddressIPv4": 4, "InetAddressIPv6": 16}

Arcs = tuple[int, ...]


class Part(Struct, frozen=True):
    """What one index takes: its text, the arcs it used (as they count in look-ups) and those that are left."""

    text: str
    used: Arcs
    rest: Arcs


def split(arcs: Arcs, indexes: Sequence[Index]) -> list[tuple[str, str, Arcs]]:
    """Return (label, text, arcs) for each index, from left to right; what is left over is ignored."""
    found = []
    for index in indexes:
        part = _part(arcs, index)
        found.append((index.label, part.text, part.used))
        arcs = part.rest
    return found


def _part(arcs: Arcs, index: Index) -> Part:
    if index.type in COMBINED:
        return _combined(arcs, index)
    if index.type in {"OctetString", "DisplayString"}:
        return _string(arcs, index.type, fixed_size=len(arcs) if index.implied else index.fixed_size)
    if index.type in NUMBERS or index.type == "EnumAsInfo":
        head, rest = _cut(arcs, 1)
        text = enum_text(head[0], index.enum) if index.type == "EnumAsInfo" else str(head[0])
        return Part(text, head, rest)
    return _fixed(arcs, index.type)


def _combined(arcs: Arcs, index: Index) -> Part:
    """Read an address whose type, and for some its length, stand before it."""
    sized = index.type != "InetAddressMissingSize"
    head, rest = _cut(arcs, 2 if sized else 1)
    kind = COMBINED[index.type].get(head[0])
    if kind is None and not sized:
        return _string(arcs, "OctetString", fixed_size=len(arcs))
    if kind is None:
        return _string(arcs, "OctetString", fixed_size=head[1] + 2)
    part = _string(rest, kind, fixed_size=0) if kind == "DisplayString" else _fixed(rest, kind)
    return Part(part.text, head + part.used, part.rest)


def _fixed(arcs: Arcs, kind: str) -> Part:
    head, rest = _cut(arcs, _SIZES[kind])
    return Part(octets_text(_octets(head), kind), head, rest)


def _string(arcs: Arcs, kind: str, *, fixed_size: int) -> Part:
    """Read a string; without a fixed size its first arc is its length."""
    prefix: Arcs = ()
    size = fixed_size
    if size == 0:
        prefix, arcs = _cut(arcs, 1)
        size = prefix[0]
    content, rest = _cut(arcs, min(size, MOST_OCTETS))
    return Part(octets_text(_octets(content), kind), prefix + content, rest)


def _cut(arcs: Arcs, count: int) -> tuple[Arcs, Arcs]:
    head = arcs[:count]
    return head + (0,) * (count - len(head)), arcs[count:]


def _octets(arcs: Arcs) -> bytes:
    return bytes([arc & 0xFF for arc in arcs])
