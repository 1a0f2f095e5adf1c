"""RFC 3339 with nanoseconds, as Go writes it, to whole nanoseconds since 1970."""

import re
from datetime import UTC, datetime
from functools import lru_cache

NANOSECONDS = 1_000_000_000
ZERO_YEAR = "0001"  # Go's zero time, 0001-01-01T00:00:00Z, means "not set"
SECOND = re.compile(r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)", re.ASCII)
REST = re.compile(r"(?:\.(\d{1,12}))?(?:[Zz]|([+-])(\d\d):(\d\d))", re.ASCII)
SECOND_CHARACTERS = 19
NEVER = "0001-01-01T00:00:00Z"  # the zero time as Go writes it
POWERS = tuple(10 ** (9 - digits) for digits in range(10))
REMEMBERED = 4096  # alerts of a storm share their seconds


def nanoseconds(text: str) -> int | None:
    """Return nanoseconds since 1970, or None for Go's zero time; ValueError for what is no RFC 3339 time.

    >>> nanoseconds("1970-01-01T00:00:01.000000002Z")
    1000000002
    """
    if text == NEVER:
        return None
    fraction = text[SECOND_CHARACTERS + 1 : -1]
    if text[SECOND_CHARACTERS : SECOND_CHARACTERS + 1] == "." and text[-1] == "Z" and _short(fraction):  # as Go does
        seconds = _second(text[:SECOND_CHARACTERS])
        return None if seconds is None else seconds * NANOSECONDS + int(fraction) * POWERS[len(fraction)]
    return _with_offset(text)


def _short(fraction: str) -> bool:
    return len(fraction) < len(POWERS) and fraction.isascii() and fraction.isdigit()


def _with_offset(text: str) -> int | None:
    seconds = _second(text[:SECOND_CHARACTERS])
    rest = REST.fullmatch(text, SECOND_CHARACTERS)
    if rest is None:
        raise ValueError(f"{text[:64]!r} is not an RFC 3339 time")
    if seconds is None:
        return None
    fraction = int((rest[1] or "").ljust(9, "0")[:9])
    return (seconds - _offset_s(rest)) * NANOSECONDS + fraction


@lru_cache(maxsize=REMEMBERED)
def _second(text: str) -> int | None:
    match = SECOND.fullmatch(text)
    if match is None:
        raise ValueError(f"{text[:64]!r} is not an RFC 3339 time")
    if match[1] == ZERO_YEAR:
        return None
    year, month, day, hour, minute, second = map(int, match.groups())
    return int(datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC).timestamp())


def _offset_s(rest: re.Match[str]) -> int:
    if rest[2] is None:
        return 0
    offset = int(rest[3]) * 3600 + int(rest[4]) * 60
    return -offset if rest[2] == "-" else offset
