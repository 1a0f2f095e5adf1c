"""`holt_winters`: level, trend and an hour-of-day season, each smoothed exponentially; the residual is judged.

Additive Holt-Winters (Winters, "Forecasting sales by exponentially weighted moving averages", 1960) with one knot for
each hour in place of one seasonal index for each sample, so that memory does not depend on the step, and with updates
cut at `CLIP` residuals and frozen while the score is above 1; after `accept_after` without pause the new level is
accepted.
"""

from typing import Annotated

import msgspec
import numpy as np

from anomaly_detector.models.model import DAY_S, F32, F64, Grid, History, Mask, ModelOptions, Plugin, State, Verdict
from anomaly_detector.scoring.calibration import (
    GAUSS_EXCESS,
    GAUSS_TAIL,
    Tail,
    column_quantiles,
    fit_tail,
    follow_tail,
    stretch,
    threshold,
)
from anomaly_detector.scoring.daily import (
    KNOTS,
    RELATIVE_FLOOR,
    TINY,
    along,
    between,
    daily_profile,
    hourly_spread,
    knots_at,
)
from anomaly_detector.scoring.incidents import without_incident
from anomaly_detector.scoring.lasting import accepted
from anomaly_detector.scoring.learnable import learnable
from heronwatch.values import Duration

LARGEST = 1e15
SCORE_CAP = np.float32(100)
CLIP = np.float32(3)
LEAST = 4.0  # standard deviations: no threshold is below this
SHORT_MEMORY_S = 6 * 3600.0
MEAN_ABS_TO_SIGMA = np.float32(1.2533)


class HoltWintersOptions(ModelOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of `class: holt_winters`.

    `level_memory`, `trend_memory`, `season_memory`: time constants. `alarms_per_day`: expected alarms of one series
    without faults. `warmup`: how much of a series must have been seen before it may score; `accept_after`: when a
    lasting new level becomes normal.
    """

    level_memory: Duration = Duration(6 * 3600)
    trend_memory: Duration = Duration(7 * DAY_S)
    season_memory: Duration = Duration(7 * DAY_S)
    warmup: Duration = Duration(2 * DAY_S)
    alarms_per_day: Annotated[float, msgspec.Meta(gt=0, le=100)] = 0.01
    accept_after: Duration = Duration(3 * DAY_S)


class HoltWinters:
    """The model; see the module's docstring."""

    features: tuple[str, ...] = ("residual",)

    def __init__(self, options: HoltWintersOptions) -> None:
        self._options = options

    def blank(self, count: int) -> State:
        """Return the state of series without history; `trend` is in units a second."""
        state: State = {name: np.zeros(count, np.float32) for name in ("level", "trend", "seen_s", "above_s")}
        state["origin"] = np.full(count, np.nan)
        state["tail"] = np.full(count, GAUSS_TAIL, np.float32)
        state["excess"] = np.full(count, 2 * GAUSS_EXCESS, np.float32)
        state["size"] = np.zeros((KNOTS, count), np.float32)
        state["season"] = np.zeros((KNOTS, count), np.float32)
        return state

    def fit(self, history: History, mask: Mask) -> State:
        """Take the season of the medians, the level of the last day, the spread of the residuals."""
        values = without_incident(learnable(history.values, mask, largest=LARGEST), history)
        state = self.blank(values.shape[1])
        if not len(values):
            return state
        origin = column_quantiles(values.astype(np.float32), (0.5,))[0].astype(np.float64)
        rest = (values - np.nan_to_num(origin)).astype(np.float32)
        state["origin"][...] = origin
        state["season"][...] = daily_profile(rest, history)
        rest -= along(state["season"], history.day_s)
        day = max(1, round(DAY_S / history.step_s))
        state["level"][...] = np.nan_to_num(column_quantiles(rest[-day:], (0.5,))[0])
        middle = np.nan_to_num(column_quantiles(rest, (0.5,))[0])
        state["size"][...] = hourly_spread(rest - middle, history.day_s)
        state["seen_s"][...] = np.isfinite(rest).sum(axis=0) * history.step_s
        tail = fit_tail(np.abs(rest - middle) / np.maximum(along(state["size"], history.day_s), self._floor(origin)))
        state["tail"][...], state["excess"][...] = tail.start, tail.excess
        return state

    def step(self, block: F64, state: State, learn: Mask, grid: Grid) -> Verdict:
        """Judge and learn one sample of each series; see `Model.step`."""
        fresh = np.isfinite(block)
        block = np.clip(block, -LARGEST, LARGEST)
        np.copyto(state["origin"], block, where=fresh & np.isnan(state["origin"]))
        low, high, share = knots_at(grid.day_s)
        ahead = state["level"] + state["trend"] * np.float32(grid.step_s) + between(state["season"], low, high, share)
        expected = np.nan_to_num(state["origin"]) + ahead
        gap = np.where(fresh, block - expected, 0).astype(np.float32)
        size = np.maximum(between(state["size"], low, high, share), self._floor(expected))
        tail = Tail(state["tail"], state["excess"])
        half = size * threshold(tail, stretch(self._options.alarms_per_day, grid.step_s), least=LEAST)
        contribution = np.minimum(np.abs(gap) / half, SCORE_CAP).astype(np.float32)
        confidence = np.minimum(state["seen_s"] / np.float32(max(self._options.warmup, grid.step_s)), np.float32(1))
        score = np.where(confidence >= 1, contribution, np.float32(0)).astype(np.float32)
        self._learn(state, gap, size, fresh & learn & (score <= 1), grid)
        after = self._options.accept_after
        state["level"] += gap * accepted(
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

    @staticmethod
    def _floor(expected: F64) -> F32:
        return np.asarray(TINY + RELATIVE_FLOOR * np.abs(np.nan_to_num(expected)), np.float32)

    def _learn(self, state: State, gap: F32, size: F32, learn: Mask, grid: Grid) -> None:
        options, step = self._options, np.float32(grid.step_s)
        state["seen_s"] += step * learn
        bound = np.where(state["seen_s"] < 20 * step, np.float32(np.inf), CLIP * size)
        taught = np.clip(gap, -bound, bound) * learn
        memory = np.clip(state["seen_s"], step, np.float32(max(options.level_memory, grid.step_s)))
        state["level"] += state["trend"] * step * learn + taught * (step / memory)
        state["trend"] += (
            taught
            / np.float32(max(options.level_memory, grid.step_s))
            * (step / np.float32(max(options.trend_memory, grid.step_s)))
        )
        low, high, share = knots_at(grid.day_s)
        memory = np.clip(state["seen_s"] / KNOTS, step, np.float32(max(options.season_memory / KNOTS, grid.step_s)))
        rate = np.minimum(step / memory, np.float32(1))
        for knot, weight in ((low, 1 - share), (high, share)):
            state["season"][knot] += taught * rate * weight
            state["size"][knot] += (MEAN_ABS_TO_SIGMA * np.abs(taught) - state["size"][knot]) * rate * weight * learn
        slow = np.clip(state["seen_s"], SHORT_MEMORY_S, np.float32(max(options.season_memory, SHORT_MEMORY_S)))
        tail_rate = (step / slow * learn).astype(np.float32)
        follow_tail(Tail(state["tail"], state["excess"]), np.asarray(np.abs(gap) / size, np.float32), rate=tail_rate)


PLUGIN = Plugin(name="holt_winters", options=HoltWintersOptions, make=HoltWinters)
