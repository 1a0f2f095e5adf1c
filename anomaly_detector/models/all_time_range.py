"""`all_time_range`: tells whether a sample is outside everything seen so far.

With O(1) memory: the smallest and the largest value. The score is 1 at `margin` times the range beyond it. A value
outside widens the range once `accept_after` has passed without a pause above 1, or as long as the score stays below.
"""

from typing import Annotated

import msgspec
import numpy as np

from anomaly_detector.models.model import DAY_S, F32, F64, Grid, History, Mask, ModelOptions, Plugin, State, Verdict
from anomaly_detector.scoring.daily import RELATIVE_FLOOR, TINY
from anomaly_detector.scoring.lasting import accepted
from heronwatch.values import Duration

LARGEST = 1e15
SCORE_CAP = np.float32(100)


class RangeOptions(ModelOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of `class: all_time_range`.

    `margin`: share of the range by which a value must leave it. `warmup`: how much must have been seen before it may
    score. `accept_after`: when values that stay outside become normal.
    """

    margin: Annotated[float, msgspec.Meta(gt=0, le=100)] = 0.1
    warmup: Duration = Duration(DAY_S)
    accept_after: Duration = Duration(3 * DAY_S)


class AllTimeRange:
    """The model; see the module's docstring."""

    features: tuple[str, ...] = ("range",)

    def __init__(self, options: RangeOptions) -> None:
        self._options = options

    def blank(self, count: int) -> State:
        """Return the state of series without history."""
        return {
            "least": np.full(count, np.nan),
            "most": np.full(count, np.nan),
            "seen_s": np.zeros(count, np.float32),
            "above_s": np.zeros(count, np.float32),
        }

    def fit(self, history: History, mask: Mask) -> State:
        """Learn the range."""
        values = np.clip(history.values, -LARGEST, LARGEST)
        known = mask & np.isfinite(values)
        state = self.blank(values.shape[1])
        some = known.any(axis=0)
        state["least"][...] = np.where(some, np.where(known, values, np.inf).min(axis=0, initial=np.inf), np.nan)
        state["most"][...] = np.where(some, np.where(known, values, -np.inf).max(axis=0, initial=-np.inf), np.nan)
        state["seen_s"][...] = known.sum(axis=0) * history.step_s
        return state

    def step(self, block: F64, state: State, learn: Mask, grid: Grid) -> Verdict:
        """Judge and learn one sample of each series; see `Model.step`."""
        fresh = np.isfinite(block)
        block = np.clip(block, -LARGEST, LARGEST)
        for name in ("least", "most"):
            np.copyto(state[name], block, where=fresh & np.isnan(state[name]))
        least, most = np.nan_to_num(state["least"]), np.nan_to_num(state["most"])
        floor = TINY + RELATIVE_FLOOR * np.maximum(np.abs(least), np.abs(most))
        margin = self._options.margin * np.maximum(most - least, floor)
        outside = np.where(fresh, np.maximum(least - block, block - most), 0)
        contribution = np.clip(outside / margin, 0, SCORE_CAP).astype(np.float32)
        confidence = np.minimum(state["seen_s"] / np.float32(max(self._options.warmup, grid.step_s)), np.float32(1))
        score = np.where(confidence >= 1, contribution, np.float32(0)).astype(np.float32)
        self._learn(state, block, fresh, learn, score, grid.step_s)
        return Verdict(
            score=score,
            expected=(least + most) / 2,
            lower=least - margin,
            upper=most + margin,
            contribution=contribution[None, :],
            confidence=confidence.astype(np.float32),
        )

    def _learn(self, state: State, block: F64, fresh: Mask, learn: Mask, score: F32, step_s: float) -> None:
        after = self._options.accept_after
        lasted = accepted(state["above_s"], score > 1, learn=fresh & learn, step_s=step_s, accept_after=after)
        taught = fresh & learn & ((score <= 1) | lasted)
        np.copyto(state["least"], np.minimum(state["least"], block), where=taught)
        np.copyto(state["most"], np.maximum(state["most"], block), where=taught)
        state["seen_s"] += np.float32(step_s) * taught


PLUGIN = Plugin(name="all_time_range", options=RangeOptions, make=AllTimeRange, knows_the_hour=False)
