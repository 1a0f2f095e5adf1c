"""Which days are free: weekends and holidays, by the local calendar. No I/O."""

import re
from collections.abc import Iterable
from datetime import date
from typing import Literal

import msgspec
import numpy as np

from anomaly_detector.models.model import DAY_S, F64, Mask

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
THURSDAY = 3  # 1970-01-01
LEAP_YEAR = 2000  # a year that has every date
_EVERY_YEAR = re.compile(r"[0-9]{2}-[0-9]{2}")


class Calendar(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Days on which another rhythm is usual than on the others.

    `free_weekdays`: of every week. `holidays`: dates, `2026-04-03`, or `12-25` for every year.
    """

    free_weekdays: tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...] = ("sat", "sun")
    holidays: tuple[str, ...] = ()

    def config_faults(self) -> Iterable[tuple[str, str]]:
        """Dates that exist."""
        for place, text in enumerate(self.holidays):
            try:
                _date(text)
            except ValueError:
                yield f"holidays[{place}]", f"'{text[:60]}' is no date (2026-04-03, or 12-25 for every year)"


def free_days(local_s: F64, calendar: Calendar | None) -> Mask:
    """Return which instants lie in a free day; `local_s` is the local clock's time as if it were Unix time.

    >>> free_days(np.array([0.0, 2 * DAY_S, 6 * DAY_S]), Calendar(holidays=("01-07",))).tolist()
    [False, True, True]
    """
    if calendar is None:
        return np.zeros(len(local_s), np.bool_)
    days, place = np.unique(np.floor(local_s / DAY_S).astype(np.int64), return_inverse=True)
    return np.array([_is_free(int(day), calendar) for day in days], np.bool_)[place.reshape(-1)]


def _is_free(day: int, calendar: Calendar) -> bool:
    if WEEKDAYS[(day + THURSDAY) % 7] in calendar.free_weekdays:
        return True
    when = date.fromordinal(date(1970, 1, 1).toordinal() + day).isoformat()
    return when in calendar.holidays or when[5:] in calendar.holidays


def _date(text: str) -> date:
    return date.fromisoformat(f"{LEAP_YEAR}-{text}" if _EVERY_YEAR.fullmatch(text) else text)
