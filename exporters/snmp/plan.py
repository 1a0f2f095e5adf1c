"""A module of `snmp.yml` → tables by OID bytes: what to fetch, and which column becomes which family.

Compiled once when the configuration loads. Columns of equal indexes and lookups share one `Shape`, so that a row's
labels are rendered once for all of them.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from exporters.metric.samples import Family, MetricType
from exporters.snmp import oid
from exporters.snmp.config import snmpyml
from exporters.snmp.decoding import display_hint
from heronwatch.go_regex import GoRegex

COMBINED: Mapping[str, Mapping[int, str]] = {
    # RFC 4001 section 3, InetAddressType
    "InetAddress": {1: "InetAddressIPv4", 2: "InetAddressIPv6"},
    "InetAddressMissingSize": {1: "InetAddressIPv4", 2: "InetAddressIPv6"},
    # IEEE 802.1AB, LldpPortIdSubtype
    "LldpPortId": {1: "DisplayString", 2: "DisplayString", 3: "PhysAddress48", 5: "DisplayString", 7: "DisplayString"},
}
"""Types whose meaning stands in the column before."""

DEFAULT_REPETITIONS = 25


class Index(Struct, frozen=True, eq=False):
    """A part of a row's index, as a label."""

    label: str
    type: str
    fixed_size: int
    implied: bool
    enum: Mapping[int, str]


class Lookup(Struct, frozen=True, eq=False):
    """A label looked up in another column; without `sources` it is removed. Combined types have a `previous`."""

    label: str
    sources: tuple[str, ...]
    column: bytes
    previous: bytes | None
    type: str
    enum: Mapping[int, str]
    hint: display_hint.Hint | None


class Shape(Struct, frozen=True, eq=False):
    """How a row's index becomes labels. `simple` says that the whole index is one number and every look-up's key."""

    indexes: tuple[Index, ...]
    lookups: tuple[Lookup, ...]
    labels: frozenset[str]
    simple: bool


class Extract(Struct, frozen=True, eq=False):
    """Patterns tried in turn until one gives a number."""

    family: Family
    patterns: tuple[tuple[GoRegex, str], ...]


class Column(Struct, frozen=True, eq=False):
    """A metric: `previous` is the column before, for combined types."""

    oid: bytes
    name: str
    type: str
    family: Family
    shape: Shape
    previous: bytes | None
    enum: Mapping[int, str]
    extracts: tuple[Extract, ...]
    datetime_pattern: str
    hint: display_hint.Hint | None
    scale: float
    offset: float
    row_scale: bytes | None = None
    row_precision: bytes | None = None


class Filter(Struct, frozen=True, eq=False):
    """Rows chosen by the value of a column: then `targets` are fetched for these rows only."""

    column: bytes
    targets: tuple[bytes, ...]
    values: tuple[GoRegex, ...]


class Root(Struct, frozen=True, eq=False):
    """A subtree to walk, and what the module reads of it.

    `columns` are in order; none means that all of it is wanted. `labels` are those that serve look-ups alone.
    """

    oid: bytes
    columns: tuple[bytes, ...]
    labels: frozenset[bytes]


class Plan(Struct, frozen=True, kw_only=True, eq=False):
    """A module, compiled. `repetitions` is None where the file leaves it to us."""

    walk: tuple[bytes, ...]
    roots: Mapping[bytes, Root]
    get: tuple[bytes, ...]
    filters: tuple[Filter, ...]
    columns: Mapping[bytes, Column]
    column_sizes: tuple[int, ...]
    repetitions: int | None
    retries: int
    timeout_s: float
    loose_order: bool
    any_source: bool
    auth: snmpyml.Auth | None = None


def compile_module(module: snmpyml.Module) -> Plan:
    """Return the plan of a module in the form of 0.23 and later."""
    return _plan(
        module,
        filters=tuple(
            Filter(f.oid.content, tuple(target.content for target in f.targets), f.values) for f in module.filters
        ),
        loose_order=module.allow_nonincreasing_oids,
        any_source=module.use_unconnected_udp_socket,
    )


def compile_old_module(module: snmpyml.OldModule) -> Plan:
    """Return the plan of a module in the form up to 0.22, which says itself how to talk to the device."""
    return _plan(module, loose_order=module.allow_nonincreasing_oids, auth=module.auth.auth(module.version))


def _plan(
    module: snmpyml.Walking,
    *,
    filters: tuple[Filter, ...] = (),
    loose_order: bool,
    any_source: bool = False,
    auth: snmpyml.Auth | None = None,
) -> Plan:
    columns = _columns(module.metrics)
    walk = tuple(root.content for root in module.walk)
    return Plan(
        walk=walk,
        roots={root: _root(root, columns.values()) for root in walk},
        get=tuple(name.content for name in module.get),
        filters=filters,
        columns=columns,
        column_sizes=tuple(sorted({len(content) for content in columns})),
        repetitions=module.max_repetitions,
        retries=module.retries,
        timeout_s=float(module.timeout),
        loose_order=loose_order,
        any_source=any_source,
        auth=auth,
    )


def _root(root: bytes, columns: Iterable[Column]) -> Root:
    """Return what a module reads below a root."""
    values: set[bytes] = set()
    labels: set[bytes] = set()
    for column in columns:
        values.update(filter(None, (column.oid, column.previous, column.row_scale, column.row_precision)))
        for lookup in column.shape.lookups:
            labels.update(filter(None, (lookup.column, lookup.previous)))
    labels -= values
    if any(root.startswith(name) for name in values):
        return Root(root, (), frozenset())
    below = [name for name in values | labels if name.startswith(root)]
    return Root(root, tuple(sorted(below, key=oid.order)), frozenset(labels.intersection(below)))


def _columns(metrics: Iterable[snmpyml.Metric]) -> dict[bytes, Column]:
    """Return the columns by OID. Of two metrics with one OID the later counts; below a metric's OID no other does."""
    shapes: dict[Any, Shape] = {}
    by_oid = {metric.oid.content: metric for metric in metrics}
    sizes = sorted({len(content) for content in by_oid})
    return {
        content: _column(metric, shapes)
        for content, metric in by_oid.items()
        if not any(content[:size] in by_oid for size in sizes if size < len(content))
    }


def _column(metric: snmpyml.Metric, shapes: dict[Any, Shape]) -> Column:
    key = (tuple(map(_identity, metric.indexes)), tuple(map(_identity, metric.lookups)))
    if key not in shapes:
        shapes[key] = _shape(metric.indexes, metric.lookups)
    return Column(
        oid=metric.oid.content,
        name=str(metric.name),
        type=metric.type,
        family=_family(metric),
        shape=shapes[key],
        previous=_previous(metric.oid) if metric.type in COMBINED else None,
        enum=metric.enum_values,
        extracts=tuple(_extract(metric, suffix) for suffix in metric.regex_extracts),
        datetime_pattern=metric.datetime_pattern,
        hint=display_hint.parse(metric.display_hint) if metric.type == "OctetString" else None,
        scale=metric.scale,
        offset=metric.offset,
        row_scale=metric.row_scale.content if metric.row_scale else None,
        row_precision=metric.row_precision.content if metric.row_precision else None,
    )


def _family(metric: snmpyml.Metric) -> Family:
    kind: MetricType = "counter" if metric.type == "counter" else "gauge"
    if metric.type == "EnumAsInfo":
        return Family(f"{metric.name}_info", kind, f"{metric.help} (EnumAsInfo)")
    if metric.type in {"EnumAsStateSet", "Bits"}:
        return Family(str(metric.name), kind, f"{metric.help} ({metric.type})")
    return Family(str(metric.name), kind, metric.help)


def _extract(metric: snmpyml.Metric, suffix: str) -> Extract:
    family = Family(f"{metric.name}{suffix}", "gauge", f"{metric.help} (regex extracted)")
    return Extract(family, tuple((extract.regex, extract.value) for extract in metric.regex_extracts[suffix]))


def _shape(indexes: tuple[snmpyml.Index, ...], lookups: tuple[snmpyml.Lookup, ...]) -> Shape:
    labels = {str(index.labelname) for index in indexes}
    for lookup in lookups:
        if lookup.labels:
            labels.add(str(lookup.labelname))
        else:
            labels.discard(str(lookup.labelname))
    return Shape(
        indexes=tuple(
            Index(str(index.labelname), index.type, index.fixed_size, index.implied, index.enum_values)
            for index in indexes
        ),
        lookups=tuple(map(_lookup, lookups)),
        labels=frozenset(labels),
        simple=_is_simple(indexes, lookups),
    )


def _is_simple(indexes: tuple[snmpyml.Index, ...], lookups: tuple[snmpyml.Lookup, ...]) -> bool:
    if len(indexes) != 1 or indexes[0].type not in {"gauge", "counter", "Integer", "Integer32"}:
        return False
    own = indexes[0].labelname
    return all(
        lookup.labels == (own,) and lookup.labelname != own and lookup.type not in COMBINED for lookup in lookups
    )


def _lookup(lookup: snmpyml.Lookup) -> Lookup:
    kind = lookup.type or ""
    return Lookup(
        label=str(lookup.labelname),
        sources=tuple(map(str, lookup.labels)),
        column=lookup.oid.content if lookup.oid else b"",
        previous=_previous(lookup.oid) if lookup.oid and kind in COMBINED else None,
        type=kind,
        enum=lookup.enum_values,
        hint=display_hint.parse(lookup.display_hint) if kind in {"", "OctetString"} else None,
    )


def _previous(column: snmpyml.Oid) -> bytes | None:
    """Return the column before; None before the first."""
    head, _, last = column.text.rpartition(".")
    return oid.encode(f"{head}.{int(last) - 1}") if int(last) > 0 else None


def _identity(block: Struct) -> tuple[Any, ...]:
    """Return what makes two blocks mean the same."""
    return tuple(_plain(getattr(block, name)) for name in block.__struct_fields__)


def _plain(value: Any) -> Any:
    if isinstance(value, snmpyml.Oid):
        return value.content
    return tuple(sorted(value.items())) if isinstance(value, dict) else value
