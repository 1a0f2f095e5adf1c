"""The labels of rows: rendered once for each row and shape, and remembered from one scrape to the next.

What is remembered is keyed by the index and by the raw values that were looked up, so that a renamed port gets new
labels at once; whatever a scrape did not use is forgotten after it.
"""

from collections.abc import Mapping
from typing import Any

from exporters.metric.samples import label_text
from exporters.snmp import oid
from exporters.snmp.ber import Element, unpacked
from exporters.snmp.display_hint import Hint
from exporters.snmp.index import split
from exporters.snmp.plan import COMBINED, Lookup, Shape
from exporters.snmp.values import enum_text, text, whole

Table = dict[bytes, Element]
"""Everything a device answered, by OID."""

Found = tuple[Element | None, Element | None]
"""A looked-up value and, for combined types, the one that tells its type."""

MOST_REMEMBERED = 200_000
"""Most label texts kept for one device and module; beyond it they are rendered again."""


class LabelCache:
    """Texts of the last scrape, and those that this one used."""

    __slots__ = ("_fresh", "_kept")

    def __init__(self) -> None:
        self._kept: dict[Any, Any] = {}
        self._fresh: dict[Any, Any] = {}

    def get(self, key: Any) -> Any:
        """Return what is remembered under a key, or None."""
        found = self._kept.get(key)
        if found is not None:
            self._fresh[key] = found
        return found

    def put(self, key: Any, value: Any) -> None:
        """Remember a value for the next scrape."""
        if len(self._fresh) < MOST_REMEMBERED:
            self._fresh[key] = value

    def turn(self) -> None:
        """End a scrape: forget what it did not use."""
        self._kept, self._fresh = self._fresh, {}

    def __len__(self) -> int:
        return len(self._kept)


class RowLabels(dict[bytes, str]):
    """The label text of each row of one shape by its index; made when first asked for."""

    __slots__ = ("_cache", "_shape", "_table")

    def __init__(self, shape: Shape, table: Table, cache: LabelCache) -> None:
        super().__init__()
        self._shape = shape
        self._table = table
        self._cache = cache

    def __missing__(self, index: bytes) -> str:
        found = self._found(index)
        key = (self._shape, index, found)
        rendered: str | None = self._cache.get(key)
        if rendered is None:
            rendered = label_text(_pairs(self._shape, index, found))
            self._cache.put(key, rendered)
        self[index] = rendered
        return rendered

    def with_label(self, index: bytes, name: str, value: str) -> str:
        """Return the row's labels and one more."""
        key = (self._shape, self[index], name, value)
        rendered: str | None = self._cache.get(key)
        if rendered is None:
            rendered = self._with(index, name, value)
            self._cache.put(key, rendered)
        return rendered

    def with_text(self, index: bytes, name: str, value: Element, kind: str, hint: Hint | None) -> str:
        """Return the row's labels and one more, which shows a value as a type does."""
        key = (self._shape, self[index], name, value, kind)
        rendered: str | None = self._cache.get(key)
        if rendered is None:
            rendered = self._with(index, name, text(unpacked(value), kind, hint))
            self._cache.put(key, rendered)
        return rendered

    def _with(self, index: bytes, name: str, value: str) -> str:
        return label_text([*_pairs(self._shape, index, self._found(index)), (name, value)])

    def _found(self, index: bytes) -> tuple[Found, ...]:
        shape = self._shape
        if not shape.lookups:
            return ()
        if shape.simple and _is_one_arc(index):
            get = self._table.get
            return tuple([(get(lookup.column + index), None) for lookup in shape.lookups])
        return _look_up(shape, index, self._table)


def _is_one_arc(index: bytes) -> bool:
    return (len(index) == 1 or (len(index) > 1 and min(index[:-1]) >= 0x80)) and index[-1] < 0x80


def _look_up(shape: Shape, index: bytes, table: Mapping[bytes, Element]) -> tuple[Found, ...]:
    """Return what each look-up finds, in order; a value that was found is the key of look-ups chained to it."""
    keys = {label: oid.encode_arcs(arcs) for label, _, arcs in split(oid.decode_arcs(index), shape.indexes)}
    results: list[Found] = []
    for lookup in shape.lookups:
        found = _look_up_one(lookup, keys, table)
        results.append(found)
        if found[0] is not None:
            number = whole(unpacked(found[0]))
            keys[lookup.label] = oid.encode_arcs([number]) if number >= 0 else _NOWHERE
    return tuple(results)


_NOWHERE = b"\xff"  # no OID ends in an open arc


def _look_up_one(lookup: Lookup, keys: Mapping[str, bytes], table: Mapping[bytes, Element]) -> Found:
    if not lookup.sources or not all(source in keys for source in lookup.sources):
        return None, None
    row = b"".join([keys[source] for source in lookup.sources])
    found = table.get(lookup.column + row)
    previous = None
    if found is not None and lookup.previous is not None:
        previous = table.get(lookup.previous + row)
    return found, previous


def _pairs(shape: Shape, index: bytes, found: tuple[Found, ...]) -> list[tuple[str, str]]:
    labels = {label: shown for label, shown, _ in split(oid.decode_arcs(index), shape.indexes)}
    for lookup, (value, previous) in zip(shape.lookups, found, strict=True):
        if not lookup.sources:
            labels.pop(lookup.label, None)
        else:
            labels[lookup.label] = _looked_up_text(lookup, value, previous) if value is not None else ""
    return list(labels.items())


def _looked_up_text(lookup: Lookup, element: Element, previous: Element | None) -> str:
    value = unpacked(element)
    if lookup.type == "EnumAsInfo" and lookup.enum:
        return enum_text(whole(value), lookup.enum)
    if lookup.type in COMBINED:
        return text(value, combined_type(lookup.type, previous))
    return text(value, lookup.type, lookup.hint)


def combined_type(kind: str, previous: Element | None) -> str:
    """Return the actual type that the column before tells, or OctetString."""
    return COMBINED[kind].get(whole(unpacked(previous)), "OctetString") if previous is not None else "OctetString"
