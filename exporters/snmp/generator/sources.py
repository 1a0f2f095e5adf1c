"""The compact form that the shipped modules are written in → modules of `snmp.yml`.

One line says an object: `ifMtu gauge - Largest packet, in octets.`, with an enumeration by name in brackets and options
before the dash. Names, OIDs, types, indexes and states are those of the MIBs; the sentences are our own. So that they
are written once, a table says its index and its look-ups for all of its columns:

    parts:
      - at: 1.3.6.1.2.1.99.1.1.1            # a row: columns are below it
        index: entPhysicalIndex gauge
        lookup: entPhysicalIndex -> entPhysicalName DisplayString 1.3.6.1.2.1.47.1.1.1.1.7
        columns:
          4: entPhySensorValue gauge row_scale=2 row_precision=3 - Value of the sensor, in its unit.
          5: entPhySensorOperStatus gauge(status) - Whether the sensor can be read.
      - at: 1.3.6.1.4.1.171.12.1.1.6        # scalars: fetched one by one
        scalars:
          1: agentCPUutilizationIn5sec gauge - CPU use over five seconds, in percent.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from exporters.snmp.config.snmpyml import RegexExtract
from heronwatch.values import Verbatim

_OBJECT = re.compile(r"(?P<name>[\w:]+) (?P<type>\w+)(?:\((?P<enum>\w+)\))?(?P<options>(?: \w+=\S+)*) - (?P<help>.+)")
_INDEX = re.compile(r"(?P<name>\w+) (?P<type>\w+)(?:\((?P<enum>\w+)\))?(?P<options>(?: \w+(?:=\d+)?)*)")
_LOOKUP = re.compile(r"(?P<sources>\w+(?:,\w+)*) -> (?P<name>\w+) (?P<type>\w+)(?:\((?P<enum>\w+)\))? (?P<oid>[\d.]+)")
_DROP = re.compile(r"drop (?P<name>\w+)")
_ROW_OPTIONS = {"row_scale", "row_precision"}
_TYPED_BY_PREVIOUS = {"InetAddress", "InetAddressMissingSize", "LldpPortId"}

Block = dict[str, Any]


class Written(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A mapping of the source: unknown keys are faults."""


class Column(Written, frozen=True, kw_only=True):
    """An object with numbers to take out of its text."""

    object: Verbatim
    regex_extracts: dict[str, tuple[RegexExtract, ...]] = {}


class Part(Written, frozen=True, kw_only=True):
    """A row with its columns, or a group of scalars. `whole` walks the row at once instead of column by column."""

    at: str
    index: tuple[Verbatim, ...] = ()
    lookup: tuple[Verbatim, ...] = ()
    whole: bool = False
    columns: dict[int, Verbatim] = {}
    texts: dict[int, Column] = {}
    scalars: dict[int, Verbatim] = {}


class ModuleSource(Written, frozen=True, kw_only=True):
    """A module; `reads` says what, for the documentation, and `tested` names recordings of devices that have it."""

    reads: Verbatim
    mibs: tuple[str, ...]
    tested: tuple[str, ...] = ()
    max_repetitions: int | None = None
    parts: tuple[Part, ...]


class Source(Written, frozen=True, kw_only=True):
    """A file: what its modules share, and the modules."""

    about: Verbatim
    enums: dict[str, dict[int, Verbatim]] = {}
    modules: dict[str, ModuleSource]


class SourceError(ValueError):
    """A line that is not understood."""


def modules_of(source: Source) -> dict[str, Block]:
    """Return the modules of a source as they stand in `snmp.yml`; raises SourceError."""
    return {name: _Writing(source.enums, module).module() for name, module in source.modules.items()}


class _Writing:
    def __init__(self, enums: Mapping[str, Mapping[int, str]], source: ModuleSource) -> None:
        self.enums = enums
        self.source = source
        self.walks: set[str] = set()
        self.gets: set[str] = set()

    def module(self) -> Block:
        metrics = [metric for part in self.source.parts for metric in self._metrics(part)]
        block: Block = {
            "walk": sorted(_outermost(self.walks)),
            "get": sorted(self.gets, key=_by_numbers),
            "metrics": metrics,
            "max_repetitions": self.source.max_repetitions,
        }
        return {key: value for key, value in block.items() if value not in (None, [])}

    def _metrics(self, part: Part) -> Iterable[Block]:
        indexes = [self._index(text) for text in part.index]
        lookups = [self._lookup(text) for text in part.lookup]
        if part.whole:
            self.walks.add(part.at)
        for number, text in part.scalars.items():
            if not part.whole:
                self.gets.add(f"{part.at}.{number}.0")
            yield self._metric(part, number, text)
        rows: Block = {"indexes": indexes, "lookups": lookups}
        columns = {**part.columns, **part.texts}
        for number in sorted(columns):
            column = columns[number]
            self._need(part, number)
            if isinstance(column, Column):
                extracts = {
                    suffix: [{"regex": extract.regex.pattern, "value": extract.value} for extract in found]
                    for suffix, found in column.regex_extracts.items()
                }
                yield self._metric(part, number, column.object, rows) | {"regex_extracts": extracts}
            else:
                yield self._metric(part, number, str(column), rows)

    def _need(self, part: Part, number: int) -> None:
        if not part.whole:
            self.walks.add(f"{part.at}.{number}")

    def _metric(self, part: Part, number: int, text: str, rows: Block | None = None) -> Block:
        match = _OBJECT.fullmatch(text)
        if match is None:
            raise SourceError(f"{part.at}.{number}: {text!r} is not 'name type(enum) option=value - Sentence.'")
        metric: Block = {
            "name": match["name"],
            "oid": f"{part.at}.{number}",
            "type": match["type"],
            "help": match["help"],
            **(rows or {}),
        }
        for option in match["options"].split():
            key, _, value = option.partition("=")
            metric[key] = self._option(part, key, value)
        metric["enum_values"] = self._enum(match["enum"])
        if match["type"] in _TYPED_BY_PREVIOUS:
            self._need(part, number - 1)
        return {key: value for key, value in metric.items() if value}

    def _option(self, part: Part, key: str, value: str) -> Any:
        if key in _ROW_OPTIONS:
            self._need(part, int(value))
            return f"{part.at}.{value}"
        if key in {"scale", "offset"}:
            return float(value)
        if key == "display_hint":
            return value
        raise SourceError(f"{part.at}: {key!r} is no option")

    def _enum(self, name: str | None) -> dict[int, str]:
        if name is None:
            return {}
        if name not in self.enums:
            raise SourceError(f"no enumeration is named {name!r}")
        return dict(self.enums[name])

    def _index(self, text: str) -> Block:
        match = _INDEX.fullmatch(text)
        if match is None:
            raise SourceError(f"{text!r} is not 'name type(enum) fixed_size=6' or '… implied'")
        block: Block = {"labelname": match["name"], "type": match["type"]}
        for option in match["options"].split():
            key, _, value = option.partition("=")
            block[key] = int(value) if value else True
        return block | ({"enum_values": self._enum(match["enum"])} if match["enum"] else {})

    def _lookup(self, text: str) -> Block:
        if (drop := _DROP.fullmatch(text)) is not None:
            return {"labels": [], "labelname": drop["name"]}
        match = _LOOKUP.fullmatch(text)
        if match is None:
            raise SourceError(f"{text!r} is not 'index,index -> label type(enum) OID' or 'drop label'")
        self.walks.add(match["oid"])
        if match["type"] in _TYPED_BY_PREVIOUS:
            head, _, last = match["oid"].rpartition(".")
            self.walks.add(f"{head}.{int(last) - 1}")
        block: Block = {
            "labels": match["sources"].split(","),
            "labelname": match["name"],
            "oid": match["oid"],
            "type": match["type"],
        }
        return block | ({"enum_values": self._enum(match["enum"])} if match["enum"] else {})


def _outermost(oids: set[str]) -> list[str]:
    return [oid for oid in oids if not any(oid != other and oid.startswith(f"{other}.") for other in oids)]


def _by_numbers(oid: str) -> tuple[int, ...]:
    return tuple(map(int, oid.split(".")))
