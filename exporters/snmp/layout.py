"""How a subtree is divided into walks: as a whole, by column, or into the pieces of which the last scrape was made.

A stretch is a range of OIDs that is wanted without a gap. The pieces of a stretch share it without a gap, too: each
begins behind the end of the one before, wherever rows have come or gone since, so that every row is read exactly once.
Pure.
"""

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from exporters.snmp import oid

FULL_REPLY = 1400
"""Bytes that fit into one Ethernet frame with some room (1500 less IP and UDP headers)."""

WORTHWHILE = 0.75
"""A walk by column is chosen where it takes at most this share of the packets of a walk of the whole."""

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
    """What one reply brought: the OID asked for, the last one taken, how many, and in how many bytes."""

    start: bytes
    end: bytes
    values: int
    size: int


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


def pieces(stretches: Iterable[Stretch], answered: Iterable[Answered], *, most: int) -> list[Stretch]:
    """Divide stretches at the ends of the replies that a scrape was made of.

    Neighbours that fit into one reply together (`most` values and FULL_REPLY bytes) become one piece.
    """
    rest = sorted(answered, key=lambda reply: oid.order(reply.end))
    found: list[Stretch] = []
    for stretch in stretches:
        count = sum(not stretch.until or oid.order(reply.end) <= stretch.until for reply in rest)  # they are in order
        found.extend(_divided(stretch, list(_merged(rest[:count], most))))
        del rest[:count]
    return found


def _merged(replies: Iterable[Answered], most: int) -> Iterator[Answered]:
    kept: Answered | None = None
    for reply in replies:
        if kept is None:
            kept = reply
        elif kept.values + reply.values <= most and kept.size + reply.size <= FULL_REPLY:
            kept = Answered(kept.start, reply.end, kept.values + reply.values, kept.size + reply.size)
        else:
            yield kept
            kept = reply
    if kept is not None:
        yield kept


def _divided(stretch: Stretch, replies: Sequence[Answered]) -> Iterator[Stretch]:
    start = stretch.start
    for reply in replies[:-1]:
        yield Stretch(start, oid.order(reply.end), reply.values)
        start = reply.end
    # the last one ends where something else begins, so one value more is asked for
    yield Stretch(start, stretch.until, replies[-1].values + 1 if replies else 1)


def is_cheaper(columns: Sequence[bytes], names: Iterable[bytes], *, packets: int) -> bool:
    """Say whether a walk of these columns alone takes clearly fewer packets than the whole, which took `packets`."""
    if packets < 3 or not columns:
        return False
    total = 0
    rows = dict.fromkeys(columns, 0)
    sizes = sorted({len(column) for column in columns})
    for name in names:
        total += 1
        for size in sizes:
            if name[:size] in rows:
                rows[name[:size]] += 1
                break
    per_packet = max(1.0, total / packets)
    needed = sum(
        -(-(sum(count for column, count in rows.items() if _is_inside(column, stretch)) + 1) // per_packet)
        for stretch in joined(columns)
    )
    return needed <= packets * WORTHWHILE


def _is_inside(column: bytes, stretch: Stretch) -> bool:
    return oid.order(stretch.start) <= oid.order(column) < stretch.until
