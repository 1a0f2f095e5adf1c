"""Notifications counted as they happen: each device or site above 1, once until it was below for an hour. No I/O."""

from collections.abc import Iterable

import numpy as np

from anomaly_detector.grouping.follow import Told
from anomaly_detector.models.model import F64
from anomaly_detector.scoring.budget import QUIET_S
from anomaly_detector.series_table import Rows


class Tally:
    """Counts the notifications of one query; `judged` are the instants at which anything was known."""

    def __init__(self) -> None:
        self.notifications = self.judged = 0
        self._last_s: dict[bool, F64] = {False: np.zeros(0), True: np.zeros(0)}  # above 1, of devices and of sites

    def note(self, told: Told | None) -> None:
        """Take what was told about an instant; None while nothing is known."""
        if told is None:
            return
        self.judged += 1
        for sites, score in ((False, told.group), (True, told.site)):
            before = self._last_s[sites]
            last_s = np.pad(before, (0, len(score) - len(before)), constant_values=-np.inf)
            above: Rows = np.flatnonzero(score > 1)
            self.notifications += int((told.time_s - last_s[above] > QUIET_S).sum())
            last_s[above] = told.time_s
            self._last_s[sites] = last_s


def tallied(said: Iterable[Told | None]) -> Tally:
    """Return the tally of a whole span."""
    tally = Tally()
    for told in said:
        tally.note(told)
    return tally
