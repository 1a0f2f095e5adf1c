"""Series rolled up by what they belong to, a device or a site: one query's scores of one instant in, its signs out.

A sign is a number for each group that grows with the trouble. Four are taken of every query: `top`, the score of the
worst series; `breadth`, the mean score of all its series; `tilt`, the same with the scores of series below their
expected value counted as negative, which shows what moves all of them a little; `still`, by how much more of them
repeat their last value than usual, which is how an agent looks that answers from a frozen cache. What a sign means
differs from query to query and is levelled later (levelling.py). No I/O.
"""

import numpy as np

from anomaly_detector.models.model import F32, F64, Mask
from anomaly_detector.series_table import Rows

SIGNS = ("top", "breadth", "tilt", "still")
TOP, BREADTH, TILT, STILL = range(4)
SCORE_CAP = np.float32(5)  # of one series, in both: far beyond the threshold is not more alarming
STILL_MEMORY_S = 86_400.0  # of how many repeat usually
FEWEST = 8  # series for stillness to say anything


class Grouped:
    """Which group each row belongs to, ordered so that sums and maxima over groups are single calls."""

    def __init__(self, group: Rows, count: int) -> None:
        """Take the group (0 to `count` - 1, or -1 for none) of each row."""
        member = np.flatnonzero(group >= 0)
        self.order: Rows = member[np.argsort(group[member], kind="stable")]
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


class Signs:
    """The signs of one query's groups, instant by instant: remembers the last values and how still is usual."""

    def __init__(self, grouped: Grouped, rows: int, step_s: float) -> None:
        self._grouped = grouped
        self._rate = np.float32(min(1.0, step_s / STILL_MEMORY_S))
        self.last: F64 = np.full(rows, np.nan)
        self.usual: F32 = np.full(grouped.count, np.nan, np.float32)

    def take(self, score: F32, values: F64, expected: F64, learn: Mask) -> tuple[F32, Mask]:
        """Return the signs (sign, group) of an instant, and which groups have a sample in it.

        `score`, `values` and `expected` have one entry for each row, `values` NaN where there is no sample; `learn` one
        for each group: where it is False, this instant does not tell what is usual.
        """
        grouped, fresh = self._grouped, np.isfinite(values)
        count = grouped.sums(fresh.astype(np.float32))
        there = count > 0
        capped = np.minimum(np.where(fresh, score, np.float32(0)), SCORE_CAP)
        out = np.zeros((len(SIGNS), grouped.count), np.float32)
        out[TOP] = grouped.most(capped)
        out[BREADTH] = grouped.sums(capped) / np.maximum(count, 1)
        out[TILT] = np.abs(grouped.sums(np.where(values < expected, -capped, capped))) / np.maximum(count, 1)
        out[STILL] = self._still(values, fresh, count, learn)
        return out, there

    def _still(self, values: F64, fresh: Mask, count: F32, learn: Mask) -> F32:
        known = fresh & np.isfinite(self.last)
        repeats = self._grouped.sums((known & (values == self.last)).astype(np.float32))
        share = repeats / np.maximum(count, 1)
        enough = (count >= FEWEST) & (self._grouped.sums(known.astype(np.float32)) == count)
        np.copyto(self.last, values, where=fresh)
        np.copyto(self.usual, share, where=enough & np.isnan(self.usual))
        more = np.where(enough, np.maximum(share - self.usual, 0), 0).astype(np.float32)
        self.usual += np.where(enough & learn, self._rate * (share - self.usual), np.float32(0))
        return more
