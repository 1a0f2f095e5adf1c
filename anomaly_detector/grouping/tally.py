"""Notifications counted as they happen: each device or site above 1, once until it was below for an hour. No I/O."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import msgspec
import numpy as np

from anomaly_detector.grouping.follow import QueryGroups, Told
from anomaly_detector.models.model import F32, F64
from anomaly_detector.scoring.budget import QUIET_S
from anomaly_detector.series_table import Rows

MOST_NAMED, MOST_TOLD = 50, 5  # notifications that are kept by name; that are told


class Notified(msgspec.Struct, kw_only=True):
    """One notification: who it was of, since when (Unix seconds), and the highest score until it was over."""

    name: str
    begins: float
    peak: float

    def __str__(self) -> str:
        """Return it for people: when, who, how high.

        >>> print(Notified(name="sw20", begins=1_792_893_600.0, peak=4.21))
        2026-10-25T02:00Z sw20 4.2
        """
        return f"{datetime.fromtimestamp(self.begins, UTC):%Y-%m-%dT%H:%MZ} {self.name} {self.peak:.1f}"


def highest(every: Sequence[Notified], most: int = MOST_TOLD) -> list[Notified]:
    """Return those with the highest scores, oldest first."""
    return sorted(sorted(every, key=lambda one: -one.peak)[:most], key=lambda one: one.begins)


class Tally:
    """Counts the notifications of one query; `judged` are the instants at which anything was known.

    `named` are the first MOST_NAMED of them.
    """

    def __init__(self) -> None:
        self.notifications = self.judged = 0
        self.named: list[Notified] = []
        self._last_s: dict[bool, F64] = {False: np.zeros(0), True: np.zeros(0)}  # above 1, of devices and of sites
        self._going_on: dict[tuple[bool, int], Notified] = {}

    def note(self, told: Told | None, groups: QueryGroups) -> None:
        """Take what was told about an instant of these groups; None while nothing is known."""
        if told is None:
            return
        self.judged += 1
        self._note(told.group, groups.devices, told.time_s, sites=False)
        self._note(told.site, groups.sites, told.time_s, sites=True)

    def _note(self, score: F32, places: Mapping[str, int], time_s: float, *, sites: bool) -> None:
        before = self._last_s[sites]
        last_s = np.pad(before, (0, len(score) - len(before)), constant_values=-np.inf)
        above: Rows = np.flatnonzero(score > 1)
        fresh = time_s - last_s[above] > QUIET_S
        self.notifications += int(fresh.sum())
        last_s[above] = time_s
        self._last_s[sites] = last_s
        self._name({int(one) for one in above[fresh]}, places, time_s, sites=sites)
        for place in above.tolist():
            going_on = self._going_on.get((sites, place))
            if going_on is not None:
                going_on.peak = max(going_on.peak, float(score[place]))

    def _name(self, fresh: set[int], places: Mapping[str, int], time_s: float, *, sites: bool) -> None:
        """Begin notifications of these places, by name while there are few."""
        for name, place in places.items() if fresh else ():
            if place in fresh:
                self._going_on.pop((sites, place), None)
                if len(self.named) < MOST_NAMED:
                    one = Notified(name=name, begins=time_s, peak=0.0)
                    self._going_on[sites, place] = one
                    self.named.append(one)
