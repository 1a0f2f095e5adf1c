"""`seasonal_robust`: hour-of-day medians, robust spread, a slow level, thresholds calibrated for each series.

Expected value = origin + profile(hour of day) + level; on the free days of the configured calendar (weekends,
holidays) a second profile is added, that of how they differ from the others. The profiles and the spread have one knot
at the middle of every hour and are interpolated between knots, so that a steep morning is not taken for noise. Two
features share the score: `level`, the deviation of this sample in spreads, and `shift`, the same smoothed over `smooth`
samples, which finds small lasting changes. Each is divided by its own threshold (scoring/calibration.py).

What is learnt, and when it is not:
- updates are clipped at 4 spreads, and frozen while the score is above 1: a fault is not learnt;
- the spread has floors, so that constant and quantised series do not alarm at their first wiggle;
- after `accept_after` above 1 without pause, the new level is accepted as normal.
"""

from collections.abc import Iterable
from typing import Annotated

import msgspec
import numpy as np

from anomaly_detector.models.model import (
    DAY_S,
    F32,
    F64,
    Grid,
    History,
    Mask,
    ModelOptions,
    Plugin,
    State,
    Verdict,
)
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
    TINY,
    along,
    between,
    daily_profile,
    hourly_spread,
    knots_at,
    least_spread,
)
from anomaly_detector.scoring.lasting import accepted
from anomaly_detector.scoring.learnable import blocks_to_learn
from heronwatch.values import Duration

MEAN_ABS_TO_SIGMA = np.float32(1.2533)  # the same over its mean absolute deviation: sqrt(pi / 2)
CLIP = np.float32(4)  # spreads: what a single sample can teach at most
SCORE_CAP = np.float32(100)
SHIFT_REACH = np.float32(2)  # thresholds of `level`: what `shift` hears of a wilder sample
LEAST_LEVEL, LEAST_SHIFT = 3.0, 1.5  # spreads: no threshold is below these
LARGEST = 1e25  # larger values are taken as this: divided by the smallest spread it is still a float32
SHORTEST_MEMORY_S = 3600.0
SHORT_MEMORY_S = 600.0  # a new series' level follows at least this slowly
KNOT_SHORT_MEMORY_S = 300.0
TAIL_SHORT_MEMORY_S = 6 * 3600.0
FIT_BLOCK = 256  # series fitted at once: bounds the memory of the sorts


class SeasonalRobustOptions(ModelOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of `class: seasonal_robust`.

    `memory`: time constant of everything learnt; long, because a quick learner learns the fault.
    `warmup`: how much of a series must have been seen before it may score.
    `alarms_per_day`: expected alarms of one series without faults; `sensitivity` divides the thresholds.
    `smooth`: samples over which `shift` averages; `accept_after`: when a lasting new level becomes normal.
    """

    memory: Duration = Duration(7 * DAY_S)
    warmup: Duration = Duration(DAY_S)
    alarms_per_day: Annotated[float, msgspec.Meta(gt=0, le=100)] = 0.01
    sensitivity: Annotated[float, msgspec.Meta(ge=0.1, le=10)] = 1.0
    smooth: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 6
    accept_after: Duration = Duration(3 * DAY_S)

    def config_faults(self) -> Iterable[tuple[str, str]]:
        """A memory long enough not to learn the fault."""
        if self.memory < SHORTEST_MEMORY_S:
            yield "memory", f"{self.memory} is shorter than 1h: so quick a learner learns the fault"


class SeasonalRobust:
    """The model; see the module's docstring. Holds its options and nothing else."""

    features: tuple[str, ...] = ("level", "shift")

    def __init__(self, options: SeasonalRobustOptions) -> None:
        self._options = options
        self._gain = np.float32(2 / (options.smooth + 1))

    def blank(self, count: int) -> State:
        """Return the state of series without history: they learn fast and score nothing until warmed up."""
        state: State = {name: np.zeros(count, np.float32) for name in ("level", "shift", "floor", "seen_s", "above_s")}
        state["origin"] = np.full(count, np.nan)
        state["profile"] = np.zeros((KNOTS, count), np.float32)
        state["free_profile"] = np.zeros((KNOTS, count), np.float32)
        state["spread"] = np.full((KNOTS, count), TINY, np.float32)
        state["floor"] += TINY
        for name in self.features:
            state[f"{name}_tail"] = np.full(count, GAUSS_TAIL, np.float32)
            state[f"{name}_excess"] = np.full(count, 2 * GAUSS_EXCESS, np.float32)
        return state

    def fit(self, history: History, mask: Mask) -> State:
        """Learn profile, spread and thresholds by medians; some hundred series at a time."""
        state = self.blank(history.values.shape[1])
        for values, views in blocks_to_learn(history, mask, state, size=FIT_BLOCK, largest=LARGEST):
            self._fit_block(values, history, views)
        return state

    def step(self, block: F64, state: State, learn: Mask, grid: Grid) -> Verdict:
        """Judge and learn one sample of each series; see `Model.step`."""
        fresh = np.isfinite(block)
        block = np.clip(block, -LARGEST, LARGEST)
        origin = state["origin"]
        np.copyto(origin, block, where=fresh & np.isnan(origin))
        low, high, share = knots_at(grid.day_s)
        spread = np.maximum(between(state["spread"], low, high, share), state["floor"])
        seasonal = between(state["profile"], low, high, share) + state["level"]
        if grid.free:
            seasonal += between(state["free_profile"], low, high, share)
        zero = np.nan_to_num(origin)
        deviation = np.where(fresh, block - zero - seasonal, 0).astype(np.float32)
        limits = self._thresholds(state, grid.step_s)
        z = np.clip(deviation / spread, -SCORE_CAP * limits[0], SCORE_CAP * limits[0]).astype(np.float32, copy=False)
        shift = self._smooth(state["shift"], z, limits[0])
        contribution = np.minimum(np.abs(np.stack((z, shift))) / limits, SCORE_CAP) * fresh
        confidence = np.minimum(state["seen_s"] / np.float32(max(self._options.warmup, grid.step_s)), np.float32(1))
        score = np.where(confidence >= 1, contribution.max(axis=0), np.float32(0))
        half = (limits[0] * spread).astype(np.float64)
        expected = (zero + seasonal).astype(np.float64)
        self._learn(state, deviation, spread, np.abs(z), fresh & learn & (score <= 1), grid)
        beyond = np.abs(deviation) > SHIFT_REACH * limits[0] * spread
        lasting = np.where(beyond, deviation, state["shift"] * spread)
        self._accept(state, lasting, score > 1, fresh & learn, grid.step_s)
        return Verdict(
            score=score,
            expected=expected,
            lower=expected - half,
            upper=expected + half,
            contribution=contribution.astype(np.float32),
            confidence=confidence,
        )

    def _thresholds(self, state: State, step_s: float) -> F32:
        """Return the thresholds, one row for each feature."""
        by = stretch(self._options.alarms_per_day, step_s)
        rows = [
            threshold(Tail(state[f"{name}_tail"], state[f"{name}_excess"]), by, least=least)
            for name, least in zip(self.features, (LEAST_LEVEL, LEAST_SHIFT), strict=True)
        ]
        return np.stack(rows) / np.float32(self._options.sensitivity)

    def _smooth(self, shift: F32, z: F32, limit: F32) -> F32:
        """Advance the smoothed deviation, in place; without a sample (z = 0) it decays.

        Its input is clipped at `SHIFT_REACH` times the level's threshold, so that one spike alone cannot hold it up.
        """
        shift += self._gain * (np.clip(z, -SHIFT_REACH * limit, SHIFT_REACH * limit) - shift)
        return shift

    def _learn(self, state: State, deviation: F32, spread: F32, z: F32, learn: Mask, grid: Grid) -> None:
        """Move everything learnt towards this sample, at rates that slow down as more of the series was seen."""
        seen, step, memory = state["seen_s"], np.float32(grid.step_s), np.float32(self._options.memory)
        seen += step * learn
        new = seen < 20 * step
        bound = np.where(new, np.float32(np.inf), CLIP * spread)
        taught = np.clip(deviation, -bound, bound) * learn
        state["level"] += taught * np.minimum(step / np.clip(seen, SHORT_MEMORY_S, memory), np.float32(1))
        knot_rate = np.minimum(step / np.clip(seen / KNOTS, KNOT_SHORT_MEMORY_S, memory / KNOTS), np.float32(1))
        rate = np.where(new, np.float32(0.3), knot_rate) * learn
        low, high, share = knots_at(grid.day_s)
        profile = "free_profile" if grid.free else "profile"
        for knot, weight in ((low, 1 - share), (high, share)):
            state[profile][knot] += taught * knot_rate * weight
            wanted = np.maximum(MEAN_ABS_TO_SIGMA * np.abs(taught), state["floor"])
            state["spread"][knot] += (wanted - state["spread"][knot]) * rate * weight
        tail_rate = (step / np.clip(seen, TAIL_SHORT_MEMORY_S, memory) * (learn & ~new)).astype(np.float32)
        for name, statistic in zip(self.features, (z, np.abs(state["shift"])), strict=True):
            follow_tail(Tail(state[f"{name}_tail"], state[f"{name}_excess"]), statistic, rate=tail_rate)

    def _accept(self, state: State, lasting: F32, above: Mask, learn: Mask, step_s: float) -> None:
        """Count the time above 1; after `accept_after` without pause a `lasting` deviation is part of the level."""
        after = self._options.accept_after
        accept = accepted(state["above_s"], above, learn=learn, step_s=step_s, accept_after=after)
        state["level"] += np.where(accept, lasting, np.float32(0))
        state["shift"][accept] = 0

    def _fit_block(self, values: F64, history: History, state: State) -> None:
        """Fit one block of series, writing to the views in `state`."""
        origin = column_quantiles(values.astype(np.float32), (0.5,))[0].astype(np.float64)
        state["origin"][...] = origin
        known = np.isfinite(origin)
        centred = (values - np.nan_to_num(origin)).astype(np.float32)
        nothing_else = history.free is None or history.free.all()  # then it is what this series does on any day
        free = np.zeros(len(values), np.bool_) if history.free is None or nothing_else else history.free
        profile = daily_profile(centred[~free], _part(history, ~free))
        deviation = centred - along(profile, history.day_s)
        state["profile"][...] = profile
        if free.any():
            state["free_profile"][...] = daily_profile(deviation[free], _part(history, free))
            deviation[free] -= along(state["free_profile"], history.day_s[free])
        state["floor"][...] = np.where(known, least_spread(values, deviation), TINY)
        state["spread"][...] = np.maximum(hourly_spread(deviation, history.day_s), state["floor"])
        state["seen_s"][...] = np.isfinite(centred).sum(axis=0) * np.float32(history.step_s)
        self._fit_tails(deviation / along(state["spread"], history.day_s), state, history)

    def _fit_tails(self, z: F32, state: State, history: History) -> None:
        """Measure the tails of both features; run `shift` over the history."""
        level = fit_tail(np.abs(z))
        state["level_tail"][...], state["level_excess"][...] = level.start, level.excess
        limit = self._thresholds(state, history.target_step_s)[0]
        shifts = np.empty_like(z)
        for instant, row in enumerate(np.nan_to_num(z)):
            shifts[instant] = self._smooth(state["shift"], row, limit)
        shift = fit_tail(np.where(np.isfinite(z), np.abs(shifts), np.nan))
        if history.step_s > history.target_step_s:  # live samples are closer, so smoothing calms them less than here
            shift = Tail(np.maximum(shift.start, level.start), np.maximum(shift.excess, level.excess))
        state["shift_tail"][...], state["shift_excess"][...] = shift.start, shift.excess


def _part(history: History, chosen: Mask) -> History:
    """Return some instants of a history as one, for its profile."""
    return msgspec.structs.replace(history, values=history.values[chosen], day_s=history.day_s[chosen], free=None)


PLUGIN = Plugin(name="seasonal_robust", options=SeasonalRobustOptions, make=SeasonalRobust)
