"""The value of a varbind → a number or a text, as snmp_exporter reads it. Pure."""

import re
import struct
from collections.abc import Mapping
from decimal import Decimal
from math import isfinite

from exporters.snmp import ber, oid
from exporters.snmp.ber import Value
from exporters.snmp.decoding.display_hint import Hint, render
from exporters.snmp.errors import GarbledError

WRAP = 2**53
"""Counter64 is taken modulo this, where a float64 counts exactly."""

UNSIGNED32 = frozenset({ber.COUNTER32, ber.GAUGE32, ber.TIME_TICKS, ber.UINTEGER32})

_SECONDS_1900_TO_1970 = 2_208_988_800  # RFC 5905 section 6: NTP era 0 starts 1900-01-01
_ESCAPED = re.compile("[\udc80-\udcff]+")
_FLOAT = b"\x9f\x78\x04"  # Opaque-wrapped float, draft-perkins-opaque-01 section 3
_DOUBLE = b"\x9f\x79\x08"


def number(tag: int, content: bytes, *, wrap: int = WRAP) -> float | int:
    r"""Return the number in a value; what is none counts as 0. Raises GarbledError for an integer too long.

    >>> number(ber.INTEGER, b"\xff"), number(ber.GAUGE32, b"\xff"), number(ber.OCTET_STRING, b"42")
    (-1, 255, 0)
    """
    if len(content) > ber.MOST_INTEGER_BYTES and tag not in _NOT_INTEGERS:
        raise GarbledError(f"an integer of {len(content)} bytes")
    if tag in UNSIGNED32:
        return int.from_bytes(content)
    if tag == ber.INTEGER:
        return int.from_bytes(content, signed=True)
    if tag == ber.COUNTER64:
        value = int.from_bytes(content)
        return value % wrap if wrap else value
    return (opaque_float(content) or 0) if tag == ber.OPAQUE else 0


_NOT_INTEGERS = frozenset(
    {ber.OCTET_STRING, ber.OPAQUE, ber.OBJECT_IDENTIFIER, ber.IP_ADDRESS, ber.NULL}
)  # fmt: skip


def whole(value: Value) -> int:
    """Return a value as a whole number, for enums and chained look-ups."""
    found = number(*value)
    return int(found) if abs(found) < 2**63 else 0


def opaque_float(content: bytes) -> float | None:
    """Return the number in an Opaque that wraps a float or a double, else None."""
    if content.startswith(_FLOAT) and len(content) == 7:
        return float(struct.unpack(">f", content[3:])[0])
    if content.startswith(_DOUBLE) and len(content) == 11:
        return float(struct.unpack(">d", content[3:])[0])
    return None


def is_bytes(value: Value) -> bool:
    """Say whether a value is a string of octets."""
    tag, content = value
    return tag == ber.OCTET_STRING or (tag == ber.OPAQUE and opaque_float(content) is None)


def text(value: Value, kind: str, hint: Hint | None = None, *, is_printable: bool = False) -> str:
    """Return the text of a value as a label shows it; `kind` says how octets are shown.

    With `is_printable` octets of no stated form, and without a hint, are shown as text where they are text.
    """
    tag, content = value
    if is_bytes(value):
        shown = hint and render(hint, content)
        if not shown and is_printable and kind in {"", "OctetString"}:
            shown = printable(content)
        return shown or octets_text(content, kind)
    if tag == ber.OBJECT_IDENTIFIER:
        return oid.text(content)
    if tag == ber.IP_ADDRESS:
        return ".".join(map(str, content))
    if tag == ber.OPAQUE:
        return _shortest(content)
    if tag in UNSIGNED32 or tag in {ber.INTEGER, ber.COUNTER64}:
        return str(number(tag, content, wrap=0))
    return ""


def octets_text(data: bytes, kind: str) -> str:
    r"""Return octets as a type of `snmp.yml` shows them; raises GarbledError for a type that shows no octets.

    >>> octets_text(b"a\xff\xfeb", "DisplayString"), octets_text(b"\x01", ""), octets_text(b"\x01", "PhysAddress48")
    ('a�b', '0x01', '01:00:00:00:00:00')
    """
    if kind == "DisplayString":
        return utf8(data)
    if kind in {"", "OctetString", "Bits"}:
        return f"0x{data.hex().upper()}" if data else ""
    if kind == "PhysAddress48":
        return data[:6].ljust(6, b"\0").hex(":").upper()
    if kind == "InetAddressIPv4":
        return ".".join(map(str, data[:4].ljust(4, b"\0")))
    if kind == "InetAddressIPv6":
        return data[:16].ljust(16, b"\0").hex(":", 2).upper()
    if kind in {"gauge", "counter", "Integer", "Integer32", "EnumAsInfo"}:
        return str(data[0] if data else 0)
    raise GarbledError(f"octets cannot be shown as {kind}")


def printable(data: bytes) -> str | None:
    r"""Return octets as text where all of them are: UTF-8 without control characters; a NUL at the end is dropped.

    >>> printable(b"Slot 1\0"), printable(b"\x00\x1b"), printable("Zürich".encode()), printable(b"\n")
    ('Slot 1', None, 'Zürich', None)
    """
    try:
        shown = data.removesuffix(b"\0").decode()
    except UnicodeDecodeError:
        return None
    return shown if shown.isprintable() else None


def utf8(data: bytes) -> str:
    """Return octets as text; each run of bytes that are no UTF-8 becomes one U+FFFD."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return _ESCAPED.sub("\ufffd", data.decode(errors="surrogateescape"))


def enum_text(value: int, enum: Mapping[int, str]) -> str:
    """Return the name of a state, or its number where it has none."""
    return enum[value] if value in enum else str(value)


def _shortest(content: bytes) -> str:
    """Return an Opaque float in its shortest positional form."""
    value = opaque_float(content) or 0.0
    if content.startswith(_FLOAT):
        value = _shortest_float32(value)
    if not isfinite(value):
        return {"nan": "NaN", "inf": "+Inf", "-inf": "-Inf"}[str(value)]
    return _positional(value)


def _shortest_float32(value: float) -> float:
    """Return the float with the fewest digits that is the same float32."""
    for digits in range(1, 10):
        short = float(f"{value:.{digits}g}")
        if struct.pack(">f", short) == struct.pack(">f", value):
            return short
    return value


def _positional(value: float) -> str:
    shown = format(Decimal(repr(value)), "f")
    return shown.removesuffix(".0")


def date_and_time(data: bytes) -> int | None:
    """Return the Unix time of a DateAndTime (RFC 2579), or None where it is of no form.

    Fields out of their range carry over into the next, as in Go's time.Date.

    >>> date_and_time(bytes.fromhex("07e80c1f173b3b00")), date_and_time(b"")
    (1735689599, None)
    """
    if len(data) not in {8, 11}:
        return None
    zone_s = 0
    if len(data) == 11:
        sign, hours, minutes = chr(data[8]), data[9], data[10]
        if sign not in "+-" or hours > 24 or minutes > 60:
            return None
        zone_s = (hours * 3600 + minutes * 60) * (1 if sign == "+" else -1)
    year = int.from_bytes(data[:2])
    month, day, hour, minute, second = data[2:7]
    return _days(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - zone_s


def _days(year: int, month: int, day: int) -> int:
    """Return the days since 1970-01-01 of a proleptic Gregorian date; month and day may lie outside their range."""
    year += (month - 1) // 12
    month = (month - 1) % 12 + 1
    shifted_year = year - (month <= 2)  # years that begin in March end with the leap day
    leaps = shifted_year // 4 - shifted_year // 100 + shifted_year // 400
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return shifted_year * 365 + leaps + day_of_year - 719_468  # 0000-03-01 to 1970-01-01


def ntp_time(data: bytes) -> int | None:
    """Return the Unix time of an NTP timestamp, in whole seconds; None for fewer than 8 octets."""
    return int.from_bytes(data[:4]) - _SECONDS_1900_TO_1970 if len(data) >= 8 else None
