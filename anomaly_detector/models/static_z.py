"""`static_z`: distance from the mean of what was seen, in standard deviations.

The simplest baseline, with O(1) memory. It learns until it has seen `memory`, then slowly, and does not know the
hour. It is there to be compared with, and for series that have nothing but a level. Updates are frozen while the score
is above 1; after `accept_after` without pause the new level is accepted.
"""

from typing import Annotated

import msgspec
import numpy as np

from anomaly_detector.models.model import DAY_S, F32, F64, Grid, History, Mask, ModelOptions, Plugin, State, Verdict
from anomaly_detector.scoring.daily import RELATIVE_FLOOR, TINY
from anomaly_detector.scoring.incidents import without_incident
from anomaly_detector.scoring.lasting import accepted
from anomaly_detector.scoring.learnable import learnable
from heronwatch.values import Duration

LARGEST = 1e15
SCORE_CAP = np.float32(100)
CLIP = 4.0  # standard deviations: what a single sample can teach at most


class StaticOptions(ModelOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of `class: static_z`.

    `threshold`: standard deviations at which the score is 1. `memory`: how slowly the mean follows at last.
    `warmup`: how much of a series must have been seen before it may score; `accept_after`: when a lasting new level
    becomes normal.
    """

    memory: Duration = Duration(30 * DAY_S)
    warmup: Duration = Duration(DAY_S)
    threshold: Annotated[float, msgspec.Meta(gt=0, le=1000)] = 5.0
    accept_after: Duration = Duration(3 * DAY_S)


class StaticZ:
    """The model; see the module's docstring."""

    features: tuple[str, ...] = ("level",)

    def __init__(self, options: StaticOptions) -> None:
        self._options = options

    def blank(self, count: int) -> State:
        """Return the state of series without history."""
        state: State = {name: np.zeros(count, np.float32) for name in ("mean", "variance", "seen_s", "above_s")}
        state["origin"] = np.full(count, np.nan)
        return state

    def fit(self, history: History, mask: Mask) -> State:
        """Learn mean and variance."""
        values = without_incident(learnable(history.values, mask, largest=LARGEST), history)
        state, known = self.blank(values.shape[1]), np.isfinite(values)
        count = np.maximum(known.sum(axis=0), 1)
        mean = np.where(known, values, 0).sum(axis=0) / count
        state["origin"][...] = np.where(known.any(axis=0), mean, np.nan)
        state["variance"][...] = np.where(known, np.square(values - mean), 0).sum(axis=0) / count
        state["seen_s"][...] = known.sum(axis=0) * history.step_s
        return state

    def step(self, block: F64, state: State, learn: Mask, grid: Grid) -> Verdict:
        """Judge and learn one sample of each series; see `Model.step`."""
        fresh = np.isfinite(block)
        block = np.clip(block, -LARGEST, LARGEST)
        np.copyto(state["origin"], block, where=fresh & np.isnan(state["origin"]))
        zero = np.nan_to_num(state["origin"])
        expected = zero + state["mean"]
        gap = np.where(fresh, block - expected, 0).astype(np.float32)
        spread = np.maximum(np.sqrt(state["variance"]), TINY + RELATIVE_FLOOR * np.abs(expected)).astype(np.float32)
        confidence = np.minimum(state["seen_s"] / np.float32(max(self._options.warmup, grid.step_s)), np.float32(1))
        half = np.float32(self._options.threshold) * spread
        contribution = np.minimum(np.abs(gap) / half, SCORE_CAP).astype(np.float32)
        score = np.where((confidence >= 1) & fresh, contribution, np.float32(0)).astype(np.float32)
        self._learn(state, gap, spread, fresh & learn & (score <= 1), grid)
        after = self._options.accept_after
        state["mean"] += gap * accepted(
            state["above_s"], score > 1, learn=fresh & learn, step_s=grid.step_s, accept_after=after
        )
        return Verdict(
            score=score,
            expected=expected,
            lower=expected - half,
            upper=expected + half,
            contribution=contribution[None, :],
            confidence=confidence.astype(np.float32),
        )

    def _learn(self, state: State, gap: F32, spread: F32, learn: Mask, grid: Grid) -> None:
        state["seen_s"] += np.float32(grid.step_s) * learn
        seen = np.maximum(state["seen_s"], np.float32(grid.step_s))
        new = seen < 20 * grid.step_s
        bound = np.where(new, np.float32(np.inf), np.float32(CLIP) * spread)
        rate = np.float32(grid.step_s) / np.minimum(seen, np.float32(self._options.memory)) * learn
        rate = np.minimum(rate, np.float32(1))
        taught = np.clip(gap, -bound, bound)
        state["mean"] += (rate * taught).astype(np.float32)
        state["variance"] += (rate * (np.square(taught) * (1 - rate) - state["variance"])).astype(np.float32)


PLUGIN = Plugin(name="static_z", options=StaticOptions, make=StaticZ, knows_the_hour=False)
