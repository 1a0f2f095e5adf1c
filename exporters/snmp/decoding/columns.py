"""Which values belong to which column: found out once for a set of OIDs, which the next scrape mostly has again.

A device answers with the same OIDs until a row comes or goes. Whether it does is told by a digest of all OIDs in the
order they came, so that nothing is looked at one by one; what is remembered is small: where each column's values stand.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from hashlib import blake2b
from operator import itemgetter

from msgspec import Struct

from exporters.snmp.ber import Element
from exporters.snmp.plan import Column, Plan, Shape

Table = dict[bytes, Element]
"""Everything a device answered, by OID."""

_NOWHERE = b"\xff\xff\xff"  # a prefix of no OID
_BETWEEN = b"\x80"  # X.690 section 8.19.2: no arc begins with this byte, so two lists of OIDs never join to one


class Group(Struct, frozen=True, eq=False):
    """Rows that columns of one shape have in common, by their indexes."""

    shape: Shape
    indexes: tuple[bytes, ...]


class Part(Struct, frozen=True, eq=False):
    """A column: its rows are those of the group with this number, its values stand at these places."""

    column: Column
    group: int
    places: slice | tuple[int, ...]

    def values(self, elements: Sequence[Element]) -> Sequence[Element]:
        """Return the column's values out of all."""
        places = self.places
        return elements[places] if isinstance(places, slice) else [elements[place] for place in places]


class Arrangement(Struct, frozen=True, eq=False):
    """Where everything stands in what a device answered, which has this `digest`."""

    plan: Plan
    digest: bytes
    parts: tuple[Part, ...]
    groups: tuple[Group, ...]

    def fits(self, plan: Plan, digest: bytes) -> bool:
        """Whether it is the arrangement of these OIDs for this module."""
        return self.plan is plan and self.digest == digest


def digest_of(names: Collection[bytes]) -> bytes:
    """Return what tells one list of OIDs from another."""
    return blake2b(_BETWEEN.join(names), digest_size=16, salt=len(names).to_bytes(16)).digest()


def arrange(names: Collection[bytes], plan: Plan, digest: bytes) -> Arrangement:
    """Sort OIDs by the column that they belong to; columns are in the order in which they were first met."""
    listed = list(names)
    runs: dict[Column, list[slice]] = {}
    for column, run in _runs(listed, plan):
        runs.setdefault(column, []).append(run)
    numbers: dict[tuple[Shape, tuple[bytes, ...]], int] = {}
    parts = []
    for column, found in runs.items():
        cut = itemgetter(slice(len(column.oid), None))
        indexes = tuple([index for run in found for index in map(cut, listed[run])])
        number = numbers.setdefault((column.shape, indexes), len(numbers))
        parts.append(Part(column, number, found[0] if len(found) == 1 else _places(found)))
    return Arrangement(plan, digest, tuple(parts), tuple(Group(shape, rows) for shape, rows in numbers))


def _runs(names: Sequence[bytes], plan: Plan) -> Iterator[tuple[Column, slice]]:
    """Yield each column where OIDs of it stand in a row; mostly that is all of it."""
    column, start, prefix = None, 0, _NOWHERE
    for place, name in enumerate(names):
        if not name.startswith(prefix):
            if column is not None:
                yield column, slice(start, place)
            column, start = _column_of(name, plan), place
            prefix = column.oid if column is not None else _NOWHERE
    if column is not None:
        yield column, slice(start, len(names))


def _places(runs: Iterable[slice]) -> tuple[int, ...]:
    return tuple([place for run in runs for place in range(run.start, run.stop)])


def _column_of(name: bytes, plan: Plan) -> Column | None:
    """Return the column with the shortest OID that `name` begins with."""
    for size in plan.column_sizes:
        column = plan.columns.get(name[:size])
        if column is not None:
            return column
    return None
