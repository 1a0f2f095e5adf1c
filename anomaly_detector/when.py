"""When something was, as people type it: a time, a date, or how long ago; one form for every command and address."""

import contextlib
from datetime import datetime, tzinfo

from anomaly_detector.cli_flags import TIMES
from anomaly_detector.scoring.learning import Instant
from heronwatch.faults import quoted
from heronwatch.values import Duration

PLAIN = ("%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S")
YEAR_10000_S = 253_402_300_800.0  # Unix time from which no date can be written


def when(text: str, *, now_s: float, zone: tzinfo) -> float:
    """Return the Unix time that a text means; ValueError when it means none, or is before 1970 or after 9999.

    So long before `now_s`; a date or a time in `zone`, a date being the beginning of that day; a time with its offset;
    Unix seconds. Of an hour that clocks show twice it is the first.

    >>> from datetime import UTC
    >>> when("2h", now_s=10_000.0, zone=UTC), when("1970-01-02", now_s=10_000.0, zone=UTC)
    (2800.0, 86400.0)
    """
    found = _seconds(text, now_s, zone)
    if found is None:
        raise ValueError(f"{quoted(text[:60])} is not a time: write {TIMES}")
    if not 0 <= found < YEAR_10000_S:
        words = "before 1970" if found < 0 else "beyond the year 9999 (are these milliseconds?)"
        raise ValueError(f"{quoted(text[:60])} lies {words}: write {TIMES}")
    return found


def _seconds(text: str, now_s: float, zone: tzinfo) -> float | None:
    with contextlib.suppress(ValueError):
        return now_s - float(Duration.parse(text))
    for form in PLAIN:
        with contextlib.suppress(ValueError, OverflowError):
            return datetime.strptime(text, form).replace(tzinfo=zone).timestamp()
    with contextlib.suppress(ValueError, OverflowError):
        return float(Instant.parse(text))
    return float(text) if text.replace(".", "", 1).isdecimal() and text.isascii() and len(text) < 20 else None
