"""Modules as written → one tree of OIDs whose objects have a type, an index and their texts resolved.

The rules of types and indexes are those of snmp_exporter's generator, so that a module made here reads the same.
"""

import re
from collections.abc import Iterable, Mapping

from msgspec import Struct, structs

from exporters.snmp.mib.syntax import Convention, Definition, IndexName, MibModule, Range, Syntax
from exporters.snmp.mib.tree import Arcs, IndexPart, MibTree, Node
from heronwatch.faults import Fault
from heronwatch.words import listing

_BASE = {
    "INTEGER": "gauge", "Integer32": "gauge", "Unsigned32": "gauge", "UInteger32": "gauge", "Gauge": "gauge",
    "Gauge32": "gauge", "TimeTicks": "gauge", "Counter": "counter", "Counter32": "counter", "Counter64": "counter",
    "OCTET STRING": "OctetString", "OBJECT IDENTIFIER": "OctetString", "BITS": "Bits", "IpAddress": "InetAddressIPv4",
    "NetworkAddress": "InetAddressIPv4", "Opaque": "", "SEQUENCE": "", "NsapAddress": "",
}  # fmt: skip
"""Types of SMIv1 and SMIv2 → types of `snmp.yml`; "" for what cannot be a metric."""

_BY_CONVENTION = {
    "DisplayString": "DisplayString", "PhysAddress": "PhysAddress48", "Float": "Float", "Double": "Double",
    "DateAndTime": "DateAndTime", "ParseDateAndTime": "ParseDateAndTime", "NTPTimeStamp": "NTPTimeStamp",
    "InetAddress": "InetAddress", "InetAddressIPv4": "InetAddressIPv4", "InetAddressIPv6": "InetAddressIPv6",
    "LldpPortId": "LldpPortId",
}  # fmt: skip
_TEXT_HINT = re.compile(r"\d+[at]")
_SUPERSEDED = {"RFC1156-MIB", "RFC1158-MIB", "RFC1213-MIB"}
"""Modules whose objects newer ones define again, and better."""
_SMIV1_INDEXES = {"INTEGER", "OCTET STRING", "OBJECT IDENTIFIER", "IpAddress", "NetworkAddress"}
MOST_STEPS = 64  # conventions of conventions, and names below names: a MIB's own go three or four deep


class Resolved(Struct, frozen=True):
    """A type followed to its base: `kind` is of `snmp.yml`, "" for what cannot be a metric."""

    kind: str
    convention: str = ""
    hint: str = ""
    enum: Mapping[int, str] = {}
    ranges: tuple[Range, ...] = ()

    @property
    def fixed_size(self) -> int:
        """Return the one size that is possible, else 0."""
        sizes = {bound for pair in self.ranges for bound in pair}
        return max(0, *sizes) if len(sizes) == 1 else 0


class Scope:
    """Finds what a module's names mean: its own, imported, then anybody's, since vendors forget imports."""

    def __init__(self, modules: Mapping[str, MibModule]) -> None:
        self.modules = modules
        self._definitions = {
            name: {definition.name: definition for definition in module.definitions} for name, module in modules.items()
        }
        self._anywhere: dict[str, str] = {}
        for name, module in modules.items():
            for symbol in [*self._definitions[name], *module.conventions]:
                self._anywhere.setdefault(symbol, name)

    def definition(self, name: str, module: str) -> tuple[str, Definition] | None:
        """Return the module and definition of an object's name."""
        for home in self._homes(name, module):
            if (found := self._definitions.get(home, {}).get(name)) is not None:
                return home, found
        return None

    def convention(self, name: str, module: str) -> tuple[str, Convention] | None:
        """Return the module and convention of a type's name."""
        for home in self._homes(name, module):
            if home in self.modules and (found := self.modules[home].conventions.get(name)) is not None:
                return home, found
        return None

    def _homes(self, name: str, module: str) -> Iterable[str]:
        yield module
        yield self.modules[module].imports.get(name, "")
        yield self._anywhere.get(name, "")

    def missing(self, name: str, module: str) -> str:
        """Return the module that a name is imported from, if no file has that module, else ""."""
        home = self.modules[module].imports.get(name, "")
        return "" if home in self.modules else home

    def unknown(self, name: str, module: str) -> str:
        """Say what is wrong with a name that means nothing."""
        home = self.modules[module].imports.get(name)
        if home is None:
            return f"{name!r} is defined nowhere and not imported"
        return f"{name!r} is imported from {home}, which does not define it"


class UnknownTypeError(LookupError):
    """A type's name that means nothing in its module."""

    def __init__(self, name: str, module: str) -> None:
        super().__init__(name)
        self.name = name
        self.module = module


class Linker:
    """Resolves the names of all modules; `faults` says what could not be."""

    def __init__(self, modules: Iterable[MibModule]) -> None:
        self.scope = Scope({module.name: module for module in modules})
        self.faults: list[Fault] = []
        self._places: dict[tuple[str, str], Arcs | None] = {}
        self._waiting: set[tuple[str, str]] = set()
        self._missing: dict[tuple[str, str], None] = {}

    def tree(self) -> MibTree:
        """Return the tree. Of two objects at one OID the one with a type stays, else the first; names find it all."""
        nodes: dict[Arcs, Node] = {}
        rows: dict[Arcs, tuple[IndexPart, ...]] = {}
        names: dict[str, Arcs] = {}
        for module in sorted(self.scope.modules.values(), key=lambda module: module.name in _SUPERSEDED):
            for definition in module.definitions:
                arcs = self._arcs(definition, module)
                if arcs is None:
                    continue
                names[f"{module.name}::{definition.name}"] = names[definition.name] = arcs
                if (parts := self._indexes(definition, module)) is not None:
                    rows.setdefault(arcs, parts)
                node = self._node(definition, module, arcs)
                if arcs not in nodes or (node.kind and not nodes[arcs].kind):
                    nodes[arcs] = node
        typed = (_with_index(node, rows) for node in nodes.values())
        return MibTree(typed, names, [*self.faults, *self._missing_faults()])

    def _unknown(self, name: str, definition: Definition, module: MibModule) -> None:
        """Note a name that means nothing: one fault for each module that is missing, else one for the definition."""
        if home := self.scope.missing(name, module.name):
            self._missing[module.name, home] = None
        else:
            self._fault(definition, module, self.scope.unknown(name, module.name))

    def _unknown_type(self, error: UnknownTypeError, definition: Definition, module: MibModule) -> None:
        if self.scope.convention(error.name, error.module) is not None:
            self._fault(definition, module, f"{error.name!r} leads to itself")
        elif home := self.scope.missing(error.name, error.module):
            self._missing[error.module, home] = None
        else:
            self._fault(definition, module, self.scope.unknown(error.name, error.module))

    def _fault(self, definition: Definition, module: MibModule, message: str) -> None:
        if module.file:
            self.faults.append(Fault(module.file, module.line(definition.name), definition.name, message))

    def _missing_faults(self) -> Iterable[Fault]:
        for name, home in self._missing:
            module = self.scope.modules[name]
            if module.file:
                names = [symbol for symbol, source in module.imports.items() if source == home]
                message = (
                    f"imports {listing(names)} from {home}, which is not among the files: give that file or its folder"
                )
                yield Fault(module.file, module.line(home), name, message)

    def _arcs(self, definition: Definition, module: MibModule) -> Arcs | None:
        key = (module.name, definition.name)
        if key in self._waiting:
            self._fault(definition, module, "its OID leads to itself")
            return None
        if key not in self._places:
            self._waiting.add(key)
            self._places[key] = self._resolved_place(definition, module)
            self._waiting.discard(key)
        return self._places[key]

    def _resolved_place(self, definition: Definition, module: MibModule) -> Arcs | None:
        arcs: Arcs = ()
        for part in definition.place:
            if isinstance(part, int):
                arcs = (*arcs, part)
                continue
            found = self.scope.definition(part, module.name) if part != definition.name else None
            if found is None:
                self._unknown(part, definition, module)
                return None
            home, parent = found
            place = self._arcs(parent, self.scope.modules[home])
            if place is None:
                return None
            arcs = place
        return arcs

    def _indexes(self, definition: Definition, module: MibModule) -> tuple[IndexPart, ...] | None:
        """Return the index of a row; that of an augmented row is the other's."""
        if definition.augments:
            found = self.scope.definition(definition.augments, module.name)
            if found is None:
                self._unknown(definition.augments, definition, module)
                return None
            home, other = found
            return None if other.augments else self._indexes(other, self.scope.modules[home])
        if not definition.indexes:
            return None
        return tuple(self._index_part(part, definition, module) for part in definition.indexes)

    def _index_part(self, part: IndexName, row: Definition, module: MibModule) -> IndexPart:
        if part.name in _SMIV1_INDEXES:  # a type instead of a name: the row gives the label's
            return IndexPart(row.name, kind=_BASE[part.name])
        return IndexPart(part.name, self._index_node(part.name, module), part.implied)

    def _index_node(self, name: str, module: MibModule) -> Arcs | None:
        found = self.scope.definition(name, module.name)
        return self._arcs(found[1], self.scope.modules[found[0]]) if found else None

    def _node(self, definition: Definition, module: MibModule, arcs: Arcs) -> Node:
        resolved = Resolved("")
        if definition.syntax is not None and not (definition.indexes or definition.augments):  # a row has no type
            try:
                resolved = self.resolve(definition.syntax, module.name)
            except UnknownTypeError as error:
                self._unknown_type(error, definition, module)
        return Node(
            name=definition.name,
            module=module.name,
            arcs=arcs,
            kind=_kind(resolved),
            convention=resolved.convention,
            hint=resolved.hint,
            access=definition.access,
            description=first_sentence(definition.description),
            enum=resolved.enum,
            fixed_size=resolved.fixed_size,
        )

    def resolve(self, syntax: Syntax, module: str, steps: int = MOST_STEPS) -> Resolved:
        """Follow a type to its base; raises UnknownTypeError at a name that means nothing or leads to itself."""
        if syntax.name in _BASE:  # also where the SMI's own file is given, which defines Counter32 as an INTEGER
            return Resolved(_BASE[syntax.name], "", "", syntax.enum, syntax.ranges)
        found = self.scope.convention(syntax.name, module)
        if found is None or steps == 0:
            raise UnknownTypeError(syntax.name, module)
        home, convention = found
        below = self.resolve(convention.syntax, home, steps - 1)
        return Resolved(
            below.kind,
            convention.name,
            convention.hint or below.hint,
            syntax.enum or below.enum,
            syntax.ranges or below.ranges,
        )


def _kind(resolved: Resolved) -> str:
    if resolved.convention in _BY_CONVENTION and resolved.convention not in {"DisplayString", "PhysAddress"}:
        return _BY_CONVENTION[resolved.convention]
    if not resolved.kind:
        return ""
    if resolved.convention in _BY_CONVENTION:
        return _BY_CONVENTION[resolved.convention]
    if _TEXT_HINT.fullmatch(resolved.hint):
        return "DisplayString"
    return "PhysAddress48" if resolved.hint == "1x:" else resolved.kind


def _with_index(node: Node, rows: Mapping[Arcs, tuple[IndexPart, ...]]) -> Node:
    """Give a column its row's index."""
    if not node.kind:
        return node
    for size in range(len(node.arcs) - 1, max(0, len(node.arcs) - 4), -1):
        if (parts := rows.get(node.arcs[:size])) is not None:
            return structs.replace(node, indexes=parts)
    return node


def first_sentence(text: str) -> str:
    r"""Return the first sentence of a description, on one line.

    >>> first_sentence("The  state.  A longer\\n  story.")
    'The state'
    """
    return " ".join(text.split()).split(". ", maxsplit=1)[0]


def link(modules: Iterable[MibModule]) -> MibTree:
    """Return the tree of modules; of two modules with one name the later counts."""
    return Linker(modules).tree()
