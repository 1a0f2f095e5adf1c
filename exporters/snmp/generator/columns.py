"""A column of a MIB, and what an override says of it → a metric of `snmp.yml`."""

from collections.abc import Mapping

from exporters.snmp.generator.config import Override
from exporters.snmp.generator.fetch import Block, label_name
from exporters.snmp.mib.tree import IndexPart, MibTree, Node

_TYPE_BEFORE = {
    "InetAddress": "InetAddressType",
    "InetAddressMissingSize": "InetAddressType",
    "LldpPortId": "LldpPortIdSubtype",
}
"""The convention of the index or column that must stand before a combined type."""

_NOTHING = Override()


class Columns:
    """Makes metrics of columns; what is left out on the way is said in `notes`."""

    def __init__(self, tree: MibTree, overrides: Mapping[str, Override]) -> None:
        self._tree = tree
        self._overrides = overrides
        self.notes: list[str] = []

    def metric(self, node: Node) -> Block | None:
        """Return the metric of a node without what an override adds; None where there is none to be made."""
        override = self._override(node)
        kind = override.type or node.kind
        if not kind or not (node.readable or (override.type and node.access)) or override.ignore:
            return None
        indexes = self._indexes(node)
        if indexes is None:
            return None
        help_text = f"{node.description} - {node.oid}"
        return {"name": label_name(node.name), "oid": node.oid, "type": kind, "help": help_text, "indexes": indexes}

    def kind(self, node: Node) -> str:
        """Return the type of a column's values; empty where it has no usable one."""
        return self._override(node).type or node.kind

    def finished(self, node: Node, metric: Block) -> Block:
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

    def _indexes(self, node: Node) -> list[Block] | None:
        """Return the labels of a row's index; None (and a note) where one cannot be understood."""
        found: list[Block] = []
        conventions: list[str] = []
        for part in node.indexes:
            index = self._index_node(part)
            kind = part.kind or (self.kind(index) if index is not None else "")
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
        node = self._tree.by_arcs.get(part.node) if part.node else None
        return node if node is not None and node.name == part.name else self._tree.find(part.name)  # a row, in SMIv1

    def _override(self, node: Node) -> Override:
        for key in (f"{node.module}::{node.name}", node.oid, node.name, label_name(node.name)):
            if key in self._overrides:
                return self._overrides[key]
        return _NOTHING


def _index_block(part: IndexPart, index: Node, kind: str) -> Block:
    block: Block = {
        "labelname": label_name(part.name),
        "type": kind,
        "fixed_size": index.fixed_size,
        "implied": part.implied,
        "enum_values": dict(index.enum) if kind == "EnumAsInfo" else {},
    }
    return {key: value for key, value in block.items() if value}


def _plain(number: float) -> int | float:
    return int(number) if float(number).is_integer() else number
