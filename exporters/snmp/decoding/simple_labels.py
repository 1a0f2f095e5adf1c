"""The labels of rows whose whole index is one number and the key of every look-up: most tables there are.

Nothing depends on another row or look-up then, so labels are made by the column, many times faster than row by row
(`row_labels`), which gives the same texts. What depends on the indexes alone is shared by all devices that have them.
"""

from collections.abc import Mapping, Sequence

from exporters.metric.blocks import Rows
from exporters.metric.samples import escape_label
from exporters.snmp.ber import OCTET_STRING, Element
from exporters.snmp.decoding.columns import Group, Table
from exporters.snmp.decoding.row_labels import counted, looked_up_text
from exporters.snmp.plan import Lookup

LONGEST_SHORT = 2 + 0x7F
"""Bytes of the longest element whose length is one byte."""


class SimpleLabels:
    """The label texts of a simple group's rows, and what was read to make them; as `RowLabels`."""

    __slots__ = ("_seen", "group", "is_printable", "rows")

    def __init__(self, group: Group, table: Table, *, is_printable: bool, before: Rows | None = None) -> None:
        """Look up and render; a text that `before` has, too, stays the same object. Raises WalkError, GarbledError."""
        self.group = group
        self.is_printable = is_printable
        self._seen = list(map(table.get, group.read))
        texts = _rendered(self._fields())
        if before is not None:
            known = dict(zip(before.labels, before.labels, strict=True))
            texts = [known.get(text, text) for text in texts]
        self.rows = Rows(texts)

    def holds(self, table: Table) -> bool:
        """Whether a table leads to the same labels."""
        return list(map(table.get, self.group.read)) == self._seen

    def with_own(self, name: str, own: Sequence[tuple[int, str]], table: Table) -> list[str]:  # noqa: ARG002  as RowLabels
        """Return the label texts of the rows at these places with a label more."""
        fields: dict[str, Sequence[str]] = {
            label: [texts[place] for place, _ in own] for label, texts in self._fields().items()
        }
        fields[name] = _escaped([text for _, text in own])
        return _rendered(fields)

    def _fields(self) -> dict[str, Sequence[str]]:
        """Return the escaped texts of each label, by row."""
        size = len(self.group.indexes)
        fields: dict[str, Sequence[str]] = {self.group.shape.indexes[0].label: self.group.numbers}
        characters = 0
        for number, lookup in enumerate(self.group.shape.lookups):
            elements = self._seen[number * size : (number + 1) * size]
            texts = _escaped(_texts(lookup, elements, is_printable=self.is_printable))
            characters = counted(characters, sum(map(len, texts)))
            fields[lookup.label] = texts
        return fields


def _texts(lookup: Lookup, elements: Sequence[Element | None], *, is_printable: bool) -> Sequence[str]:
    if lookup.type == "DisplayString":
        found = [element for element in elements if element is not None]
        if len(found) == len(elements) and all(map(_is_short_string, found)):
            try:
                return [element[2:].decode() for element in found]
            except UnicodeDecodeError:
                pass
    return [
        "" if element is None else looked_up_text(lookup, element, None, is_printable=is_printable)
        for element in elements
    ]


def _is_short_string(element: Element) -> bool:
    return element[0] == OCTET_STRING and len(element) <= LONGEST_SHORT


def _escaped(texts: Sequence[str]) -> Sequence[str]:
    joined = "".join(texts)
    if "\\" in joined or '"' in joined or "\n" in joined:
        return list(map(escape_label, texts))
    return texts


def _rendered(fields: Mapping[str, Sequence[str]]) -> list[str]:
    """Return what `label_text` gives for each row.

    >>> _rendered({"ifName": ["eth0", "eth1"], "ifIndex": ["1", "2"]})
    ['{ifIndex="1",ifName="eth0"}', '{ifIndex="2",ifName="eth1"}']
    """
    names = sorted(fields)
    template = "{" + ",".join([name.replace("%", "%%") + '="%s"' for name in names]) + "}"
    return list(map(template.__mod__, zip(*[fields[name] for name in names], strict=True)))
