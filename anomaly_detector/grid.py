"""Instants: which are due, how history is cut into questions, what time of day each is. Pure arithmetic."""

import math
from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

import numpy as np

from anomaly_detector.models.model import DAY_S, F64
from anomaly_detector.source.matrix import grid_times
from heronwatch.faults import quoted
from heronwatch.words import nearest

MOST_INSTANTS = 50_000  # a week, one every 12 s
REMEMBERED = 4096  # offsets of quarters of an hour: six weeks, asked for at every instant of every query
OFFSET_BUCKET_S = 900.0  # every UTC offset in use, and every change of one, is at a quarter of an hour


def newest_instant(now_s: float, step_s: float, offset_s: float) -> float:
    """Return the newest instant of the grid that is at least `offset_s` old; the grid starts at Unix time 0.

    >>> newest_instant(1000.0, 60.0, 2.0)
    960.0
    """
    return math.floor((now_s - offset_s) / step_s + 1e-9) * step_s


def instants_due(last_s: float, newest_s: float, step_s: float, *, most: int, reach_s: float) -> F64:
    """Return up to `most` instants after the last one done, oldest first; beyond `reach_s` back they are given up.

    >>> instants_due(600.0, 960.0, 60.0, most=3, reach_s=3600.0).tolist()
    [660.0, 720.0, 780.0]
    """
    first = max(last_s + step_s, newest_s - math.floor(reach_s / step_s) * step_s)
    return grid_times(first, min(newest_s, first + (most - 1) * step_s), step_s)


def history_step(step_s: float, window_s: float, *, series: int, max_points: int) -> float:
    """Return the distance of history's instants: a multiple of `step_s` that keeps series times instants in the budget.

    However few the series are, instants are at most MOST_INSTANTS, because models learn them one after the other.

    >>> history_step(60.0, 604800.0, series=10_000, max_points=8_000_000)
    780.0
    """
    points = max(1, series) * window_s / step_s
    return step_s * max(1, math.ceil(points / max_points), math.ceil(window_s / step_s / MOST_INSTANTS))


def chunks(times_s: F64, most: int) -> Iterator[F64]:
    """Cut instants into runs of at most `most`."""
    for first in range(0, len(times_s), most):
        yield times_s[first : first + most]


def day_seconds(times_s: F64, timezone: tzinfo) -> F64:
    """Return the seconds since local midnight for each instant.

    >>> day_seconds(np.array([3600.0, 90000.0]), UTC).tolist()
    [3600.0, 3600.0]
    """
    return np.mod(local_seconds(times_s, timezone), DAY_S)


def local_seconds(times_s: F64, timezone: tzinfo) -> F64:
    """Return what the local clock shows at each instant, as if it were Unix time."""
    numbers = np.floor(times_s / OFFSET_BUCKET_S)
    buckets, place = np.unique(numbers, return_inverse=True) if len(numbers) > 1 else (numbers, np.zeros(1, np.intp))
    offsets = np.array([_utc_offset_s(bucket * OFFSET_BUCKET_S, timezone) for bucket in buckets.tolist()])
    return np.asarray(times_s + offsets[place]) if len(times_s) else times_s


def timezone_named(name: str) -> tzinfo:
    """Return a timezone; ValueError when it is not known here. UTC needs no timezone database.

    >>> timezone_named("Europe/Madird")
    Traceback (most recent call last):
    ValueError: 'Europe/Madird' is not a timezone known here (did you mean 'Europe/Madrid'?)
    """
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as exc:
        near = nearest(name, sorted(available_timezones()))
        meant = f"did you mean '{near}'?" if near else "Europe/Berlin, UTC"
        raise ValueError(f"{quoted(name)} is not a timezone known here ({meant})") from exc


@lru_cache(maxsize=REMEMBERED)
def _utc_offset_s(time_s: float, timezone: tzinfo) -> float:
    offset = datetime.fromtimestamp(time_s, UTC).astimezone(timezone).utcoffset()
    return offset.total_seconds() if offset is not None else 0.0
