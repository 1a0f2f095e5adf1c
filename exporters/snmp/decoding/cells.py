"""One value of a column that is no plain number → what is told of it: family, own label, number. Pure.

The own label is named like the metric; None where a sample carries the labels of its row alone.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime

from exporters.metric.samples import Family
from exporters.snmp.ber import Element, Value, unpacked
from exporters.snmp.decoding import values
from exporters.snmp.decoding.go_text import expand, parse_float
from exporters.snmp.decoding.row_labels import combined_type
from exporters.snmp.decoding.values import enum_text, text, whole
from exporters.snmp.errors import GarbledError
from exporters.snmp.plan import COMBINED, Column, Extract

Cell = tuple[Family, str | None, float | int]


def cells(column: Column, element: Element, previous: Element | None, *, is_printable: bool) -> Iterator[Cell]:
    """Yield what a value tells; `previous` is that of the column before, which types of several forms need.

    Raises GarbledError where it cannot be what its module says.
    """
    value = unpacked(element)
    show = _SHOWN.get(column.type)
    if show is not None:
        return show(column, value)
    kind = combined_type(column.type, previous) if column.type in COMBINED else column.type
    return _string(column, text(value, kind, column.hint, is_printable=is_printable))


def width(column: Column) -> int:
    """Return how many samples a value gives at most."""
    if column.type in {"EnumAsStateSet", "Bits"}:
        return len(column.enum) + 1
    return max(1, len(column.extracts))


def scaled(column: Column, value: float) -> float:
    """Return a number with the metric's own scale and offset."""
    if column.scale:
        value *= column.scale
    return value + column.offset if column.offset else value


def _date_and_time(column: Column, value: Value) -> Iterator[Cell]:
    seconds = values.date_and_time(value[1]) if values.is_bytes(value) else None
    if seconds is not None:
        yield column.family, None, scaled(column, seconds)


def _ntp_time(column: Column, value: Value) -> Iterator[Cell]:
    seconds = values.ntp_time(value[1]) if values.is_bytes(value) else None
    if seconds is not None:
        yield column.family, None, scaled(column, seconds)


def _parsed_time(column: Column, value: Value) -> Iterator[Cell]:
    try:
        moment = datetime.strptime(text(value, "DisplayString"), column.datetime_pattern)  # noqa: DTZ007  # next line
        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return
    yield column.family, None, scaled(column, int(seconds))


def _enum_info(column: Column, value: Value) -> Iterator[Cell]:
    if column.name not in column.shape.labels:
        yield column.family, enum_text(whole(value), column.enum), 1


def _state_set(column: Column, value: Value) -> Iterator[Cell]:
    current = whole(value)
    yield column.family, enum_text(current, column.enum), 1
    for state, name in column.enum.items():
        if state != current:
            yield column.family, name, 0


def _bits(column: Column, value: Value) -> Iterator[Cell]:
    if not values.is_bytes(value):
        raise GarbledError(f"{column.name} is no string of bits on the wire")
    octets = value[1]
    for bit, name in column.enum.items():
        is_set = bit < len(octets) * 8 and octets[bit // 8] & (128 >> (bit % 8))
        yield column.family, name, 1 if is_set else 0


_SHOWN: Mapping[str, Callable[[Column, Value], Iterator[Cell]]] = {
    "DateAndTime": _date_and_time,
    "NTPTimeStamp": _ntp_time,
    "ParseDateAndTime": _parsed_time,
    "EnumAsInfo": _enum_info,
    "EnumAsStateSet": _state_set,
    "Bits": _bits,
}


def _string(column: Column, shown: str) -> Iterator[Cell]:
    if not column.extracts:
        yield column.family, shown, scaled(column, 1)
    else:
        for extract in column.extracts:
            value = _first_number(extract, shown)
            if value is not None:
                yield extract.family, None, scaled(column, value)


def _first_number(extract: Extract, shown: str) -> float | None:
    for pattern, template in extract.patterns:
        match = pattern.anchored(shown)
        value = parse_float(expand(template, match)) if match else None
        if value is not None:
            return value
    return None
