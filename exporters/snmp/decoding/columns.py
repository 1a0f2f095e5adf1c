"""Which values belong to which column: found out once for a set of OIDs, which the next scrape mostly has again.

A device answers with the same OIDs until a row comes or goes. Whether it does is told by a digest of all OIDs in the
order they came, so that nothing is looked at one by one; what is remembered is small: where each column's values stand.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from hashlib import blake2b
from operator import itemgetter
from weakref import WeakValueDictionary

from msgspec import Struct

from exporters.snmp import oid
from exporters.snmp.ber import Element
from exporters.snmp.plan import Column, Plan, Shape

Table = dict[bytes, Element]
"""Everything a device answered, by OID."""

_NOWHERE = b"\xff\xff\xff"  # a prefix of no OID
_BETWEEN = b"\x80"  # X.690 section 8.19.2: no arc begins with this byte, so two lists of OIDs never join to one


class Group:
    """Rows that columns of one shape have in common, by their indexes."""

    __slots__ = ("_numbers", "_read", "indexes", "shape")

    def __init__(self, shape: Shape, indexes: tuple[bytes, ...]) -> None:
        self.shape = shape
        self.indexes = indexes
        self._numbers: Sequence[str] | None = None
        self._read: Sequence[bytes] | None = None

    @property
    def simple(self) -> bool:
        """Whether each index is one number, and the key of every look-up."""
        return self.shape.simple and all(map(is_one_arc, self.indexes))

    @property
    def numbers(self) -> Sequence[str]:
        """The indexes of simple rows as text."""
        if self._numbers is None:
            self._numbers = [str(oid.decode_arcs(index)[0]) for index in self.indexes]
        return self._numbers

    @property
    def read(self) -> Sequence[bytes]:
        """The OIDs that are read for the labels of simple rows: look-up by look-up."""
        if self._read is None:
            self._read = [lookup.column + index for lookup in self.shape.lookups for index in self.indexes]
        return self._read


def is_one_arc(index: bytes) -> bool:
    """Say whether an index is one number."""
    return (len(index) == 1 or (len(index) > 1 and min(index[:-1]) >= 0x80)) and index[-1] < 0x80


class Part(Struct, frozen=True, eq=False):
    """A column: its rows are those of the group with this number, its values stand at these places."""

    column: Column
    group: int
    places: slice | tuple[int, ...]

    def values(self, elements: Sequence[Element]) -> Sequence[Element]:
        """Return the column's values out of all."""
        places = self.places
        return elements[places] if isinstance(places, slice) else [elements[place] for place in places]


class Arrangement(Struct, frozen=True, eq=False, weakref=True):
    """Where everything stands in what a device answered, which has this `digest`. Devices of one make share it."""

    plan: Plan
    digest: bytes
    parts: tuple[Part, ...]
    groups: tuple[Group, ...]

    def fits(self, plan: Plan, digest: bytes) -> bool:
        """Whether it is the arrangement of these OIDs for this module."""
        return self.plan is plan and self.digest == digest


class Arrangements:
    """Finds the arrangement of a list of OIDs: one for all devices that answer with the same."""

    def __init__(self) -> None:
        self._shared: WeakValueDictionary[tuple[int, bytes], Arrangement] = WeakValueDictionary()

    def find(self, names: Collection[bytes], plan: Plan, digest: bytes) -> Arrangement:
        """Return the arrangement of `names`, which have this digest."""
        key = (id(plan), digest)  # an arrangement keeps its plan, so no other plan gets its id
        found = self._shared.get(key)
        if found is None:
            found = self._shared[key] = arrange(names, plan, digest)
        return found


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
            column, start = column_of(name, plan), place
            prefix = column.oid if column is not None else _NOWHERE
    if column is not None:
        yield column, slice(start, len(names))


def _places(runs: Iterable[slice]) -> tuple[int, ...]:
    return tuple([place for run in runs for place in range(run.start, run.stop)])


def column_of(name: bytes, plan: Plan) -> Column | None:
    """Return the column with the shortest OID that `name` begins with."""
    for size in plan.column_sizes:
        column = plan.columns.get(name[:size])
        if column is not None:
            return column
    return None
