"""From signs of groups to scores: device and site of one query, 1 being the threshold that the budget allows.

What three devices of one site show within six hours (a power cut, an upstream line, the end of summer time, the
weather) is the site's: it is said once, as the score of the site, and the devices stay below 1 meanwhile. Before it is
as much as that, a device counts by what it shows beyond the middle one of its site; and what jumps at the same moment
on several devices of a site (a shift that ends, a backup) is not taken for the jump of one (sites.py). No I/O.
"""

import msgspec
import numpy as np

from anomaly_detector.models.model import F32, Mask
from anomaly_detector.scoring.groups import FALL, RISE
from anomaly_detector.scoring.levelling import DAYS, FEATURES, FOLLOWED, Levels, Spans, learn_levels, missed_loud
from anomaly_detector.scoring.sites import Apart, beyond_sites, held_by_sites
from anomaly_detector.series_table import Rows

DAY_S = 86_400.0
TOGETHER_S = 6 * 3600.0
TOGETHER = 3  # devices of one site: then it is the site


class Rolled(msgspec.Struct, frozen=True, kw_only=True):
    """Scores of one instant: of each group and each site; 0 while nothing is known.

    `alone` are those that groups would have if no site spoke for them.
    """

    group: F32
    site: F32
    alone: F32


class RollUp:
    """One query's groups, instant by instant; `site` is the site (0 to `sites` - 1, or -1) of each group."""

    def __init__(self, site: Rows, sites: int, *, step_s: float, threshold: float) -> None:
        groups = len(site)
        self.site, self.sites, self.threshold = site, sites, threshold
        self.spans = Spans(len(FOLLOWED), groups, step_s)
        self.falls, self.rises = Apart(site, step_s), Apart(site, step_s)
        self.highest: F32 = np.full((DAYS, FEATURES, groups), np.nan, np.float32)
        self.loud: Mask = np.zeros((DAYS, groups), np.bool_)
        self.today: F32 = np.full((FEATURES, groups), np.nan, np.float32)
        self.loud_today: Mask = np.zeros(groups, np.bool_)
        self.levels: Levels | None = None
        self.day = -1
        self.best: F32 = np.zeros(groups, np.float32)
        self.best_s = np.full(groups, -np.inf)

    @property
    def days(self) -> int:
        """How many days are known."""
        return int(np.isfinite(self.highest[:, 0]).any(axis=1).sum())

    @property
    def judged(self) -> Mask:
        """Which groups are known for long enough to be judged."""
        if self.levels is None:
            return np.zeros(len(self.site), np.bool_)
        return np.asarray(np.isfinite(self.levels.own[0]))

    def grow(self, site: Rows, sites: int) -> None:
        """Go over to more groups; those there were keep their places."""
        more = len(site) - len(self.site)
        self.site, self.sites = site, sites
        self.falls.grow(site)
        self.rises.grow(site)
        if not more:
            return
        self.spans.grow(len(site))
        wide = ((0, 0), (0, 0), (0, more))
        self.highest = np.pad(self.highest, wide, constant_values=np.nan)
        self.today = np.pad(self.today, wide[1:], constant_values=np.nan)
        self.loud, self.loud_today = np.pad(self.loud, wide[1:]), np.pad(self.loud_today, (0, more))
        self.best, self.best_s = np.pad(self.best, (0, more)), np.pad(self.best_s, (0, more))
        if self.levels is not None:
            own = np.pad(self.levels.own, wide[1:], constant_values=np.nan)
            self.levels = msgspec.structs.replace(self.levels, own=own)

    def at(self, signs: F32, there: Mask, time_s: float) -> Rolled:
        """Take the signs (sign, group) of an instant; where `there` is False a group has no sample or is let be."""
        day = int(time_s // DAY_S)
        if day != self.day:
            self._close(day)
        features = self.spans.follow(self._followed(signs, there), there)
        self.today = np.where(there, np.fmax(self.today, features), self.today)
        if self.levels is None:
            none = np.zeros(len(there), np.float32)
            return Rolled(group=none, site=np.zeros(self.sites, np.float32), alone=none)
        score: F32 = np.where(there, self.levels.surprise(features), 0).astype(np.float32) / np.float32(self.threshold)
        self.loud_today |= score > 1
        site = self._sites(score, time_s)
        alone = beyond_sites(score, self.site)
        return Rolled(group=held_by_sites(alone, site, self.site), site=site, alone=alone)

    def relearn(self) -> None:
        """Learn the levels from the days that are remembered."""
        missed = missed_loud(self.highest, self.loud, limit=self.threshold)
        self.levels = learn_levels(self.highest, self.loud | missed)

    def take_over(self, past: "RollUp", *, own: Rows, other: Rows) -> None:
        """Let the groups `own` go on with what the groups `other` of another run remember, which ended just now."""
        self.spans.means[..., own] = past.spans.means[..., other]
        self.highest[..., own], self.loud[:, own] = past.highest[..., other], past.loud[:, other]
        if self.day in (-1, past.day):
            self.day = past.day
            self.today[:, own] = np.fmax(self.today[:, own], past.today[:, other])
            self.loud_today[own] |= past.loud_today[other]
        higher = past.best[other] > self.best[own]
        self.best[own] = np.where(higher, past.best[other], self.best[own])
        self.best_s[own] = np.where(higher, past.best_s[other], self.best_s[own])
        self.relearn()

    def _followed(self, signs: F32, there: Mask) -> F32:
        """Return the signs, and the part of falls that other devices of the site do not show at the same moment.

        Of rises only that part is left; what all of a site fall by is told as the site's.
        """
        fall, rise = (np.where(there, np.sqrt(signs[sign]), np.float32(0)) for sign in (FALL, RISE))
        followed = np.concatenate((signs, np.square(self.falls.of(fall))[None]))
        followed[RISE] = np.square(self.rises.of(rise))
        return followed

    def _close(self, day: int) -> None:
        """End a day: its highest values are remembered in place of the oldest ones."""
        if self.day >= 0 and np.isfinite(self.today).any():
            self.highest = np.concatenate((self.highest[1:], self.today[None]))
            self.loud = np.concatenate((self.loud[1:], self.loud_today[None]))
            self.relearn()
        self.today, self.loud_today = np.full_like(self.today, np.nan), np.zeros_like(self.loud_today)
        self.day = day

    def _sites(self, score: F32, time_s: float) -> F32:
        """Return the score of each site: that of the third of its devices, of the highest within TOGETHER_S."""
        newer = (score >= self.best) | (self.best_s < time_s - TOGETHER_S)
        self.best = np.where(newer, score, self.best)
        self.best_s = np.where(newer, time_s, self.best_s)
        out = np.zeros(self.sites, np.float32)
        for site in np.unique(self.site[(self.best > 1) & (self.site >= 0)]).tolist():
            best = np.sort(self.best[self.site == site])
            if len(best) >= TOGETHER:
                out[site] = best[-TOGETHER]
        return out
