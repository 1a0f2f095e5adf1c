"""Everything a device answered + a module's plan → samples. Pure: no socket, no clock."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import repeat
from operator import itemgetter

from exporters.metric.samples import Sample
from exporters.snmp import values
from exporters.snmp.ber import COUNTER64, INTEGER, MOST_INTEGER_BYTES, Element, Value, unpacked
from exporters.snmp.errors import GarbledError
from exporters.snmp.go_regex import expand, parse_float
from exporters.snmp.labels import LabelCache, RowLabels, Table, combined_type
from exporters.snmp.plan import COMBINED, Column, Extract, Plan, Shape
from exporters.snmp.values import enum_text, number, text, whole

Rows = tuple[list[bytes], list[Element]]
"""Indexes, and the values that belong to them."""

_NOWHERE = b"\xff\xff\xff"  # a prefix of no OID


def samples(table: Table, plan: Plan, cache: LabelCache, *, wrap: int = values.WRAP) -> list[Sample]:
    """Return the samples of a module; `wrap` is the modulus of Counter64, or 0.

    Raises GarbledError where a value cannot be what its module says. Labels are remembered in `cache`.
    """
    shapes: dict[Shape, RowLabels] = {}
    found: list[Sample] = []
    for column, rows in _by_column(table, plan).items():
        labels = shapes.get(column.shape)
        if labels is None:
            labels = shapes[column.shape] = RowLabels(column.shape, table, cache)
        found += _column_samples(column, rows, labels, table, wrap)
    cache.turn()
    return found


def _by_column(table: Table, plan: Plan) -> dict[Column, Rows]:
    """Group what was answered by the column that it belongs to; mostly that of the value before."""
    groups: dict[Column, Rows] = {}
    prefix, size = _NOWHERE, 0
    for name, value in table.items():
        if not name.startswith(prefix):
            column = _column_of(name, plan)
            if column is None:
                continue
            prefix = column.oid
            size = len(prefix)
            indexes, elements = groups.setdefault(column, ([], []))
            add_index, add_element = indexes.append, elements.append
        add_index(name[size:])
        add_element(value)
    return groups


def _column_of(name: bytes, plan: Plan) -> Column | None:
    """Return the column with the shortest OID that `name` begins with."""
    for size in plan.column_sizes:
        column = plan.columns.get(name[:size])
        if column is not None:
            return column
    return None


def _column_samples(column: Column, rows: Rows, labels: RowLabels, table: Table, wrap: int) -> list[Sample]:
    if column.type in {"gauge", "counter", "Float", "Double"}:
        return _numbers(column, rows, labels, wrap)
    render = _RENDERERS.get(column.type)
    pairs = zip(*rows, strict=True)
    if render is not None:
        return [sample for index, element in pairs for sample in render(column, index, unpacked(element), labels)]
    return [sample for index, element in pairs for sample in _string(column, index, element, labels, table)]


def _numbers(column: Column, rows: Rows, labels: RowLabels, wrap: int) -> list[Sample]:
    """Return plain numbers: most of all samples, so a whole column goes through each step at once."""
    indexes, elements = rows
    found = _whole_numbers(elements, wrap) or [number(*unpacked(element), wrap=wrap) for element in elements]
    if column.scale or column.offset:
        found = [_scaled(column, value) for value in found]
    return list(zip(repeat(column.family), map(labels.__getitem__, indexes), found, strict=False))


def _whole_numbers(elements: Sequence[Element], wrap: int) -> Sequence[float | int] | None:
    """Return the numbers of a column in which all have one tag, and one of the usual; None for others."""
    tags = set(map(_TAG, elements))
    if len(tags) != 1 or max(map(_LENGTH, elements)) > MOST_INTEGER_BYTES:  # a long form is above it, too
        return None
    contents = [element[2:] for element in elements]
    tag = tags.pop()
    if tag == INTEGER:
        return list(map(_SIGNED, contents))
    if tag in values.UNSIGNED32:
        return list(map(int.from_bytes, contents))
    if tag == COUNTER64:
        found = list(map(int.from_bytes, contents))
        return [value % wrap for value in found] if wrap and max(found) >= wrap else found
    return None


_TAG = itemgetter(0)
_LENGTH = itemgetter(1)
_SIGNED = partial(int.from_bytes, signed=True)


def _scaled(column: Column, value: float) -> float:
    if column.scale:
        value *= column.scale
    return value + column.offset if column.offset else value


def _date_and_time(column: Column, index: bytes, value: Value, labels: RowLabels) -> Iterator[Sample]:
    seconds = values.date_and_time(value[1]) if values.is_bytes(value) else None
    if seconds is not None:
        yield column.family, labels[index], _scaled(column, seconds)


def _ntp_time(column: Column, index: bytes, value: Value, labels: RowLabels) -> Iterator[Sample]:
    seconds = values.ntp_time(value[1]) if values.is_bytes(value) else None
    if seconds is not None:
        yield column.family, labels[index], _scaled(column, seconds)


def _parsed_time(column: Column, index: bytes, value: Value, labels: RowLabels) -> Iterator[Sample]:
    try:
        moment = datetime.strptime(text(value, "DisplayString"), column.datetime_pattern)  # noqa: DTZ007  # next line
        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return
    yield column.family, labels[index], _scaled(column, int(seconds))


def _enum_info(column: Column, index: bytes, value: Value, labels: RowLabels) -> Iterator[Sample]:
    if column.name not in column.shape.labels:
        yield column.family, labels.with_label(index, column.name, enum_text(whole(value), column.enum)), 1


def _state_set(column: Column, index: bytes, value: Value, labels: RowLabels) -> Iterator[Sample]:
    current = whole(value)
    yield column.family, _with_own_label(column, index, enum_text(current, column.enum), labels), 1
    for state, name in column.enum.items():
        if state != current:
            yield column.family, _with_own_label(column, index, name, labels), 0


def _bits(column: Column, index: bytes, value: Value, labels: RowLabels) -> Iterator[Sample]:
    if not values.is_bytes(value):
        raise GarbledError(f"{column.name} is no string of bits on the wire")
    octets = value[1]
    for bit, name in column.enum.items():
        is_set = bit < len(octets) * 8 and octets[bit // 8] & (128 >> (bit % 8))
        yield column.family, _with_own_label(column, index, name, labels), 1 if is_set else 0


Renderer = Callable[[Column, bytes, Value, RowLabels], Iterator[Sample]]

_RENDERERS: Mapping[str, Renderer] = {
    "DateAndTime": _date_and_time,
    "NTPTimeStamp": _ntp_time,
    "ParseDateAndTime": _parsed_time,
    "EnumAsInfo": _enum_info,
    "EnumAsStateSet": _state_set,
    "Bits": _bits,
}


def _string(column: Column, index: bytes, element: Element, labels: RowLabels, table: Table) -> Iterator[Sample]:
    kind = column.type
    if kind in COMBINED:
        previous = table.get(column.previous + index) if column.previous is not None else None
        kind = combined_type(kind, previous)
    if column.extracts:
        yield from _extracted(column, labels[index], text(unpacked(element), kind, column.hint))
    elif column.name in column.shape.labels:
        yield column.family, labels[index], _scaled(column, 1)
    else:
        yield column.family, labels.with_text(index, column.name, element, kind, column.hint), _scaled(column, 1)


def _extracted(column: Column, labels: str, shown: str) -> Iterator[Sample]:
    for extract in column.extracts:
        value = _first_number(extract, shown)
        if value is not None:
            yield extract.family, labels, _scaled(column, value)


def _first_number(extract: Extract, shown: str) -> float | None:
    for pattern, template in extract.patterns:
        match = pattern.anchored(shown)
        value = parse_float(expand(template, match)) if match else None
        if value is not None:
            return value
    return None


def _with_own_label(column: Column, index: bytes, shown: str, labels: RowLabels) -> str:
    """Return the row's labels with one named like the metric, unless the row has such a label already."""
    if column.name in column.shape.labels:
        return labels[index]
    return labels.with_label(index, column.name, shown)
