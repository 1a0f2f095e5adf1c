"""The tree of OIDs that a set of MIBs defines: its nodes, and finding them by name, `MIB::name` or OID."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from heronwatch.faults import Fault

Arcs = tuple[int, ...]


class IndexPart(Struct, frozen=True):
    """A part of a row's index: its label's name, and the node that defines it; in SMIv1 it may be only a type."""

    name: str
    node: Arcs | None = None
    implied: bool = False
    kind: str = ""


class Node(Struct, frozen=True, kw_only=True):
    """A name in the tree. `kind` is "" for nodes, tables and rows."""

    name: str
    module: str
    arcs: Arcs
    kind: str = ""
    convention: str = ""
    hint: str = ""
    access: str = ""
    description: str = ""
    enum: Mapping[int, str] = {}
    fixed_size: int = 0
    indexes: tuple[IndexPart, ...] = ()

    @property
    def oid(self) -> str:
        """Return the OID in numbers."""
        return ".".join(map(str, self.arcs))

    @property
    def readable(self) -> bool:
        """Whether it may be a metric: also columns that are only an index, which some agents answer all the same."""
        return bool(self.kind) and self.access in {"read-only", "read-write", "read-create", "not-accessible"}


class MibTree:
    """Nodes in the order of their OIDs, found by name, `MIB::name` or OID."""

    def __init__(self, nodes: Iterable[Node], names: Mapping[str, Arcs], faults: Sequence[Fault] = ()) -> None:
        self.faults = tuple(faults)
        self.by_arcs = {node.arcs: node for node in nodes}
        self.ordered = sorted(self.by_arcs)
        self.by_name: dict[str, list[Node]] = {}
        for arcs in self.ordered:
            node = self.by_arcs[arcs]
            self.by_name.setdefault(node.name, []).append(node)
            self.by_name.setdefault(f"{node.module}::{node.name}", []).append(node)
        for name, arcs in names.items():  # also those of objects that another module's stands for
            self.by_name.setdefault(name, [self.by_arcs[arcs]])

    def find(self, name: str, near: Arcs = ()) -> Node | None:
        """Return the node of a name or an OID: of several that in the same row as `near`, else the last."""
        if name[:1].isdigit() or name.startswith("."):
            return self.by_arcs.get(arcs_of(name) or ())
        found = self.by_name.get(name, [])
        beside = [node for node in found if near and node.arcs[: len(near) - 1] == near[:-1]]
        matching = beside or found
        return matching[-1] if matching else None

    def below(self, root: Arcs) -> list[Node]:
        """Return a node and all below it, in the order of their OIDs."""
        first = bisect_left(self.ordered, root)
        last = bisect_left(self.ordered, (*root[:-1], root[-1] + 1)) if root else len(self.ordered)
        return [self.by_arcs[arcs] for arcs in self.ordered[first:last]]

    def closest(self, arcs: Arcs) -> Node | None:
        """Return the node that an OID is below or at."""
        for size in range(len(arcs), 0, -1):
            if (node := self.by_arcs.get(arcs[:size])) is not None:
                return node
        return None


def arcs_of(text: str) -> Arcs | None:
    """Return an OID's arcs; None for what is none.

    >>> arcs_of("1.3.6"), arcs_of("ifTable")
    ((1, 3, 6), None)
    """
    parts = text.removeprefix(".").split(".")
    return tuple(map(int, parts)) if all(part.isascii() and part.isdigit() for part in parts) else None
