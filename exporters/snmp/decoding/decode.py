"""A walk's table and a compiled plan → samples, a column at a time. Pure: no socket, no clock."""

from collections.abc import Iterator, Mapping, Sequence
from operator import is_not, itemgetter

from exporters.metric.blocks import Block, SampleBlocks, blocks_of
from exporters.metric.samples import Sample
from exporters.snmp.ber import COUNTER64, INTEGER, MOST_INTEGER_BYTES, Element, unpacked
from exporters.snmp.decoding import values
from exporters.snmp.decoding.cells import cells, scaled, width
from exporters.snmp.decoding.columns import Arrangement, Table
from exporters.snmp.decoding.labels import LabelCache, Labels, Previous, Told, labels_of
from exporters.snmp.decoding.row_labels import MOST_CHARACTERS
from exporters.snmp.decoding.row_scale import by_row
from exporters.snmp.decoding.values import number
from exporters.snmp.errors import WalkError
from exporters.snmp.plan import COMBINED, Column, Plan, Shape

MOST_SAMPLES = 2_000_000
"""Most samples of one module in one scrape: 4 times those of the largest device known."""

PLAIN = frozenset({"gauge", "counter", "Float", "Double"})
"""Types whose values are numbers as they come: most of all samples."""

Numbers = tuple[Sequence[float | int], bool]
"""Values, and whether every one is an int."""


def samples(
    table: Table, plan: Plan, cache: LabelCache, *, wrap: int = values.WRAP, printable: bool = False
) -> SampleBlocks:
    """Return the samples of a module; `wrap` is the modulus of Counter64, or 0.

    With `printable` octets of no stated form are shown as text where they are text (`values.octets_text`).
    Raises GarbledError where a value cannot be what its module says, WalkError where there is too much of it. What the
    next scrape can use again is left in `cache`.
    """
    return SampleBlocks(_Decoding(table, plan, cache, wrap=wrap, is_printable=printable).blocks())


class _Decoding:
    """One module of one scrape."""

    def __init__(self, table: Table, plan: Plan, cache: LabelCache, *, wrap: int, is_printable: bool) -> None:
        if cache.is_printable != is_printable:
            cache.forget()
        self._table = table
        self._cache = cache
        self._wrap = wrap
        self._is_printable = is_printable
        self._arrangement = cache.arranged(table, plan)
        self._is_known = self._arrangement is cache.arrangement

    def blocks(self) -> Iterator[Block]:
        """Decode column after column, and remember at the end."""
        groups = self._row_labels()
        if not self._is_known or any(map(is_not, groups, self._cache.groups)):
            _weigh(self._arrangement, groups)
        told: dict[Column, Told] = {}
        elements = list(self._table.values())
        for part in self._arrangement.parts:
            labels, own = groups[part.group], part.values(elements)
            if part.column.type in PLAIN:
                yield self._plain(part.column, own, labels)
            else:
                found = told[part.column] = self._told(part.column, own, labels)
                yield from found.blocks
        self._cache.keep(self._arrangement, groups, told, is_printable=self._is_printable)

    def _row_labels(self) -> list[Labels]:
        """Return the labels of each group: those of the last scrape where they hold."""
        before: Sequence[Labels | None] = self._cache.groups
        if not self._is_known:
            largest: dict[Shape, Labels] = {}
            for labels in sorted(self._cache.groups, key=lambda labels: len(labels.rows)):
                largest[labels.group.shape] = labels
            before = [largest.get(group.shape) for group in self._arrangement.groups]
        return [
            known
            if self._is_known and known is not None and known.holds(self._table)
            else labels_of(group, self._table, is_printable=self._is_printable, before=known)
            for group, known in zip(self._arrangement.groups, before, strict=True)
        ]

    def _plain(self, column: Column, elements: Sequence[Element], labels: Labels) -> Block:
        found, is_whole = _numbers(elements, self._wrap)
        if column.row_scale is not None or column.row_precision is not None:
            found, is_whole = by_row(column, labels.group.indexes, found, self._table), False
        if column.scale or column.offset:
            found, is_whole = [scaled(column, value) for value in found], False
        return Block(column.family, labels.rows, found, is_whole)

    def _told(self, column: Column, elements: Sequence[Element], labels: Labels) -> Told:
        """Return the samples of a column that is no plain number: those of the last scrape where nothing changed."""
        prefix = column.previous if column.type in COMBINED else None
        indexes = labels.group.indexes
        previous = [self._table.get(prefix + index) if prefix is not None else None for index in indexes]
        before = self._cache.told.get(column)
        if before is not None and before.holds(labels.rows, elements, previous):
            return before
        known = before.texts(column, is_printable=self._is_printable) if before is not None else {}
        return Told(
            labels.rows, elements, previous, blocks_of(self._samples(column, elements, previous, labels, known))
        )

    def _samples(
        self,
        column: Column,
        elements: Sequence[Element],
        previous: Previous,
        labels: Labels,
        known: Mapping[tuple[str, str | None], str],
    ) -> list[Sample]:
        """Return the samples of a column that is no plain number; `known` are label texts made before."""
        rows = labels.rows.labels
        found = [
            (place, cell)
            for place, (element, before) in enumerate(zip(elements, previous, strict=True))
            for cell in cells(column, element, before, is_printable=self._is_printable)
        ]
        if column.name in column.shape.labels:
            return [(family, rows[place], value) for place, (family, _, value) in found]
        own = [(place, own) for place, (_, own, _) in found if own is not None]
        new = [(place, text) for place, text in own if (rows[place], text) not in known]
        texts = dict(zip(new, labels.with_own(column.name, new, self._table), strict=True))
        return [
            (family, rows[place] if own is None else known.get((rows[place], own)) or texts[place, own], value)
            for place, (family, own, value) in found
        ]


def _weigh(arrangement: Arrangement, groups: Sequence[Labels]) -> None:
    """Count samples and characters before they are made; raises WalkError beyond the bounds."""
    times = [(width(part.column), groups[part.group].rows) for part in arrangement.parts]
    if sum(count * len(rows) for count, rows in times) > MOST_SAMPLES:
        raise WalkError(f"one module gives more than {MOST_SAMPLES} samples")
    if sum(count * rows.size for count, rows in times) > MOST_CHARACTERS:
        raise WalkError(f"the labels of one module have more than {MOST_CHARACTERS >> 20} million characters")


def _numbers(elements: Sequence[Element], wrap: int) -> Numbers:
    """Return plain numbers; a whole column goes through each step at once."""
    found = _whole_numbers(elements, wrap)
    if found is not None:
        return found, True
    return [number(*unpacked(element), wrap=wrap) for element in elements], False


def _whole_numbers(elements: Sequence[Element], wrap: int) -> Sequence[int] | None:
    """Return the numbers of a column in which all have one tag, and one of the usual; None for others."""
    tags = set(map(_TAG, elements))
    if len(tags) != 1 or max(map(len, elements)) > MOST_INTEGER_BYTES + 2:
        return None
    contents = list(map(_CONTENT, elements))
    tag = tags.pop()
    if tag == INTEGER and max(contents) >= b"\x80":  # the first byte has the sign
        return [int.from_bytes(content, signed=True) for content in contents]
    if tag == INTEGER or tag in values.UNSIGNED32:
        return list(map(int.from_bytes, contents))
    if tag == COUNTER64:
        found = list(map(int.from_bytes, contents))
        return [value % wrap for value in found] if wrap and max(found) >= wrap else found
    return None


_TAG = itemgetter(0)
_CONTENT = itemgetter(slice(2, None))
