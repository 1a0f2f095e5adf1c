"""How a subtree is divided into walks: as a whole, by column, or into the pieces of which the last scrape was made.

A stretch is a range of OIDs that is wanted without a gap. The pieces of a stretch share it without a gap, too: each
begins behind the end of the one before, wherever rows have come or gone since, so that every row is read exactly once.
Pure.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import itemgetter

from msgspec import Struct

from exporters.snmp import oid

FULL_REPLY = 1400
"""Bytes that fit into one Ethernet frame with some room (1500 less IP and UDP headers)."""

WORTHWHILE = 0.75
"""A walk by column is chosen where it takes at most this share of the packets of a walk of the whole."""

_MESSAGE = 48
"""Bytes of a reply beside its values: version, community, ids and the heads of the lists."""

_ROUND = 4
"""Bytes of a value beside its OID and itself: two tags and two lengths."""

_BEHIND_ALL = b"\xff"
"""Sorts behind whatever continues an OID: no key of `oid.order` has this byte behind a whole arc."""


class Stretch(Struct, frozen=True):
    """The OIDs behind `start` up to the key `until` (of `oid.order`); '' for the end of the subtree.

    `values` is how many are expected there, 0 when nobody knows.
    """

    start: bytes
    until: bytes = b""
    values: int = 0


class Answered(Struct, frozen=True):
    """What one reply brought: how many values, in how many bytes, and whether it ended before what was asked for."""

    values: int
    size: int
    full: bool = False


def by_column(columns: Iterable[bytes]) -> list[Stretch]:
    """Return a stretch for each column."""
    return [Stretch(column, oid.order(column) + _BEHIND_ALL) for column in columns]


def joined(columns: Sequence[bytes]) -> list[Stretch]:
    r"""Return the fewest stretches that hold just these columns, given in order: neighbours are walked as one.

    >>> [stretch.start.hex() for stretch in joined([b"\x2b\x01", b"\x2b\x02", b"\x2b\x05"])]
    ['2b01', '2b05']
    """
    found: list[Stretch] = []
    last = b""
    for column in columns:
        key = oid.order(column) + _BEHIND_ALL
        if found and _follows(column, last):
            found[-1] = Stretch(found[-1].start, key)
        else:
            found.append(Stretch(column, key))
        last = column
    return found


def _follows(column: bytes, other: bytes) -> bool:
    *head, last = oid.decode_arcs(column)
    return (*head, last - 1) == oid.decode_arcs(other)


class Room(Struct, frozen=True):
    """What fits into one reply of a device: values, and bytes."""

    values: int
    size: int = FULL_REPLY


def room_of(answered: Iterable[Answered], known: Room) -> Room:
    """Return what fits into a reply of a device: as its full ones show, else what is known."""
    full = [reply for reply in answered if reply.full]
    return Room(max(reply.values for reply in full), max(reply.size for reply in full)) if full else known


def pieces(stretches: Iterable[Stretch], table: Mapping[bytes, bytes], room: Room) -> list[Stretch]:
    """Divide stretches so that what they held in a scrape comes in as few replies as possible."""
    rest = sorted((oid.order(name), name, _ROUND + len(name) + len(value)) for name, value in table.items())
    found: list[Stretch] = []
    place = 0
    for stretch in stretches:
        end = len(rest) if not stretch.until else bisect_right(rest, (stretch.until,), lo=place)
        found.extend(_divided(stretch, rest[place:end], room))
        place = end
    return found


def _divided(stretch: Stretch, values: Sequence[tuple[bytes, bytes, int]], room: Room) -> Iterator[Stretch]:
    start, count, size = stretch.start, 0, 0
    last = (b"", b"")
    for key, name, own in values:
        if count and (count >= room.values or size + own > room.size - _MESSAGE):
            yield Stretch(start, last[0], count)
            start, count, size = last[1], 0, 0
        count, size, last = count + 1, size + own, (key, name)
    yield Stretch(start, stretch.until, count + 1)  # the last ends where something else begins: one value more


def is_cheaper(columns: Sequence[bytes], names: Iterable[bytes], *, packets: int) -> bool:
    """Say whether a walk of these columns alone takes clearly fewer packets than the whole, which took `packets`."""
    if packets < 3 or not columns:
        return False
    listed = list(names)
    rows = dict.fromkeys(columns, 0)
    for size in {len(column) for column in columns}:
        counted = Counter(map(itemgetter(slice(size)), listed))
        rows |= {column: counted[column] for column in columns if len(column) == size}
    per_packet = max(1.0, len(listed) / packets)
    needed = sum(-(-(values + 1) // per_packet) for values in _values_in(joined(columns), rows))
    return needed <= packets * WORTHWHILE


def _values_in(stretches: Iterable[Stretch], rows: Mapping[bytes, int]) -> Iterator[int]:
    """Yield how many values each stretch holds."""
    by_order = sorted((oid.order(column), count) for column, count in rows.items())
    keys = [key for key, _ in by_order]
    for stretch in stretches:
        first, last = bisect_left(keys, oid.order(stretch.start)), bisect_left(keys, stretch.until)
        yield sum(count for _, count in by_order[first:last])
