"""MIB text → values, by pysmi's parser. The only file that imports pysmi."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from exporters.snmp.mib.syntax import Convention, Definition, IndexName, MibModule, Range, Syntax
from heronwatch.errors import ConfigError, PluginUnavailable
from heronwatch.faults import Fault

_GRAMMAR = re.compile(r"near token type \w+, value (?P<near>.*), line", re.DOTALL)
_STARTS = re.compile(r"^[ \t]*(?P<name>[A-Za-z][\w-]*)\s+(?:[A-Z]+(?:-[A-Z]+)*|::=|OBJECT\s+IDENTIFIER)", re.MULTILINE)
_CUT = "ends in the middle of a definition: is the file complete (END)?"
_NO_MIB = "holds no MIB: expected 'NAME DEFINITIONS ::= BEGIN … END'"
_FROM = re.compile(r"\bFROM\s+(?P<name>[A-Za-z][\w-]*)")
# clauses that only give a name a place in the tree: their last part is the OID
_PLACES = {
    "valueDeclaration", "moduleIdentityClause", "objectIdentityClause", "notificationTypeClause", "objectGroupClause",
    "notificationGroupClause", "moduleComplianceClause", "agentCapabilitiesClause",
}  # fmt: skip


class MibParser:
    """Reads MIB files in SMIv1 and SMIv2, forgiving what vendors often write. Making one takes a moment: keep it."""

    def __init__(self) -> None:
        try:
            from pysmi import error  # type: ignore[import-untyped,unused-ignore]  # noqa: PLC0415  # heavy
            from pysmi.parser.dialect import smi_v1_relaxed  # type: ignore[import-untyped,unused-ignore]  # noqa: PLC0415
            from pysmi.parser.smi import parserFactory  # type: ignore[import-untyped,unused-ignore]  # noqa: PLC0415
        except ImportError as missing:
            raise PluginUnavailable(
                "MIB files need pysmi, which is not installed: pip install 'heronwatch[mib]'"
            ) from missing
        self._errors = error.PySmiError
        self._dialect: Any = parserFactory(**smi_v1_relaxed)
        self._parser = self._dialect()

    def parse(self, text: str, file: str) -> list[MibModule]:
        """Return the modules of a file's text; raises ConfigError with the line that cannot be understood."""
        try:
            trees = self._parser.parse(text)
        except self._errors as error:
            self._parser = self._dialect()  # the old one is in mid-sentence
            raise ConfigError([Fault(file, _line(error), "", _reason(error))]) from error
        if not trees:  # the parser says nothing of a text that stops
            raise ConfigError([Fault(file, 0, "", _CUT if "DEFINITIONS" in text else _NO_MIB)])
        lines = _lines(text)
        return [_module(tree, file, lines) for tree in trees]


def _line(error: Exception) -> int:
    line = getattr(error, "lineno", 0)
    return line if isinstance(line, int) else 0


def _reason(error: Exception) -> str:
    text = str(getattr(error, "msg", error))
    if (match := _GRAMMAR.search(str(error))) is not None:
        return f"not understood near {match['near']!r}: is something missing before it?"
    return text


def _lines(text: str) -> dict[str, int]:
    """Return the line of each name's first definition, and of each module that is imported from."""
    found: dict[str, int] = {}
    for pattern in (_STARTS, _FROM):
        line, at = 1, 0
        for match in pattern.finditer(text):
            line += text.count("\n", at, match.start("name"))
            at = match.start("name")
            found.setdefault(match["name"], line)
    return found


def _module(tree: Sequence[Any], file: str, lines: Mapping[str, int]) -> MibModule:
    name, _, imports, declarations = tree
    definitions: list[Definition] = []
    conventions: dict[str, Convention] = {}
    for declaration in declarations or ():
        if not declaration:
            continue
        if declaration[0] == "typeDeclaration":
            if (convention := _convention(declaration)) is not None:
                conventions[convention.name] = convention
        elif declaration[0] == "objectTypeClause":
            definitions.append(_object(declaration))
        elif declaration[0] in _PLACES:
            definitions.append(Definition(name=declaration[1], place=_place(declaration[-1])))
    return MibModule(
        name=name,
        file=file,
        imports={symbol: module for module, symbols in imports.items() for symbol in symbols},
        definitions=tuple(definitions),
        conventions=conventions,
        lines=lines,
    )


def _convention(declaration: Sequence[Any]) -> Convention | None:
    """Return a named type; that of a row is a SEQUENCE."""
    _, name, right = declaration
    if right is None:
        return None
    syntax = _syntax(right[-1])
    if syntax is None:
        return None
    hint = right[1] if len(right) > 2 and right[1] else None
    return Convention(name, syntax, str(hint[1]).strip('"') if hint else "")


def _object(declaration: Sequence[Any]) -> Definition:
    _, name, syntax, _units, access, _status, description, _reference, augments, index, _default, place = declaration
    return Definition(
        name=name,
        place=_place(place),
        syntax=_syntax(syntax),
        access=access[1] if access else "",
        description=str(description[1]) if description else "",
        indexes=tuple(IndexName(part, bool(implied)) for implied, part in (index[1] if index else ())),
        augments=augments or "",
    )


def _syntax(node: Sequence[Any] | None) -> Syntax | None:
    """Return a type; None for a table and what is no type. A row gives the name of its SEQUENCE."""
    if not node:
        return None
    if node[0] == "BITS":
        return Syntax("BITS", _enum(node[1]))
    if node[0] == "SEQUENCE":
        return Syntax("SEQUENCE")
    if node[0] not in {"SimpleSyntax", "ApplicationSyntax", "row"}:
        return None
    extra = node[2] if len(node) > 2 else None
    if not extra:
        return Syntax(node[1])
    if extra[0] == "enumSpec":
        return Syntax(node[1], _enum(extra[1]))
    return Syntax(node[1], ranges=tuple(filter(None, map(_range, extra[1]))))


def _enum(pairs: Sequence[tuple[str, int]]) -> dict[int, str]:
    return {int(number): label for label, number in sorted(pairs, key=lambda pair: int(pair[1]))}


def _range(bounds: Sequence[Any]) -> Range | None:
    numbers = [_number(bound) for bound in bounds]
    low, high = numbers[0], numbers[-1]
    return None if low is None or high is None else (low, high)


def _number(bound: Any) -> int | None:
    """Return a bound, which may be written '7F'h or '0101'b; None for MIN, MAX and the like."""
    if isinstance(bound, int):
        return bound
    text = str(bound)
    digits = text.split("'")[1] if text.count("'") == 2 else text
    base = {"h": 16, "b": 2}.get(text[-1:].lower(), 10) if digits is not text else 10
    try:
        return int(digits, base)
    except ValueError:
        return None


def _place(node: Sequence[Any]) -> tuple[str | int, ...]:
    return tuple(part[1] if isinstance(part, tuple) else part for part in node[1])
