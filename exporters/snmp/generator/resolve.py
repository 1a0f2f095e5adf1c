"""A wish of `generator.yml` and a tree of MIBs → a module of `snmp.yml`, by the rules of snmp_exporter's generator.

The result is plain data in the order of the keys that the original writes. Raises GeneratorError for what cannot be
made; what is left out on the way (an index that no MIB explains) is said in `notes`.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from exporters.snmp.generator.columns import Columns
from exporters.snmp.generator.config import DynamicWish, LookupWish, ModuleWish
from exporters.snmp.generator.fetch import Block, Fetch, dotted, label_name, outermost
from exporters.snmp.generator.names import GeneratorError, Names
from exporters.snmp.mib.tree import Arcs, MibTree, Node, arcs_of


class Made(Struct, frozen=True):
    """A module, and what was left out of it."""

    module: Block
    notes: tuple[str, ...]


def make_module(wish: ModuleWish, tree: MibTree) -> Made:
    """Return the module that a wish means; raises GeneratorError."""
    return _Making(wish, tree).made()


class _Making:
    def __init__(self, wish: ModuleWish, tree: MibTree) -> None:
        self.wish = wish
        self.tree = tree
        self.names = Names(tree)
        self.columns = Columns(tree, wish.overrides)
        self.fetch = Fetch()
        self.instances: dict[Arcs, list[Arcs]] = {}
        self.filtered = {
            arcs: [arcs_of(index) or () for index in filtering.indices]
            for number, filtering in enumerate(wish.filters.static)
            for arcs in self.names.targets(filtering.targets, f"filters.static[{number}].targets")
        }

    def made(self) -> Made:
        roots = outermost([self.names.root(name, f"walk[{number}]") for number, name in enumerate(self.wish.walk)])
        tops = {node.arcs: node for node in map(self._top, roots)}
        metrics: list[tuple[Node, Block]] = []
        for top in sorted(tops.values(), key=lambda node: node.oid):
            metrics += [(node, metric) for node in self.tree.below(top.arcs) if (metric := self.columns.metric(node))]
        for node, metric in metrics:
            self._look_up(node, metric)
            self._check_pair(node, metric)
        blocks = [self.columns.finished(node, metric) for node, metric in metrics]
        self._apply_static_filters()
        unused = filter(None, map(self.names.unused_override, self.wish.overrides))
        return Made(self._module(blocks), tuple(dict.fromkeys([*self.columns.notes, *unused])))

    # what to fetch

    def _top(self, arcs: Arcs) -> Node:
        """Note what is to be fetched for a wanted OID; return the node whose objects become metrics."""
        node = self.tree.by_arcs.get(arcs)
        if node is not None:
            if node.readable and not node.indexes:
                self.fetch.gets.add((*arcs, 0))
            else:
                self.fetch.walks.add(arcs)
            return node
        above = self.tree.closest(arcs)
        if above is None or not above.readable or not above.indexes:
            oid = dotted(arcs)
            near = f"; the closest that is known is {above.name} ({above.oid})" if above else ""
            raise GeneratorError("walk", f"{oid} is neither in a MIB nor a row of a column{near}")
        self.fetch.gets.add(arcs)
        self.instances.setdefault(above.arcs, []).append(arcs[len(above.arcs) :])
        return above

    def _need(self, column: Node, metric: Node) -> None:
        """Have a column fetched that a metric is explained by."""
        rows = self.instances.get(metric.arcs)
        if rows:
            self.fetch.gets.update((*column.arcs, *row) for row in rows)
        else:
            self.fetch.walks.add(column.arcs)

    def _apply_static_filters(self) -> None:
        for arcs, indices in self.filtered.items():
            self.fetch.walks.discard(arcs)
            self.fetch.gets.update((*arcs, *index) for index in indices)

    # look-ups

    def _look_up(self, node: Node, metric: Block) -> None:
        needed = {name for wish in self.wish.lookups for name in wish.source_indexes}
        labels = [part.name for part in node.indexes if label_name(part.name) in _names(metric["indexes"])]
        lookups: list[Block] = []
        dropped: list[str] = []
        for number, wish in enumerate(self.wish.lookups):
            if sum(label in wish.source_indexes for label in labels) != len(wish.source_indexes):
                continue
            column = self._lookup_column(wish, number, node)
            lookups.append(_lookup_block(wish, column, self.columns.kind(column)))
            if column.name in needed:  # a later look-up goes on from here
                labels.append(column.name)
                metric["indexes"].append({"labelname": label_name(column.name), "type": self.columns.kind(column)})
            self._need(column, node)
            if column.arcs in self.filtered:
                self.fetch.walks.discard(node.arcs)
                self.fetch.gets.update((*node.arcs, *index) for index in self.filtered[column.arcs])
            if wish.drop_source_indexes:
                dropped += wish.source_indexes
        metric["lookups"] = [*lookups, *({"labels": [], "labelname": label_name(name)} for name in dropped)]

    def _lookup_column(self, wish: LookupWish, number: int, metric: Node) -> Node:
        path = f"lookups[{number}].lookup"
        column = self.names.column(wish.lookup, path, near=metric.arcs)
        if not self.columns.kind(column):
            raise GeneratorError(path, f"{wish.lookup!r} is no column, or of no usable type")
        return column

    def _check_pair(self, node: Node, metric: Block) -> None:
        """Make an address an OctetString where the column before does not say what it is; else have that fetched."""
        if metric["type"] not in {"InetAddress", "InetAddressMissingSize"}:
            return
        before = self.tree.by_arcs.get((*node.arcs[:-1], node.arcs[-1] - 1))
        if before is None or before.convention != "InetAddressType":
            metric["type"] = "OctetString"
        else:
            self._need(before, node)

    # the whole

    def _module(self, metrics: list[Block]) -> Block:
        wish = self.wish
        module: Block = {
            "walk": self.fetch.walk(),
            "get": self.fetch.get(),
            "metrics": metrics,
            "max_repetitions": wish.max_repetitions,
            "retries": wish.retries,
            "timeout": str(wish.timeout) if wish.timeout is not None else None,
            "allow_nonincreasing_oids": wish.allow_nonincreasing_oids,
            "use_unconnected_udp_socket": wish.use_unconnected_udp_socket,
            "filters": [self._dynamic(number, filtering) for number, filtering in enumerate(wish.filters.dynamic)],
        }
        return {key: value for key, value in module.items() if value is not None and value is not False and value != []}

    def _dynamic(self, number: int, filtering: DynamicWish) -> Block:
        path = f"filters.dynamic[{number}]"
        [column] = self.names.targets([filtering.oid], f"{path}.oid")
        targets = self.names.targets(filtering.targets, f"{path}.targets")
        return {"oid": dotted(column), "targets": list(map(dotted, targets)), "values": list(filtering.values)}


def _lookup_block(wish: LookupWish, column: Node, kind: str) -> Block:
    hint = column.hint if wish.display_hint == "@mib" else wish.display_hint
    block: Block = {
        "labels": [label_name(name) for name in wish.source_indexes],
        "labelname": label_name(column.name),
        "oid": column.oid,
        "type": kind,
        "enum_values": dict(column.enum) if kind == "EnumAsInfo" else {},
        "display_hint": hint,
    }
    return {key: value for key, value in block.items() if value}


def _names(indexes: Iterable[Mapping[str, Any]]) -> set[str]:
    return {str(index["labelname"]) for index in indexes}
