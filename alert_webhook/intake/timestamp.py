"""RFC 3339 with nanoseconds, as Go writes it, to whole nanoseconds since 1970."""

import re
from datetime import UTC, datetime

NANOSECONDS = 1_000_000_000
ZERO_YEAR = 1  # Go's zero time, 0001-01-01T00:00:00Z, means "not set"
PATTERN = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,12}))?(?:[Zz]|([+-])(\d\d):(\d\d))", re.ASCII
)


def nanoseconds(text: str) -> int | None:
    """Return nanoseconds since 1970, or None for Go's zero time; ValueError for what is no RFC 3339 time.

    >>> nanoseconds("1970-01-01T00:00:01.000000002Z")
    1000000002
    """
    match = PATTERN.fullmatch(text)
    if match is None:
        raise ValueError(f"{text[:64]!r} is not an RFC 3339 time")
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    if year == ZERO_YEAR:
        return None
    seconds = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC).timestamp()
    fraction = int((match[7] or "").ljust(9, "0")[:9])
    return (int(seconds) - _offset_s(match)) * NANOSECONDS + fraction


def _offset_s(match: re.Match[str]) -> int:
    if match[8] is None:
        return 0
    offset = int(match[9]) * 3600 + int(match[10]) * 60
    return -offset if match[8] == "-" else offset
