"""What a MIB file says, as values: its imports, objects, conventions. Nothing is resolved yet (RFC 2578, 2579)."""

from collections.abc import Mapping

from msgspec import Struct

Range = tuple[int, int]


class Syntax(Struct, frozen=True):
    """A type as it is written: a base type or a convention's name, with the enumeration and sizes beside it."""

    name: str
    enum: Mapping[int, str] = {}
    ranges: tuple[Range, ...] = ()


class Convention(Struct, frozen=True):
    """A TEXTUAL-CONVENTION, or a plain type assignment (no hint)."""

    name: str
    syntax: Syntax
    hint: str = ""


class IndexName(Struct, frozen=True):
    """A part of a row's INDEX clause."""

    name: str
    implied: bool = False


class Definition(Struct, frozen=True, kw_only=True):
    """A name in the tree of OIDs; `syntax` is None where it is only a node, a table or a row.

    `place` is the written OID: names to start from, and arcs.
    """

    name: str
    place: tuple[str | int, ...]
    syntax: Syntax | None = None
    access: str = ""
    description: str = ""
    indexes: tuple[IndexName, ...] = ()
    augments: str = ""


class MibModule(Struct, frozen=True, kw_only=True):
    """A MIB: `imports` gives the module that each imported symbol comes from."""

    name: str
    file: str
    imports: Mapping[str, str]
    definitions: tuple[Definition, ...]
    conventions: Mapping[str, Convention]
    lines: Mapping[str, int] = {}

    def line(self, name: str) -> int:
        """Return the line where a name is defined, 0 if unknown."""
        return self.lines.get(name, 0)
