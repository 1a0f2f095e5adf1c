"""What a scrape of one module on one device leaves to the next.

Nothing of it is believed: each piece is used again only where the device says now what it said then.
"""

from collections.abc import Mapping, Sequence

from exporters.metric.blocks import Block, Rows
from exporters.snmp.ber import Element
from exporters.snmp.decoding.cells import cells
from exporters.snmp.decoding.columns import Arrangement, Arrangements, Group, Table, digest_of
from exporters.snmp.decoding.row_labels import RowLabels
from exporters.snmp.decoding.simple_labels import SimpleLabels
from exporters.snmp.plan import Column, Plan

MOST_REMEMBERED = 200_000
"""Most label texts kept for one device and module; beyond it they are rendered again."""

MOST_CHARACTERS = 32 << 20
"""Most characters of label texts kept for one device and module."""

Labels = RowLabels | SimpleLabels

Previous = Sequence[Element | None]
"""For types of several forms: by row, the value of the column before, which tells the form."""


def labels_of(group: Group, table: Table, *, is_printable: bool, before: Labels | None) -> Labels:
    """Look up and render the labels of a group's rows; what `before` rendered is used again where it is the same."""
    if group.simple:
        rows = before.rows if before is not None else None
        return SimpleLabels(group, table, is_printable=is_printable, before=rows)
    alike = before if isinstance(before, RowLabels) else None
    return RowLabels(group, table, is_printable=is_printable, before=alike)


class Told:
    """A column that is no plain number: its values as they came, and the samples they gave."""

    __slots__ = ("blocks", "elements", "previous", "rows")

    def __init__(self, rows: Rows, elements: Sequence[Element], previous: Previous, blocks: list[Block]) -> None:
        self.rows = rows
        self.elements = elements
        self.previous = previous
        self.blocks = blocks

    def holds(self, rows: Rows, elements: Sequence[Element], previous: Previous) -> bool:
        """Whether the same rows have the same values."""
        return self.rows is rows and self.elements == elements and self.previous == previous

    def texts(self, column: Column, *, is_printable: bool) -> Mapping[tuple[str, str | None], str]:
        """Return the label texts by the row's text and the own label's value."""
        keys = [
            (row, own)
            for row, element, previous in zip(self.rows.labels, self.elements, self.previous, strict=True)
            for _, own, _ in cells(column, element, previous, is_printable=is_printable)
        ]
        return dict(zip(keys, [label for block in self.blocks for label in block.rows.labels], strict=True))


class LabelCache:
    """The memory of one module on one device."""

    __slots__ = ("_arrangements", "arrangement", "groups", "is_printable", "told")

    def __init__(self, arrangements: Arrangements | None = None) -> None:
        self._arrangements = arrangements or Arrangements()
        self.forget()

    def arranged(self, table: Table, plan: Plan) -> Arrangement:
        """Return where everything stands in a table: as in the scrape before, where it has the same OIDs."""
        digest = digest_of(table)
        known = self.arrangement
        return known if known and known.fits(plan, digest) else self._arrangements.find(table, plan, digest)

    def forget(self) -> None:
        """Begin anew."""
        self.arrangement: Arrangement | None = None
        self.groups: Sequence[Labels] = ()
        self.told: Mapping[Column, Told] = {}
        self.is_printable = False

    def keep(
        self,
        arrangement: Arrangement,
        groups: Sequence[Labels],
        told: Mapping[Column, Told],
        *,
        is_printable: bool,
    ) -> None:
        """Remember what a scrape used and forget the rest; remember nothing where that is too much."""
        self.arrangement, self.groups, self.told, self.is_printable = arrangement, groups, told, is_printable
        if len(self) > MOST_REMEMBERED or sum(rows.size for rows in self._texts()) > MOST_CHARACTERS:
            self.forget()

    def __len__(self) -> int:
        """Count the label texts."""
        return sum(map(len, self._texts()))

    def _texts(self) -> list[Rows]:
        own = [block.rows for told in self.told.values() for block in told.blocks]
        return [*(labels.rows for labels in self.groups), *own]
