"""What a device's series do that they do not usually do together: the residual of a principal component analysis.

An option in place of the mean of their scores. For each group the covariance of its series' deviations is learnt with a
memory of a week, and a few times a day its strongest components, as many as explain EXPLAINED of it. What they do not
explain is the residual; its root mean square is told in what is usual for the group. What is above a threshold teaches
no more than a threshold. Bounded: MOST series of a group take part, so that a series costs 8 B for each other one of
its group, and 2 B in what a restart needs. No I/O.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from anomaly_detector.models.model import F32, Mask
from anomaly_detector.series_table import Rows

MOST = 64  # series of a group that take part, the first ones
EXPLAINED = 0.9  # of the variance
MEMORY_S = 7 * 86_400.0
LEARNT_S = 86_400.0  # before anything is said
RENEWED_S = 6 * 3600.0
SLIGHT = np.float32(0.05)  # thresholds: a residual is never taken as usually smaller
TAUGHT = np.float32(1)  # thresholds: what one sample teaches at most
WHO, COVARIANCE, USUAL, SEEN = "who", "covariance", "usual", "seen_s"  # what is remembered
Arrays = dict[str, npt.NDArray[Any]]


class PcaResidual:
    """The residuals of one query's groups, instant by instant."""

    def __init__(self, group: Rows, count: int, step_s: float) -> None:
        """Take the group (0 to `count` - 1, or -1 for none) of each row."""
        self._step_s = step_s
        self._renewed_s = 0.0
        self.slots = slots_of(group, count)
        self.covariance, self.remainder, self.usual, self.seen_s = blank(self.slots)

    def regroup(self, group: Rows, count: int, new_rows: Rows) -> None:
        """Go over to other groups: those whose series are the same keep what they learnt; `new_rows` hold others."""
        before, slots = self.slots, slots_of(group, count)
        old = (self.covariance, self.remainder, self.usual, self.seen_s)
        self.slots = slots
        self.covariance, self.remainder, self.usual, self.seen_s = blank(slots)
        both = min(len(before), len(slots))
        width = min(before.shape[1], slots.shape[1])
        same = (before[:both, :width] == slots[:both, :width]).all(axis=1)
        same &= (before[:both, width:] < 0).all(axis=1) & (slots[:both, width:] < 0).all(axis=1)
        kept = np.flatnonzero(same & ~np.isin(slots[:both], new_rows).any(axis=1))
        for array, was in ((self.covariance, old[0]), (self.remainder, old[1])):
            array[kept, :width, :width] = was[kept, :width, :width]
        self.usual[kept], self.seen_s[kept] = old[2][kept], old[3][kept]

    def remembered(self, identity: Rows, groups: Rows) -> Arrays:
        """Return what another run needs of some groups; `identity` is the number of each row's series, 0 for none.

        Of the covariance, which is symmetric, one half.
        """
        upper = np.triu_indices(self.slots.shape[1])
        half = self.covariance[groups][:, upper[0], upper[1]]
        who = _who(self.slots[groups], identity)
        return {WHO: who, COVARIANCE: half, USUAL: self.usual[groups], SEEN: self.seen_s[groups]}

    def recall(self, kept: Mapping[str, npt.NDArray[Any]], identity: Rows, groups: Rows) -> None:
        """Go on with what was `remembered` of `groups`, those with the very same series, whatever rows they have now.

        What is not of the shape that it should have is passed over.
        """
        if not _fits(kept, len(groups)):
            return
        mine, theirs = _who(self.slots[groups], identity), kept[WHO]
        width, wide = mine.shape[1], max(mine.shape[1], theirs.shape[1])
        mine, theirs = (np.pad(one, ((0, 0), (0, wide - one.shape[1]))) for one in (mine, theirs))
        here, there = np.argsort(mine, axis=1, kind="stable"), np.argsort(theirs, axis=1, kind="stable")
        same = (np.take_along_axis(mine, here, 1) == np.take_along_axis(theirs, there, 1)).all(axis=1)
        same = np.flatnonzero(same & mine.any(axis=1))
        place = np.empty_like(here)  # where in what is kept each of the slots here is
        np.put_along_axis(place, here, there, axis=1)
        of, place = groups[same], place[same][:, :width]
        whole = _whole(kept[COVARIANCE][same], kept[WHO].shape[1], wide)
        self.covariance[of] = whole[np.arange(len(of))[:, None, None], place[:, :, None], place[:, None, :]]
        self.usual[of], self.seen_s[of] = kept[USUAL][same], kept[SEEN][same]
        self.remainder[of] = remainder(self.covariance[of])

    def take(self, deviation: F32, learn: Mask) -> F32:
        """Return the residual of each group at an instant, in what is usual for it; 0 while that is unknown.

        `deviation` has one entry for each row, in thresholds with its sign, 0 without a sample; `learn` one for each
        group.
        """
        used = self.slots >= 0
        if not used.any():
            return np.zeros(len(self.slots), np.float32)
        of_group = np.where(used, deviation[self.slots], 0).astype(np.float32)
        rest = np.einsum("gij,gj->gi", self.remainder, of_group)
        size = np.sqrt(np.square(rest).sum(axis=1) / np.maximum(used.sum(axis=1), 1)).astype(np.float32)
        told = np.where(self.seen_s >= LEARNT_S, size / np.maximum(self.usual, SLIGHT), 0).astype(np.float32)
        self._learn(of_group, size, learn)
        return told

    def _learn(self, of_group: F32, size: F32, learn: Mask) -> None:
        step_s = self._step_s
        rate = (step_s / np.clip(self.seen_s + step_s, step_s, MEMORY_S) * learn).astype(np.float32)
        taught = np.clip(of_group, -TAUGHT, TAUGHT)
        product = taught[:, :, None] * taught[:, None, :]
        self.covariance += rate[:, None, None] * (product - self.covariance)
        self.usual += rate * (np.minimum(size, TAUGHT) - self.usual)
        self.seen_s += np.float32(step_s) * learn
        self._renewed_s += step_s
        if self._renewed_s >= RENEWED_S:
            self._renewed_s = 0.0
            self.remainder = remainder(self.covariance)


def blank(slots: Rows) -> tuple[F32, F32, F32, F32]:
    """Return what is known at first: covariance, what leaves all unexplained, usual residuals, seconds seen."""
    groups, width = slots.shape
    none: F32 = np.zeros(groups, np.float32)
    covariance: F32 = np.zeros((groups, width, width), np.float32)
    return covariance, np.repeat(np.eye(width, dtype=np.float32)[None], groups, axis=0), none, none.copy()


def slots_of(group: Rows, count: int) -> Rows:
    """Return the rows of each group side by side, -1 where it has no more: (group, at most MOST).

    >>> slots_of(np.array([1, 0, 1, -1]), 2).tolist()
    [[1, -1], [0, 2]]
    """
    member = np.flatnonzero(group >= 0)
    order = member[np.argsort(group[member], kind="stable")]
    begins = np.searchsorted(group[order], np.arange(count))
    place = np.arange(len(order)) - begins[group[order]]
    width = min(MOST, int(place.max(initial=-1)) + 1)
    slots: npt.NDArray[np.intp] = np.full((count, width), -1, np.intp)
    fits = place < width
    slots[group[order[fits]], place[fits]] = order[fits]
    return slots


def remainder(covariance: F32) -> F32:
    """Return, for each group, the matrix that leaves of deviations what the strongest components do not explain.

    As many components as explain EXPLAINED of the variance, but never all.
    """
    values, vectors = np.linalg.eigh(covariance.astype(np.float64))
    values = np.maximum(values, 0)
    weaker = np.cumsum(values, axis=1)  # ascending: the share that this one and the weaker ones have
    left = weaker <= (1 - EXPLAINED) * weaker[:, -1:]
    left[:, :1] = True
    kept = np.where(left[:, None, :], vectors, 0)
    return np.asarray(kept @ vectors.transpose(0, 2, 1), np.float32)


def _who(slots: Rows, identity: Rows) -> Rows:
    """Return the number of the series in each slot, 0 for none."""
    return np.append(identity, 0)[slots]  # -1, for none, is the last one


def _fits(kept: Mapping[str, npt.NDArray[Any]], groups: int) -> bool:
    who = kept.get(WHO)
    if who is None or who.dtype != np.intp or who.ndim != 2 or len(who) != groups or who.shape[1] > MOST:
        return False
    half = (groups, who.shape[1] * (who.shape[1] + 1) // 2)
    wanted = {COVARIANCE: half, USUAL: (groups,), SEEN: (groups,)}
    arrays = {name: kept.get(name) for name in wanted}
    return all(
        one is not None and one.dtype == np.float32 and one.shape == wanted[name] for name, one in arrays.items()
    )


def _whole(half: F32, width: int, wide: int) -> F32:
    """Return symmetric matrices of which the upper halves are given, with zeros up to `wide`."""
    out: F32 = np.zeros((len(half), wide, wide), np.float32)
    rows, columns = np.triu_indices(width)
    out[:, rows, columns] = out[:, columns, rows] = half
    return out
