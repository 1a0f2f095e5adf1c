"""The way through one module's subtrees on one device, learnt from scrape to scrape. Pure.

One request at a time walks each subtree as a whole, or by column where the first walk showed that this takes clearly
fewer packets. A window walks by column at first, and then the pieces of which the last scrape was made.
"""

from collections.abc import Collection, Iterable, Iterator
from operator import methodcaller

from exporters.snmp import layout
from exporters.snmp.ber import Steps
from exporters.snmp.fetched import Fetched
from exporters.snmp.layout import Room, Stretch
from exporters.snmp.pace import Pace
from exporters.snmp.plan import Plan, Root
from exporters.snmp.walk import stretch, subtree
from exporters.snmp.window import Window

NOTHING: frozenset[bytes] = frozenset()


class Route:
    """What is known of the subtrees of one module on one device."""

    __slots__ = ("_narrow", "_pieces", "_room")

    def __init__(self) -> None:
        self._narrow: dict[bytes, bool] = {}
        self._room: Room | None = None
        self._pieces: dict[bytes, tuple[tuple[bytes, ...], list[Stretch]]] = {}

    def tasks(
        self,
        plan: Plan,
        roots: Iterable[bytes],
        fetched: Fetched,
        *,
        version: int,
        pace: Pace,
        window: Window,
        skip: Collection[bytes] = NOTHING,
    ) -> Iterator[Steps]:
        """Yield the walks of `roots`, without the columns to `skip`."""
        for root in roots:
            parts = self._parts(plan, _root(plan, root), window, skip)
            if parts is None:
                yield subtree(root, fetched, version=version, pace=pace, loose=plan.loose_order)
            else:
                for part in parts:
                    yield stretch(root, part, fetched, version=version, pace=pace)

    def _parts(self, plan: Plan, root: Root, window: Window, skip: Collection[bytes]) -> list[Stretch] | None:
        """Return the stretches to walk; None for the whole subtree."""
        columns = tuple(column for column in root.columns if column not in skip)
        if root.columns and not columns:
            return []
        if plan.loose_order:
            return None
        if window.size > 1:
            known, pieces = self._pieces.get(root.oid, ((), []))
            if known == columns and pieces:
                return pieces
            return layout.by_column(columns) or [Stretch(root.oid)]
        if columns != root.columns or self._narrow.get(root.oid):
            return layout.joined(columns)
        return None

    def learn(self, plan: Plan, fetched: Fetched, *, pace: Pace, skip: Collection[bytes] = NOTHING) -> None:
        """Remember what a complete scrape showed."""
        for oid, replies in fetched.replies.items():
            columns = tuple(column for column in _root(plan, oid).columns if column not in skip)
            known, pieces = self._pieces.get(oid, ((), []))
            if known != columns or len(pieces) != len(replies):
                room = self._room = layout.room_of(replies, self._room or Room(pace.repetitions or 1))
                whole = layout.joined(columns) or [Stretch(oid)]
                table = {name: value for name, value in fetched.table.items() if name.startswith(oid)}
                divided = layout.pieces(whole, table, room)
                self._pieces[oid] = (columns, divided)
        for oid, packets in fetched.packets.items():
            if oid not in self._narrow:
                names = filter(methodcaller("startswith", oid), fetched.table)
                self._narrow[oid] = layout.is_cheaper(_root(plan, oid).columns, names, packets=packets)


def _root(plan: Plan, oid: bytes) -> Root:
    return plan.roots.get(oid) or Root(oid, (), frozenset())
