"""`seasonal_robust`: hour-of-day medians, robust spread, a slow level, thresholds calibrated for each series.

Expected value = origin + profile(hour of day) + level. The profile and the spread have one knot at the middle of
every hour and are interpolated between knots, so that a steep morning is not taken for noise. Two features share the
score: `level`, the deviation of this sample in spreads, and `shift`, the same smoothed over `smooth` samples, which
finds small lasting changes. Each is divided by its own threshold (scoring/calibration.py).

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
from heronwatch.values import Duration

KNOTS = 24
KNOT_S = DAY_S / KNOTS
MAD_TO_SIGMA = np.float32(1.4826)  # standard deviation of a Gaussian over its median absolute deviation
MEAN_ABS_TO_SIGMA = np.float32(1.2533)  # the same over its mean absolute deviation: sqrt(pi / 2)
CLIP = np.float32(4)  # spreads: what a single sample can teach at most
SCORE_CAP = np.float32(100)
LEAST_LEVEL, LEAST_SHIFT = 3.0, 1.5  # spreads: no threshold is below these
LARGEST = 1e25  # larger values are taken as this: divided by the smallest spread it is still a float32
TINY = np.float32(1e-9)
RELATIVE_FLOOR = np.float32(1e-3)  # of the typical magnitude: below is rounding, not behaviour
SHORTEST_MEMORY_S = 3600.0
SHORT_MEMORY_S = 600.0  # a new series' level follows at least this slowly
KNOT_SHORT_MEMORY_S = 300.0
TAIL_SHORT_MEMORY_S = 6 * 3600.0
QUANTUM_JUMPS = 10  # fewer changes than this say nothing about the smallest possible one
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
        state["spread"] = np.full((KNOTS, count), TINY, np.float32)
        state["floor"] += TINY
        for name in self.features:
            state[f"{name}_tail"] = np.full(count, GAUSS_TAIL, np.float32)
            state[f"{name}_excess"] = np.full(count, 2 * GAUSS_EXCESS, np.float32)
        return state

    def fit(self, history: History, mask: Mask) -> State:
        """Learn profile, spread and thresholds by medians; some hundred series at a time."""
        state = self.blank(history.values.shape[1])
        for first in range(0, history.values.shape[1], FIT_BLOCK):
            block = slice(first, first + FIT_BLOCK)
            values = np.where(mask[:, block], history.values[:, block], np.nan)
            values[~np.isfinite(values)] = np.nan
            np.clip(values, -LARGEST, LARGEST, out=values)
            if values.shape[0]:
                self._fit_block(values, history, {name: array[..., block] for name, array in state.items()})
        return state

    def step(self, block: F64, state: State, learn: Mask, grid: Grid) -> Verdict:
        """Judge and learn one sample of each series; see `Model.step`."""
        fresh = np.isfinite(block)
        block = np.clip(block, -LARGEST, LARGEST)
        origin = state["origin"]
        np.copyto(origin, block, where=fresh & np.isnan(origin))
        low, high, share = _knots(grid.day_s)
        spread = np.maximum(_between(state["spread"], low, high, share), state["floor"])
        seasonal = _between(state["profile"], low, high, share) + state["level"]
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
        self._accept(state, spread, fresh & (score > 1), grid.step_s)
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

        Its input is clipped at twice the level's threshold, so that one spike alone cannot hold it up.
        """
        shift += self._gain * (np.clip(z, -2 * limit, 2 * limit) - shift)
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
        low, high, share = _knots(grid.day_s)
        for knot, weight in ((low, 1 - share), (high, share)):
            state["profile"][knot] += taught * knot_rate * weight
            wanted = np.maximum(MEAN_ABS_TO_SIGMA * np.abs(taught), state["floor"])
            state["spread"][knot] += (wanted - state["spread"][knot]) * rate * weight
        tail_rate = (step / np.clip(seen, TAIL_SHORT_MEMORY_S, memory) * (learn & ~new)).astype(np.float32)
        for name, statistic in zip(self.features, (z, np.abs(state["shift"])), strict=True):
            follow_tail(Tail(state[f"{name}_tail"], state[f"{name}_excess"]), statistic, rate=tail_rate)

    def _accept(self, state: State, spread: F32, above: Mask, step_s: float) -> None:
        """Count the time above 1; after `accept_after` without pause take the present level as normal."""
        since = state["above_s"]
        since[...] = (since + np.float32(step_s)) * above
        accept = since > np.float32(self._options.accept_after)
        state["level"] += np.where(accept, state["shift"] * spread, np.float32(0))
        state["shift"][accept] = 0
        since[accept] = 0

    def _fit_block(self, values: F64, history: History, state: State) -> None:
        """Fit one block of series, writing to the views in `state`."""
        origin = column_quantiles(values.astype(np.float32), (0.5,))[0].astype(np.float64)
        state["origin"][...] = origin
        known = np.isfinite(origin)
        centred = (values - np.nan_to_num(origin)).astype(np.float32)
        profile = _profile(centred, history)
        deviation = centred - _along(profile, history.day_s)
        state["profile"][...] = profile
        state["floor"][...] = np.where(known, _floor(values, deviation), TINY)
        state["spread"][...] = np.maximum(_spread(deviation, history.day_s), state["floor"])
        state["seen_s"][...] = np.isfinite(centred).sum(axis=0) * np.float32(history.step_s)
        self._fit_tails(deviation / _along(state["spread"], history.day_s), state, history)

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


def _knots(day_s: float) -> tuple[int, int, np.float32]:
    """Return the two knots around a time of day and the weight of the second."""
    position = day_s / KNOT_S - 0.5
    low = int(np.floor(position))
    return low % KNOTS, (low + 1) % KNOTS, np.float32(position - low)


def _between(knots: F32, low: int, high: int, share: np.float32) -> F32:
    return np.asarray(knots[low] * (1 - share) + knots[high] * share)


def _along(knots: F32, day_s: F64) -> F32:
    """Return knots (24, series) interpolated at each instant: (instants, series)."""
    position = day_s / KNOT_S - 0.5
    low = np.floor(position).astype(np.intp)
    share = (position - low).astype(np.float32)[:, None]
    return np.asarray(knots[low % KNOTS] * (1 - share) + knots[(low + 1) % KNOTS] * share)


def _profile(centred: F32, history: History) -> F32:
    """Return the hour-of-day medians, as far as they explain the series.

    With less than two days, or when the medians calm the series by less than a tenth, the profile is flat: a profile
    of noise would only add its own.
    """
    profile = np.nan_to_num(_per_hour(centred, history.day_s))
    before = column_quantiles(np.abs(centred), (0.5,))[0]
    after = column_quantiles(np.abs(centred - _along(profile, history.day_s)), (0.5,))[0]
    gain = 1 - np.nan_to_num(after / np.maximum(before, TINY), nan=1.0)
    days = len(history.day_s) * history.step_s / DAY_S
    return np.asarray(profile * np.clip(gain * 10, 0, 1) * np.clip(np.float32(days - 1), 0, 1), np.float32)


def _per_hour(values: F32, day_s: F64) -> F32:
    """Return the median of each hour of the day: (24, series), NaN where an hour has no value."""
    hours = (day_s // KNOT_S).astype(np.intp) % KNOTS
    medians = np.full((KNOTS, values.shape[1]), np.nan, np.float32)
    for hour in np.unique(hours):
        medians[hour] = column_quantiles(values[hours == hour], (0.5,))[0]
    return medians


def _spread(deviation: F32, day_s: F64) -> F32:
    """Return the robust spread of each hour, a quarter of it from the whole day, as one hour knows little."""
    size = np.abs(deviation)
    whole = np.nan_to_num(column_quantiles(size, (0.5,))[0])
    hours = _per_hour(size, day_s)
    hours = np.where(np.isfinite(hours), hours, whole)
    return np.asarray(MAD_TO_SIGMA * (np.float32(0.75) * hours + np.float32(0.25) * whole), np.float32)


def _floor(values: F64, deviation: F32) -> F32:
    """Return the smallest believable spread: a tenth of the deviation, half a quantum, a thousandth of the size."""
    known = np.isfinite(deviation)
    count = np.maximum(known.sum(axis=0), 1)
    rms = np.sqrt(np.where(known, deviation, 0).astype(np.float64).__pow__(2).sum(axis=0) / count)
    size = np.where(known, np.abs(values), 0).sum(axis=0) / count
    jumps = np.abs(np.diff(values, axis=0))
    quantum = np.where(jumps > 0, jumps, np.inf).min(axis=0, initial=np.inf)
    quantum = np.where((jumps > 0).sum(axis=0) >= QUANTUM_JUMPS, quantum, 0)
    floors = np.maximum.reduce([0.1 * rms, quantum / 2, RELATIVE_FLOOR * size, np.full_like(rms, TINY)])
    return np.asarray(floors, np.float32)


PLUGIN = Plugin(name="seasonal_robust", options=SeasonalRobustOptions, make=SeasonalRobust)
