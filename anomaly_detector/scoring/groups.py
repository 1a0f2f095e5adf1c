"""Series rolled up by what they belong to, a device for instance: one query's scores of one instant in, its signs out.

A series counts by its score, or by twice the mean of the last quarter of an hour, to which a sample adds its score, or
its distance in half-widths of its band, but one at most: so a deviation that stays counts more than a burst that goes
further.

A sign is a number for each group that grows with the trouble. `top` is that of the worst series, `few` the mean of the
three worst, `breadth` the mean of all, or where asked for what is left of all (pca_residual.py); `above` and `below`
are the mean with deviations to the other side counted as negative, which shows what moves all of them a little; `still`
is by how much more of them repeat their last value than usual, which is how an agent looks that answers from a frozen
cache, once none has changed for longer than a slow scrape takes; `drift` is how far the last hour of the worst series
is off its last half day, in what is usual for the series: so a leak looks, long before it is a deviation; `fall` is by
what factor the level of all of them has just fallen: so an outage looks whose values are usual at another hour of the
week; `rise` is by what factor it has just risen, where deviations to both sides are asked for. These three are squared:
they are means of much, and have lighter tails than scores have. What a sign means differs from query to query and is
levelled later (levelling.py). No I/O.
"""

from typing import Literal

import numpy as np

from anomaly_detector.models.model import F32, F64, Mask, Verdict
from anomaly_detector.scoring.pca_residual import PcaResidual
from anomaly_detector.scoring.scoring import Direction
from anomaly_detector.series_table import Rows

GroupScore = Literal["mean", "pca"]  # what `breadth` is
SIGNS = ("top", "few", "breadth", "above", "below", "still", "drift", "fall", "rise")
TOP, FEW, BREADTH, ABOVE, BELOW, STILL, DRIFT, FALL, RISE = range(9)
SCORE_CAP = np.float32(5)  # of one series: far beyond the threshold is not more alarming
WORST = 3
LASTING_S = 900.0  # of the mean that sees a deviation within the band, or hardly outside, that stays
FELT, LASTING = np.float32(1), np.float32(2)  # half-widths: what a sample adds to it at most; what it counts
STILL_MEMORY_S = 86_400.0  # of how many repeat usually
SLOW_SCRAPE_S, FROZEN_S = 600.0, 900.0  # stillness that scraping explains; what comes on top until it counts in full
FEWEST = 8  # series for stillness to say anything
QUICK_S, SLOW_S = 3600.0, 43_200.0  # the two means between which a drift shows
WIDE_MEMORY_S = 7 * 86_400.0  # of how far apart they usually are
SETTLED_S = 86_400.0  # of a series before its drift says anything
DRIFT_CAP, DRIFT_CLIP = 25.0, 3.0  # usual distances: what counts at most, and what one sample teaches at most
ALONE, ENDLESS = 4.0, 1e30  # usual distances that a sample alone moves the quick mean at most; the largest value
JUST_S = 700.0  # memory of the level that a jump is seen against: two samples of most fleets, and steeper than rhythms
BOTTOM, JUMP_CLIP = 0.1, 2.3  # share of the half day's mean that is next to nothing; a series jumps tenfold at most
TINY = 1e-6
SHARE_OF_SIZE = 0.001  # of the value itself: a distance is never taken as smaller
CAPS = np.array([5, 5, 5, 5, 5, 1, DRIFT_CAP**2, JUMP_CLIP**2, JUMP_CLIP**2])  # what each sign can be at most
OF_ROWS = {"last": np.nan, "quick": np.nan, "slow": np.nan, "just": np.nan, "wide": 0.0, "seen_s": 0.0, "lasting": 0.0}


class Grouped:
    """Which group each row belongs to, ordered so that sums and maxima over groups are single calls."""

    def __init__(self, group: Rows, count: int) -> None:
        """Take the group (0 to `count` - 1, or -1 for none) of each row."""
        member = np.flatnonzero(group >= 0)
        self.order: Rows = member[np.argsort(group[member], kind="stable")]
        self.group = group
        self.count = count
        found, self._starts = np.unique(group[self.order], return_index=True)
        self._found: Rows = found.astype(np.intp)

    def sums(self, values: F32) -> F32:
        """Return the sum over each group of values given for each row; 0 for an empty group."""
        out = np.zeros(self.count, np.float32)
        if len(self.order):
            out[self._found] = np.add.reduceat(values[self.order], self._starts)
        return out

    def most(self, values: F32) -> F32:
        """Return the maximum over each group; 0 for an empty group."""
        out = np.zeros(self.count, np.float32)
        if len(self.order):
            out[self._found] = np.maximum.reduceat(values[self.order], self._starts)
        return out

    def worst(self, values: F32, wanted: Mask) -> Rows:
        """Return the row with the highest value of each of the `wanted` groups that is not empty."""
        rows = np.flatnonzero((self.group >= 0) & np.append(wanted, np.False_)[self.group])
        out: Rows = np.full(self.count, -1, np.intp)
        order = rows[np.argsort(values[rows], kind="stable")]
        out[self.group[order]] = order  # the last one written is the highest
        return out[out >= 0]


def deviation(verdict: Verdict, values: F64) -> F32:
    """Return by how many half-widths of its band each value is off what was expected, negative below it."""
    gap = values - verdict.expected
    half = np.where(gap < 0, verdict.expected - verdict.lower, verdict.upper - verdict.expected)
    off = np.divide(gap, half, out=np.sign(gap), where=half > 0)
    return np.clip(off, -SCORE_CAP, SCORE_CAP).astype(np.float32)


class Signs:
    """The signs of one query's groups, instant by instant.

    Of each row it remembers the last value, means of different speed and how far apart they are usually; of each group
    how still is usual.
    """

    def __init__(
        self, grouped: Grouped, rows: int, step_s: float, *, direction: Direction = "both", score: GroupScore = "mean"
    ) -> None:
        self._grouped = grouped
        self.residual = PcaResidual(grouped.group, grouped.count, step_s) if score == "pca" else None
        self._step_s, self._direction = step_s, direction
        self.last: F64 = np.full(rows, np.nan)
        self.quick: F64 = np.full(rows, np.nan)
        self.slow: F64 = np.full(rows, np.nan)
        self.wide: F32 = np.zeros(rows, np.float32)
        self.lasting: F32 = np.zeros(rows, np.float32)
        self.just: F32 = np.full(rows, np.nan, np.float32)
        self.seen_s: F32 = np.zeros(rows, np.float32)
        self.usual: F32 = np.full(grouped.count, np.nan, np.float32)
        self.unchanged_s: F32 = np.zeros(grouped.count, np.float32)

    def regroup(self, grouped: Grouped, new_rows: Rows) -> None:
        """Go over to other groups: those there were keep their numbers; `new_rows` hold other series from now on."""
        more, groups = len(grouped.group) - len(self.last), grouped.count - self._grouped.count
        self._grouped = grouped
        if self.residual is not None:
            self.residual.regroup(grouped.group, grouped.count, new_rows)
        self.usual = np.concatenate((self.usual, np.full(max(0, groups), np.nan, np.float32)))
        self.unchanged_s = np.concatenate((self.unchanged_s, np.zeros(max(0, groups), np.float32)))
        for name, blank in OF_ROWS.items():
            before = getattr(self, name)
            array = np.concatenate((before, np.full(max(0, more), blank, before.dtype)))
            array[new_rows] = blank
            setattr(self, name, array)

    def take(self, score: F32, values: F64, off: F32, learn: Mask, *, unsure: Rows | None = None) -> tuple[F32, Mask]:
        """Return the signs (sign, group) of an instant, and which groups have a sample in it.

        `score`, `values` and `off` (see `deviation`) have one entry for each row, `values` NaN where there is no
        sample; `learn` one for each group: where it is False, this instant does not tell what is usual. The rows
        `unsure` have a value that says nothing: a group is there by them, and shows nothing.
        """
        grouped, fresh = self._grouped, np.isfinite(values)
        there = grouped.sums(fresh.astype(np.float32)) > 0
        if unsure is not None and len(unsure):
            values = values.copy()
            values[unsure], fresh[unsure] = np.nan, False
        count = grouped.sums(fresh.astype(np.float32))
        size = np.maximum(count, 1)
        sided = self._strength(np.minimum(np.where(fresh, score, np.float32(0)), SCORE_CAP), off, fresh)
        capped = np.abs(sided)
        out = np.zeros((len(SIGNS), grouped.count), np.float32)
        out[TOP], out[FEW] = self._worst(capped)
        residual = self.residual
        out[BREADTH] = grouped.sums(capped) / size if residual is None else residual.take(sided, learn)
        tilt = grouped.sums(sided) / size
        out[ABOVE], out[BELOW] = np.maximum(tilt, 0), np.maximum(-tilt, 0)
        tamed = self._tamed(values)
        out[STILL] = self._still(values, fresh, count, learn)
        out[DRIFT] = grouped.most(self._drift(tamed, fresh, np.append(learn, np.True_)[grouped.group]))
        if self._direction != "above_expected":
            out[FALL], out[RISE] = self._jumps(tamed, fresh)
        return out, there

    def _strength(self, score: F32, off: F32, fresh: Mask) -> F32:
        """Return what each row counts, negative below what was expected."""
        side = np.where(off < 0, np.float32(-1), np.float32(1))
        felt = np.where(score > 0, np.minimum(np.maximum(score, np.abs(off)), FELT), np.float32(0)) * side
        rate = np.float32(1 - np.exp(-self._step_s / LASTING_S))
        self.lasting += np.where(fresh, rate * (felt - self.lasting), np.float32(0))
        lasting = LASTING * self.lasting * fresh
        return np.where(np.abs(lasting) > score, lasting, side * score)

    def _worst(self, capped: F32) -> tuple[F32, F32]:
        """Return the worst score of each group and the mean of its WORST worst."""
        grouped, rest, total = self._grouped, capped.copy(), np.zeros(self._grouped.count, np.float32)
        top = grouped.most(capped)
        for _ in range(WORST):
            most = grouped.most(rest)
            total += most
            of_row = np.append(most, np.float32(np.inf))[grouped.group]
            rest[rest >= of_row] = 0  # series that say the very same count once
        return top, total / np.float32(WORST)

    def _tamed(self, values: F64) -> F64:
        """Return values of which one alone, and no neighbour with it, moves no mean for long: it may be garbage."""
        usual, wide = self.slow, self.wide + SHARE_OF_SIZE * np.abs(np.nan_to_num(self.slow))
        off, before = values - usual, self.last - usual
        alone = ALONE / (1 - np.exp(-self._step_s / QUICK_S)) * wide
        most = np.maximum(np.where(np.sign(off) == np.sign(before), np.abs(before), 0), alone)
        settled = self.seen_s >= SETTLED_S
        tamed = np.where(settled & (np.abs(off) > most), usual + np.sign(off) * most, values)
        return np.asarray(np.clip(tamed, -ENDLESS, ENDLESS), np.float64)

    def _still(self, values: F64, fresh: Mask, count: F32, learn: Mask) -> F32:
        known = fresh & np.isfinite(self.last)
        repeats = self._grouped.sums((known & (values == self.last)).astype(np.float32))
        share = repeats / np.maximum(count, 1)
        enough = (count >= FEWEST) & (self._grouped.sums(known.astype(np.float32)) == count)
        np.copyto(self.last, values, where=fresh)
        np.copyto(self.usual, share, where=enough & np.isnan(self.usual))
        stands = enough & (share > (1 + self.usual) / 2)
        self.unchanged_s = np.where(stands, self.unchanged_s + np.float32(self._step_s), np.float32(0))
        frozen = np.clip((self.unchanged_s - SLOW_SCRAPE_S) / FROZEN_S, 0, 1)
        more = np.where(enough, frozen * np.maximum(share - self.usual, 0), 0).astype(np.float32)
        rate = np.float32(min(1.0, self._step_s / STILL_MEMORY_S))
        self.usual += np.where(enough & learn, rate * (share - self.usual), np.float32(0))
        return more

    def _drift(self, values: F64, fresh: Mask, learn: Mask) -> F32:
        step_s, begins = self._step_s, fresh & np.isnan(self.quick)
        for mean, span_s in ((self.quick, QUICK_S), (self.slow, SLOW_S)):
            np.copyto(mean, values, where=begins)
            np.add(mean, np.where(fresh, (1 - np.exp(-step_s / span_s)) * (values - mean), 0), out=mean)
        self.seen_s += np.float32(step_s) * fresh
        apart = np.nan_to_num(self.quick - self.slow)
        wide = np.maximum(self.wide, TINY + SHARE_OF_SIZE * np.abs(np.nan_to_num(self.slow)))
        settled = fresh & (self.seen_s >= SETTLED_S)
        drift = np.where(settled, apart / wide, 0)
        taught = np.minimum(np.abs(apart), np.where(settled, DRIFT_CLIP * wide, np.inf))
        rate = step_s / np.clip(self.seen_s, step_s, WIDE_MEMORY_S)
        self.wide += np.where(fresh & learn, rate * (taught - self.wide), 0).astype(np.float32)
        sided = {"both": np.abs(drift), "above_expected": drift, "below_expected": -drift}[self._direction]
        return np.asarray(np.square(np.clip(sided, 0, DRIFT_CAP)), np.float32)

    def _jumps(self, values: F64, fresh: Mask) -> tuple[F32, F32]:
        """Return the squares of the mean logarithms by which each group's series just fell and rose; after `_drift`."""
        size, lively = np.maximum(np.nan_to_num(self.slow), TINY), fresh & (self.slow > TINY)
        level = np.log(np.maximum(np.nan_to_num(values), 0) + BOTTOM * size).astype(np.float32)
        np.copyto(self.just, level, where=lively & np.isnan(self.just))
        step = np.where(lively, np.clip(level - self.just, -JUMP_CLIP, JUMP_CLIP), np.float32(0))
        rate = np.float32(1 - np.exp(-self._step_s / JUST_S))
        self.just += np.where(lively, rate * (level - self.just), np.float32(0))
        mean = self._grouped.sums(step) / np.maximum(self._grouped.sums(lively.astype(np.float32)), 1)
        up = np.maximum(mean, 0) if self._direction == "both" else np.zeros_like(mean)
        return np.asarray(np.square(np.maximum(-mean, 0)), np.float32), np.asarray(np.square(up), np.float32)
