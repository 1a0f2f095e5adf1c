"""The labels of rows: rendered once for each row and shape, and remembered from one scrape to the next.

Labels are a function of the index and of what was read from the table to look them up. Both are remembered: when the
same OIDs hold the same raw values, the labels are the same; a renamed port gets new ones at once. Whatever a scrape did
not use is forgotten after it.
"""

from collections.abc import Callable, Mapping, Sequence

from exporters.metric.blocks import Rows
from exporters.metric.samples import label_text
from exporters.snmp import oid
from exporters.snmp.ber import Element, unpacked
from exporters.snmp.decoding.columns import Group, Table, is_one_arc
from exporters.snmp.decoding.index import split
from exporters.snmp.decoding.values import enum_text, text, whole
from exporters.snmp.errors import WalkError
from exporters.snmp.plan import COMBINED, Lookup, Shape

Found = tuple[Element | None, Element | None]
"""A looked-up value and, for combined types, the one that tells its type."""

MOST_CHARACTERS = 128 << 20
"""Most characters of label texts in one module of one scrape: three times those of the largest device known.

A device that has one name of 64 KB looked up for each of its rows would fill the memory without this.
"""

_NOWHERE = b"\xff"  # no OID ends in an open arc


class RowLabels:
    """The label texts of a group's rows, and what was read to make them."""

    __slots__ = ("_ends", "_names", "_seen", "group", "is_printable", "rows")

    def __init__(self, group: Group, table: Table, *, is_printable: bool, before: "RowLabels | None" = None) -> None:
        """Look up and render; a row for which `before` read the same keeps its text. Raises WalkError, GarbledError."""
        self.group = group
        self.is_printable = is_printable
        names: list[bytes] = []
        seen: list[Element | None] = []
        ends: list[int] = []
        known = before.texts(table) if before is not None and before.is_printable == is_printable else {}
        texts: list[str] = []
        characters = 0
        for index in group.indexes:
            shown = known.get(index)
            if shown is None:
                shown = _read(group.shape, index, table, is_printable=is_printable)
            label, read = shown
            texts.append(label)
            names += read
            seen += map(table.get, read)
            ends.append(len(names))
            characters = counted(characters, len(label))
        self.rows = Rows(texts)
        self._names, self._seen, self._ends = tuple(names), seen, ends

    def holds(self, table: Table) -> bool:
        """Whether a table leads to the same labels."""
        return list(map(table.get, self._names)) == self._seen

    def texts(self, table: Table) -> dict[bytes, tuple[str, Sequence[bytes]]]:
        """Return by index the text, and what is read for it, of the rows that a table leaves as they are."""
        found: dict[bytes, tuple[str, Sequence[bytes]]] = {}
        start = 0
        for index, label, end in zip(self.group.indexes, self.rows.labels, self._ends, strict=True):
            read = self._names[start:end]
            if list(map(table.get, read)) == self._seen[start:end]:
                found[index] = (label, read)
            start = end
        return found

    def with_own(self, name: str, own: Sequence[tuple[int, str]], table: Table) -> list[str]:
        """Return the label texts of the rows at these places with a label more."""
        return [label_text([*self._pairs(place, table), (name, text)]) for place, text in own]

    def _pairs(self, place: int, table: Table) -> list[tuple[str, str]]:
        index, shape = self.group.indexes[place], self.group.shape
        return _pairs(shape, index, _look_up(shape, index, table.get), is_printable=self.is_printable)


def counted(characters: int, more: int) -> int:
    """Return the sum; raises WalkError beyond the bound."""
    characters += more
    if characters > MOST_CHARACTERS:
        raise WalkError(f"the labels of one module have more than {MOST_CHARACTERS >> 20} million characters")
    return characters


def _read(shape: Shape, index: bytes, table: Table, *, is_printable: bool) -> tuple[str, Sequence[bytes]]:
    """Render the labels of a row; the second value is the OIDs that were read."""
    names: list[bytes] = []

    def get(name: bytes) -> Element | None:
        names.append(name)
        return table.get(name)

    found = _look_up(shape, index, get)
    return label_text(_pairs(shape, index, found, is_printable=is_printable)), names


def _look_up(shape: Shape, index: bytes, get: Callable[[bytes], Element | None]) -> Sequence[Found]:
    """Return what each look-up finds, in order; a value that was found is the key of look-ups chained to it."""
    if not shape.lookups:
        return ()
    if shape.simple and is_one_arc(index):
        return [(get(lookup.column + index), None) for lookup in shape.lookups]
    keys = {label: oid.encode_arcs(arcs) for label, _, arcs in split(oid.decode_arcs(index), shape.indexes)}
    results: list[Found] = []
    for lookup in shape.lookups:
        found = _look_up_one(lookup, keys, get)
        results.append(found)
        if found[0] is not None:
            number = whole(unpacked(found[0]))
            keys[lookup.label] = oid.encode_arcs([number]) if number >= 0 else _NOWHERE
    return results


def _look_up_one(lookup: Lookup, keys: Mapping[str, bytes], get: Callable[[bytes], Element | None]) -> Found:
    if not lookup.sources or not all(source in keys for source in lookup.sources):
        return None, None
    row = b"".join([keys[source] for source in lookup.sources])
    found = get(lookup.column + row)
    previous = None
    if found is not None and lookup.previous is not None:
        previous = get(lookup.previous + row)
    return found, previous


def _pairs(shape: Shape, index: bytes, found: Sequence[Found], *, is_printable: bool) -> list[tuple[str, str]]:
    labels = {label: shown for label, shown, _ in split(oid.decode_arcs(index), shape.indexes)}
    if not shape.lookups:
        return list(labels.items())
    for lookup, (value, previous) in zip(shape.lookups, found, strict=True):
        if not lookup.sources:
            labels.pop(lookup.label, None)
        elif value is None:
            labels[lookup.label] = ""
        else:
            labels[lookup.label] = looked_up_text(lookup, value, previous, is_printable=is_printable)
    return list(labels.items())


def looked_up_text(lookup: Lookup, element: Element, previous: Element | None, *, is_printable: bool) -> str:
    """Return a looked-up value as a label shows it; `previous` tells the type of combined ones."""
    value = unpacked(element)
    if lookup.type == "EnumAsInfo" and lookup.enum:
        return enum_text(whole(value), lookup.enum)
    kind = combined_type(lookup.type, previous) if lookup.type in COMBINED else lookup.type
    return text(value, kind, lookup.hint, is_printable=is_printable)


def combined_type(kind: str, previous: Element | None) -> str:
    """Return the actual type that the column before tells, or OctetString."""
    return COMBINED[kind].get(whole(unpacked(previous)), "OctetString") if previous is not None else "OctetString"
