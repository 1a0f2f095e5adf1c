"""The form of snmp_exporter's `generator.yml`, read as it is; a module of before 0.23 may bring its own `auth`."""

from collections.abc import Iterable
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Struct

from exporters.snmp.config.snmpyml import RegexExtract, ValueType
from heronwatch.values import Duration, Verbatim


class Block(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A mapping of the file: unknown keys are faults."""


class LookupWish(Block, frozen=True, kw_only=True):
    """A label to add to every table that has these indexes."""

    source_indexes: tuple[str, ...]
    lookup: str
    drop_source_indexes: bool = False
    display_hint: Verbatim = ""

    def config_faults(self) -> Iterable[tuple[str, str]]:
        """Yield what is wrong with the keys."""
        if not self.source_indexes:
            yield "source_indexes", "names no index: which label is looked up?"


class Override(Block, frozen=True, kw_only=True):
    """What one object is to be, other than its MIB says."""

    ignore: bool = False
    name: str = ""
    help: Verbatim = ""
    type: ValueType | None = None
    regex_extracts: dict[str, tuple[RegexExtract, ...]] = {}
    datetime_pattern: Verbatim = ""
    offset: float = 0
    scale: float = 0
    display_hint: Verbatim = ""


class StaticFilter(Block, frozen=True, kw_only=True):
    """Rows known beforehand: they are fetched, the rest is not walked."""

    targets: tuple[str, ...]
    indices: tuple[Verbatim, ...]

    def config_faults(self) -> Iterable[tuple[str, str]]:
        """Yield what is wrong with the keys."""
        for number, index in enumerate(self.indices):
            if not all(arc.isascii() and arc.isdigit() for arc in index.split(".")):
                yield f"indices[{number}]", f"{index!r} is no index in numbers, such as 2 or 4.17"


class DynamicWish(Block, frozen=True, kw_only=True):
    """Rows chosen at each scrape by the value of one column."""

    oid: str
    targets: tuple[str, ...]
    values: tuple[Verbatim, ...]


class Filters(Block, frozen=True, kw_only=True):
    """Which rows are read."""

    static: tuple[StaticFilter, ...] = ()
    dynamic: tuple[DynamicWish, ...] = ()


class ModuleWish(Block, frozen=True, kw_only=True):
    """A module to make."""

    walk: tuple[Verbatim, ...] = ()
    lookups: tuple[LookupWish, ...] = ()
    overrides: dict[str, Override] = {}
    filters: Filters = Filters()
    max_repetitions: Annotated[int, msgspec.Meta(ge=0, le=65535)] | None = None
    retries: Annotated[int, msgspec.Meta(ge=0, le=100)] | None = None
    timeout: Duration | None = None
    allow_nonincreasing_oids: bool = False
    use_unconnected_udp_socket: bool = False
    version: Literal[1, 2, 3] | None = None
    auth: dict[str, Any] = {}

    def config_faults(self) -> Iterable[tuple[str, str]]:
        """Yield what is wrong with the keys."""
        for number, name in enumerate(self.walk):
            if name.startswith("."):
                yield f"walk[{number}]", f"{name!r}: an OID is written without a leading dot"


class GeneratorFile(Block, frozen=True, kw_only=True):
    """A `generator.yml`. `auths` go through as they are written."""

    auths: dict[str, dict[str, Any]] = {}
    modules: dict[str, ModuleWish] = {}
    version: int | None = None
