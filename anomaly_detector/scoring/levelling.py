"""What a sign is worth: how rare its value is among all groups of the installation, so that signs can be compared.

A sign is followed over several spans, so that what is small but lasts counts as well: a sign over a span is a feature.
Levels are learnt from a stretch of history without known faults, and hold until they are learnt anew: `surprise` is the
decimal logarithm of how rare a value was then (3: one value in a thousand was as high). Beyond what SHARES reach the
tail is taken as exponential in the value. The evidence against a group is the surprise beyond what everyone shows now
and then, summed over the queries: what several say at once weighs more. No I/O.
"""

import msgspec
import numpy as np

from anomaly_detector.models.model import F32, F64, Mask
from anomaly_detector.series_table import Rows

SPANS_S = (900.0, 3600.0, 21_600.0)
SHARES: F64 = np.array([0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001])  # of values that are higher
TAIL = 3  # the place in SHARES from which the slope of the tail is taken
FEWEST = 10  # values that have to be above one for its share to be believed
SHORTEST = 0.01  # the tail runs over at least this much of a sign: none is taken as shorter
APART = 1e-4  # so that values ascend
AWAY_STEPS, RESTART_S = 2, 600.0
COMMON = 2.0  # decades: what one group in a hundred shows at any time is no evidence


class Spans:
    """Signs followed over every span: exponential means, for each group.

    A long span's feature is never above the shortest's: what is over is no evidence, however long it was. A group that
    was away for two steps has restarted, and is let settle for RESTART_S.
    """

    def __init__(self, signs: int, groups: int, step_s: float) -> None:
        self._rates = [np.float32(1 - np.exp(-step_s / span_s)) for span_s in SPANS_S]
        self._settles = 1 + round(RESTART_S / step_s)
        self.means: F32 = np.zeros((len(SPANS_S), signs, groups), np.float32)
        self.away: Rows = np.zeros(groups, np.intp)  # steps without a sample
        self.settling: Rows = np.zeros(groups, np.intp)  # steps to go

    def follow(self, signs: F32, there: Mask) -> F32:
        """Take an instant's signs (sign, group); return all features (span and sign, group).

        A group without a sample (`there` is False) keeps its features.
        """
        self.settling[there & (self.away >= AWAY_STEPS)] = self._settles
        self.away = np.where(there, 0, self.away + 1)
        self.settling -= there & (self.settling > 0)
        counts = there & (self.settling == 0)
        for place, rate in enumerate(self._rates):
            self.means[place] += np.where(counts, rate * (signs - self.means[place]), np.float32(0))
        return np.asarray(np.minimum(self.means, self.means[0]).reshape(-1, signs.shape[1]), np.float32)


class Levels(msgspec.Struct, frozen=True, kw_only=True):
    """How rare values are: of each feature (first axis) the values that the SHARES exceed, and the tail's slope.

    `rare` is the surprise at those values, `slope` in decades for each unit beyond the last.
    """

    values: F64
    rare: F64
    slope: F64

    def surprise(self, features: F32) -> F32:
        """Return how rare each group's most surprising feature is, in decades, for features (feature, group)."""
        beyond = np.maximum(features - self.values[:, -1:], 0) * self.slope[:, None]
        rows = [np.interp(row, at, self.rare, left=0) for row, at in zip(features, self.values, strict=True)]
        return np.asarray((np.stack(rows) + beyond).max(axis=0), np.float32)


def learn_levels(features: F32, learn: Mask) -> Levels:
    """Learn from history: `features` (instants, feature, group), where `learn` (instants, group) is True.

    Shares that too few values tell about are left out; with hardly any values everything is common.
    """
    picked = np.sort(np.moveaxis(features, 1, 0)[:, learn], axis=1)
    count = picked.shape[1]
    shares = SHARES[SHARES * count >= FEWEST]
    if len(shares) < 2:
        ascending = np.tile(np.array([0, APART]), (features.shape[1], 1))
        return Levels(values=ascending, rare=np.zeros(2), slope=np.zeros(features.shape[1]))
    place = np.minimum(((1 - shares) * count).astype(np.intp), count - 1)
    values = np.maximum.accumulate(picked[:, place].astype(np.float64) + APART * np.arange(len(shares)), axis=1)
    rare = -np.log10(shares)
    tail = min(TAIL, len(shares) - 2)
    slope = (rare[-1] - rare[tail]) / np.maximum(values[:, -1] - values[:, tail], SHORTEST)
    return Levels(values=values, rare=rare, slope=slope)


def evidence(surprises: F32) -> F32:
    """Return what all queries' surprises (query, …) together say.

    >>> evidence(np.array([[3.0, 1.0], [4.5, 1.9]], np.float32)).tolist()
    [3.5, 0.0]
    """
    return np.asarray(np.maximum(surprises - np.float32(COMMON), 0).sum(axis=0), np.float32)
