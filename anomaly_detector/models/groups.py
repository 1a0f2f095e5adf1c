"""Group scores: what the series of a host, and the hosts of a site, say together.

`mean` is the mean of the members' scores, each cut at `CAP`, so that one loud series does not speak for its host.
`pca` (an option) adds what a linear model of the members' usual company does not explain: it finds a host whose
series each look normal but no longer move together. Both are calibrated by their own past: 1 is the threshold.
"""

import msgspec
import numpy as np
import numpy.typing as npt

from anomaly_detector.models.model import F32, F64, Mask, State
from anomaly_detector.scoring.calibration import GAUSS_EXCESS, Tail, fit_tail, follow_tail, stretch, threshold

CAP = np.float32(3)
LEAST = 0.35  # of the mean: a third of the members at their own thresholds
EXPLAINED = 0.9  # of the variance: the components that are the usual company
SHRINK = 1e-3
Members = npt.NDArray[np.intp]


def group_means(scores: F32, members: Members, count: int) -> F32:
    """Return the mean of the capped scores of each group; 0 for a group without a member that has a score.

    `members` is the group of each series, NaN scores are left out.

    >>> group_means(np.array([0.0, 9.0, np.nan, 1.0], np.float32), np.array([0, 0, 0, 1]), 3).tolist()
    [1.5, 1.0, 0.0]
    """
    known = np.isfinite(scores)
    total = np.bincount(members[known], np.minimum(scores[known], CAP), minlength=count)
    size = np.bincount(members[known], minlength=count)
    return np.asarray(total / np.maximum(size, 1), np.float32)


class GroupMean:
    """Calibrated means of groups; `alarms_per_day` is what one group without faults may cost."""

    def __init__(self, *, alarms_per_day: float = 0.01, memory_s: float = 7 * 86_400.0) -> None:
        self._alarms_per_day = alarms_per_day
        self._memory_s = memory_s

    def blank(self, count: int) -> State:
        """Return the state of groups without history."""
        return {
            "tail": np.full(count, LEAST / 2, np.float32),
            "excess": np.full(count, GAUSS_EXCESS / 4, np.float32),
        }

    def fit(self, means: F32) -> State:
        """Learn from past means (instants, groups), NaN where there was none."""
        tail = fit_tail(means)
        return {"tail": tail.start, "excess": tail.excess}

    def step(self, means: F32, state: State, learn: Mask, step_s: float) -> F32:
        """Return the score of each group and learn from it where `learn` is True and the score is not above 1."""
        tail = Tail(state["tail"], state["excess"])
        limit = threshold(tail, stretch(self._alarms_per_day, step_s), least=LEAST)
        score = means / limit
        rate = np.float32(step_s / self._memory_s) * (learn & (score <= 1))
        follow_tail(tail, means, rate=rate.astype(np.float32))
        return np.asarray(score, np.float32)


class Company(msgspec.Struct, frozen=True, kw_only=True):
    """The usual company of one group's members: how each is centred and scaled, and what they share."""

    centre: F64
    scale: F64
    shared: F64

    def residual(self, values: F64) -> F64:
        """Return the root mean square of what the company does not explain, for each instant (instants, members)."""
        known = np.nan_to_num((values - self.centre) / self.scale)
        rest = known - (known @ self.shared) @ self.shared.T
        return np.asarray(np.sqrt(np.square(rest).mean(axis=-1)))


def fit_company(values: F64) -> Company:
    """Learn the company of one group from its members' past (instants, members), NaN where there was no sample."""
    centre = np.nan_to_num(np.nanmedian(values, axis=0)) if len(values) else np.zeros(values.shape[1])
    gap = np.nan_to_num(values - centre)
    scale = np.maximum(np.sqrt(np.square(gap).mean(axis=0)) if len(values) else 1.0, 1e-9 + SHRINK * np.abs(centre))
    known = np.clip(gap / scale, -5, 5)
    strength, directions = np.linalg.eigh(known.T @ known / max(1, len(known)) + SHRINK * np.eye(len(centre)))
    order = np.argsort(-strength)
    share = np.cumsum(strength[order]) / strength.sum()
    kept = int(np.searchsorted(share, EXPLAINED)) + 1
    return Company(centre=centre, scale=scale, shared=directions[:, order[: min(kept, len(order) - 1)]])
