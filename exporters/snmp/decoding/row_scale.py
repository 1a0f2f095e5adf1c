"""Numbers whose scale and decimal places stand in other columns of their row: sensors (RFC 3433). Pure."""

from collections.abc import Mapping, Sequence

from exporters.snmp.ber import Element, unpacked
from exporters.snmp.decoding.values import whole
from exporters.snmp.plan import Column

UNITS = 9
SCALES = range(1, 18)
"""EntitySensorDataScale (RFC 3433): yocto(1) to yotta(17), a thousandth to a thousandfold from one to the next."""

PLACES = range(1, 10)
"""EntitySensorPrecision (RFC 3433): 1 to 9 are decimal places; what is negative counts digits that can be trusted."""


def by_row(
    column: Column, indexes: Sequence[bytes], found: Sequence[float | int], table: Mapping[bytes, Element]
) -> list[float | int]:
    """Return numbers as their rows say: value * 10**(3 * (scale - 9)) / 10**precision.

    A row that tells no scale of RFC 3433 is in plain units, one that tells no precision has no decimal places.
    """
    return [
        times_ten_to(
            value,
            3 * (_told(column.row_scale, index, table, SCALES) or UNITS)
            - 3 * UNITS
            - _told(column.row_precision, index, table, PLACES),
        )
        for index, value in zip(indexes, found, strict=True)
    ]


def times_ten_to(value: float, exponent: int) -> float | int:
    """Return value * 10**exponent, correctly rounded for whole numbers.

    >>> times_ten_to(235, -1), times_ten_to(12, 3), times_ten_to(-5, -27)
    (23.5, 12000, -5e-27)
    """
    power: int = 10 ** abs(exponent)
    return value * power if exponent >= 0 else value / power


def _told(column: bytes | None, index: bytes, table: Mapping[bytes, Element], allowed: range) -> int:
    """Return the number that a column tells for a row, 0 for none or one that is not allowed."""
    element = table.get(column + index) if column is not None else None
    found = whole(unpacked(element)) if element is not None else 0
    return found if found in allowed else 0
