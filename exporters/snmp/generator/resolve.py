"""A wish of `generator.yml` and a tree of MIBs → a module of `snmp.yml`, by the rules of snmp_exporter's generator.

The result is plain data in the order of the keys that the original writes. Raises GeneratorError for what cannot be
made; what is left out on the way (an index that no MIB explains) is said in `notes`.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from exporters.snmp.generator.config import LookupWish, ModuleWish, Override
from exporters.snmp.generator.fetch import Fetch, dotted, label_name, outermost
from exporters.snmp.mib.tree import Arcs, IndexPart, MibTree, Node, arcs_of
from heronwatch.words import nearest

Block = dict[str, Any]

_TYPE_BEFORE = {
    "InetAddress": "InetAddressType",
    "InetAddressMissingSize": "InetAddressType",
    "LldpPortId": "LldpPortIdSubtype",
}
"""The convention of the index or column that must stand before a combined type."""


class GeneratorError(Exception):
    """A wish that cannot be fulfilled; the path says which."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path
        self.message = message


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
        self.fetch = Fetch()
        self.instances: dict[Arcs, list[Arcs]] = {}
        self.notes: list[str] = []
        self.filtered = {
            arcs: [arcs_of(index) or () for index in filtering.indices]
            for number, filtering in enumerate(wish.filters.static)
            for arcs in self._targets(filtering.targets, f"filters.static[{number}].targets")
        }

    def made(self) -> Made:
        roots = [self._root(name, number) for number, name in enumerate(self.wish.walk)]
        roots = outermost(roots)
        tops = {node.arcs: node for node in map(self._top, roots)}
        metrics: list[tuple[Node, Block]] = []
        for top in sorted(tops.values(), key=lambda node: node.oid):
            metrics += [(node, metric) for node in self.tree.below(top.arcs) if (metric := self._metric(node))]
        for node, metric in metrics:
            self._look_up(node, metric)
            self._check_pair(node, metric)
        blocks = [self._finished(node, metric) for node, metric in metrics]
        self._apply_static_filters()
        self._note_unused_overrides()
        return Made(self._module(blocks), tuple(dict.fromkeys(self.notes)))

    # what to fetch

    def _root(self, name: str, number: int) -> Arcs:
        node = self._named(name)
        arcs = node.arcs if node is not None else _with_instance(name, self.tree)
        if arcs is None:
            raise GeneratorError(f"walk[{number}]", f"{name!r} is in no MIB{self._suggestion(name)}")
        return arcs

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

    def _targets(self, names: Iterable[str], path: str) -> list[Arcs]:
        found = []
        for name in names:
            node = self._named(name)
            arcs = node.arcs if node is not None else arcs_of(name)
            if arcs is None:
                raise GeneratorError(path, f"{name!r} is in no MIB{self._suggestion(name)}")
            found.append(arcs)
        return found

    def _apply_static_filters(self) -> None:
        for arcs, indices in self.filtered.items():
            self.fetch.walks.discard(arcs)
            self.fetch.gets.update((*arcs, *index) for index in indices)

    # a metric

    def _metric(self, node: Node) -> Block | None:
        override = self._override(node)
        kind = override.type or node.kind
        if not kind or not (node.readable or (override.type and node.access)) or override.ignore:
            return None
        indexes = self._indexes(node)
        if indexes is None:
            return None
        help_text = f"{node.description} - {node.oid}"
        return {"name": label_name(node.name), "oid": node.oid, "type": kind, "help": help_text, "indexes": indexes}

    def _indexes(self, node: Node) -> list[Block] | None:
        """Return the labels of a row's index; None (and a note) where one cannot be understood."""
        found: list[Block] = []
        conventions: list[str] = []
        for part in node.indexes:
            index = self._index_node(part)
            kind = part.kind or (self._kind(index) if index is not None else "")
            if index is None or not kind:
                self.notes.append(f"{node.name} is left out: its index {part.name} is in no MIB or of no usable type")
                return None
            if kind in _TYPE_BEFORE:
                before = [at for at in (1, 2) if conventions[-at:][:1] == [_TYPE_BEFORE[kind]]]
                if not before:
                    self.notes.append(f"{node.name} is left out: no {_TYPE_BEFORE[kind]} before its index {part.name}")
                    return None
                del found[-before[0] :]
            conventions.append(index.convention)
            found.append(_index_block(part, index, kind))
        return found

    def _index_node(self, part: IndexPart) -> Node | None:
        node = self.tree.by_arcs.get(part.node) if part.node else None
        return node if node is not None and node.name == part.name else self.tree.find(part.name)  # a row, in SMIv1

    def _kind(self, node: Node) -> str:
        return self._override(node).type or node.kind

    def _override(self, node: Node) -> Override:
        overrides = self.wish.overrides
        for key in (f"{node.module}::{node.name}", node.oid, node.name, label_name(node.name)):
            if key in overrides:
                return overrides[key]
        return _NOTHING

    def _finished(self, node: Node, metric: Block) -> Block:
        """Add what an override says, and leave out what is empty."""
        override = self._override(node)
        hint = node.hint if override.display_hint == "@mib" else override.display_hint
        if override.display_hint == "@mib" and not hint:
            self.notes.append(f"{node.name} has no DISPLAY-HINT in its MIB: @mib does nothing")
        block = metric | {
            "name": override.name or metric["name"],
            "help": override.help or metric["help"],
            "regex_extracts": {
                suffix: [{"regex": extract.regex.pattern, "value": extract.value} for extract in extracts]
                for suffix, extracts in override.regex_extracts.items()
            },
            "datetime_pattern": override.datetime_pattern,
            "offset": _plain(override.offset),
            "scale": _plain(override.scale),
            "enum_values": dict(node.enum),
            "display_hint": hint,
        }
        return {key: value for key, value in block.items() if value}

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
            lookups.append(self._lookup_block(wish, column))
            if column.name in needed:  # a later look-up goes on from here
                labels.append(column.name)
                metric["indexes"].append({"labelname": label_name(column.name), "type": self._kind(column)})
            self._need(column, node)
            if column.arcs in self.filtered:
                self.fetch.walks.discard(node.arcs)
                self.fetch.gets.update((*node.arcs, *index) for index in self.filtered[column.arcs])
            if wish.drop_source_indexes:
                dropped += wish.source_indexes
        metric["lookups"] = [*lookups, *({"labels": [], "labelname": label_name(name)} for name in dropped)]

    def _lookup_column(self, wish: LookupWish, number: int, metric: Node) -> Node:
        column = self._named(wish.lookup, metric.arcs)
        if column is None:
            suggestion = self._suggestion(wish.lookup)
            raise GeneratorError(f"lookups[{number}].lookup", f"{wish.lookup!r} is in no MIB{suggestion}")
        if not self._kind(column):
            raise GeneratorError(f"lookups[{number}].lookup", f"{wish.lookup!r} is no column, or of no usable type")
        return column

    def _lookup_block(self, wish: LookupWish, column: Node) -> Block:
        kind = self._kind(column)
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
            "filters": [self._dynamic(number) for number in range(len(wish.filters.dynamic))],
        }
        return {key: value for key, value in module.items() if value is not None and value is not False and value != []}

    def _dynamic(self, number: int) -> Block:
        wish = self.wish.filters.dynamic[number]
        path = f"filters.dynamic[{number}]"
        [column] = self._targets([wish.oid], f"{path}.oid")
        targets = self._targets(wish.targets, f"{path}.targets")
        return {"oid": dotted(column), "targets": list(map(dotted, targets)), "values": list(wish.values)}

    def _named(self, name: str, near: Arcs = ()) -> Node | None:
        return self.tree.find(name, near)

    def _note_unused_overrides(self) -> None:
        for name in self.wish.overrides:
            if self._named(name) is None:
                self.notes.append(f"overrides.{name} means nothing: no MIB has it{self._suggestion(name)}")

    def _suggestion(self, name: str) -> str:
        module, separator, _ = name.partition("::")
        if separator and not any(known.startswith(f"{module}::") for known in self.tree.by_name):
            return f" ({module} is not among the files)"
        near = nearest(name, self.tree.by_name) if arcs_of(name) is None else None
        return f" (did you mean {near!r}?)" if near else ""


_NOTHING = Override()


def _index_block(part: IndexPart, index: Node, kind: str) -> Block:
    block: Block = {
        "labelname": label_name(part.name),
        "type": kind,
        "fixed_size": index.fixed_size,
        "implied": part.implied,
        "enum_values": dict(index.enum) if kind == "EnumAsInfo" else {},
    }
    return {key: value for key, value in block.items() if value}


def _names(indexes: Iterable[Mapping[str, Any]]) -> set[str]:
    return {str(index["labelname"]) for index in indexes}


def _plain(number: float) -> int | float:
    return int(number) if float(number).is_integer() else number


def _with_instance(name: str, tree: MibTree) -> Arcs | None:
    """Return the OID of `1.3.6.…` or of a column's row, such as ifHCInOctets.40."""
    if (arcs := arcs_of(name)) is not None:
        return arcs
    column, _, index = name.partition(".")
    node = tree.find(column)
    row = arcs_of(index)
    return (*node.arcs, *row) if node is not None and row else None
