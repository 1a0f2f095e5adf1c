"""`trend`: a straight line through the last `window`, where it leads at named horizons, and when it meets a threshold.

The window is kept as the means of `BINS` spans of it; at the end of each a line is laid through them
(scoring/line.py), by the median slope of pairs half a window apart or, with `robust: false`, by least squares. What is
judged is the distance of a sample from the line; its band comes from the tail of each series' own past. Temporary
files do not fill a disk: samples above 1 are not learnt, until they have lasted for `accept_after`.

Written beside the score: `forecast{horizon}` with `forecast_lower` and `forecast_upper`, and where a `threshold` is
set `forecast_time_to_threshold_seconds`, +Inf when the line is not heading there, or its slope may be chance.
"""

from collections.abc import Iterable
from typing import Annotated, Literal, Self

import msgspec
import numpy as np

from anomaly_detector.models.model import (
    DAY_S,
    F32,
    F64,
    Ahead,
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
from anomaly_detector.scoring.daily import MAD_TO_SIGMA, RELATIVE_FLOOR, TINY
from anomaly_detector.scoring.forecast import (
    FORECAST,
    LOWER,
    TO_THRESHOLD,
    UPPER,
    Forecast,
    Forecaster,
    time_to_threshold,
)
from anomaly_detector.scoring.lasting import lasting
from anomaly_detector.scoring.learnable import learnable
from anomaly_detector.scoring.line import Line
from heronwatch.values import Duration

BINS = 84  # of a week: two hours each
LARGEST = 1e15
SCORE_CAP = np.float32(100)
CLIP = np.float32(3)  # spreads: what one sample can teach at most
LEAST = 5.0  # spreads: no threshold is below this
SPREAD_MEMORY_S, SHORT_MEMORY_S = DAY_S, 3600.0
TAIL_SHORT_MEMORY_S = 6 * 3600.0
MEAN_ABS_TO_SIGMA = np.float32(1.2533)  # of a Gaussian: sqrt(pi / 2)
FAR_S = 365 * DAY_S  # what the line meets only later than this it is not heading for
NONE = -1  # no span yet


class Threshold(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What not to reach: at or above (`ge`), or at or below (`le`), a value in the unit of the series."""

    type: Literal["ge", "le"]
    value: float


class Horizon(Duration):
    """How far ahead a forecast is, in seconds; `label` is the text that configured it: 7d, not 1w.

    >>> Horizon.parse("7d").label, str(Horizon.parse("7d")), Horizon(3600).label
    ('7d', '1w', '1h')
    """

    __slots__ = ("label",)
    label: str

    def __new__(cls, seconds: float) -> Self:
        """Return it under the usual way to write it."""
        made = super().__new__(cls, seconds)
        made.label = str(made)
        return made

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return it under its own text."""
        made = super().parse(text)
        made.label = text
        return made


class TrendOptions(ModelOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of `class: trend`.

    `window`: what the line is laid through; `robust: false` for least squares. `horizons`: how far ahead to forecast.
    `threshold`: what the time is wanted to. `warmup`, `alarms_per_day`, `accept_after`: as of `bank`.
    """

    window: Duration = Duration(7 * DAY_S)
    robust: bool = True
    horizons: tuple[Horizon, ...] = (Horizon.parse("4h"), Horizon.parse("1d"), Horizon.parse("7d"))
    threshold: Threshold | None = None
    warmup: Duration = Duration(DAY_S)
    alarms_per_day: Annotated[float, msgspec.Meta(gt=0, le=100)] = 0.01
    accept_after: Duration = Duration(3 * DAY_S)

    def config_faults(self) -> Iterable[tuple[str, str]]:
        """A window that is worth cutting up, and horizons ahead that differ."""
        if self.window < 3600:
            yield "window", f"{self.window} is shorter than 1h"
        for place, horizon in enumerate(self.horizons):
            if horizon <= 0 or horizon in self.horizons[:place]:
                yield f"horizons[{place}]", f"{horizon} is not ahead, or there twice"


class Trend:
    """The model; see the module's docstring. Holds its options and nothing else."""

    features: tuple[str, ...] = ("line",)

    def __init__(self, options: TrendOptions) -> None:
        self._options = options
        self._bin_s = float(options.window) / BINS
        line = Line(robust=options.robust)
        self._line: Forecaster = line
        self._width = line.width

    def blank(self, count: int) -> State:
        """Return the state of series without history."""
        state: State = {name: np.zeros(count, np.float32) for name in ("sum", "count", "seen_s", "above_s", "slope")}
        state["origin"] = np.full(count, np.nan)
        state["means"] = np.full((BINS, count), np.nan, np.float32)
        state["bin"] = np.full(count, NONE, np.int32)
        state["line"] = np.zeros(count, np.float32)  # its value, above the origin, at the end of the last full bin
        state["unsure"] = np.full(count, np.inf, np.float32)  # up to which size the slope may be chance
        state["spread"] = np.full(count, TINY, np.float32)
        state["tail"] = np.full(count, GAUSS_TAIL, np.float32)
        state["excess"] = np.full(count, 2 * GAUSS_EXCESS, np.float32)
        return state

    def fit(self, history: History, mask: Mask) -> State:
        """Learn the line, and how far samples stray from it; history ends where the first live bin begins."""
        values = learnable(history.values, mask, largest=LARGEST)
        state = self.blank(values.shape[1])
        if not len(values):
            return state
        values = values[-max(1, round(float(self._options.window) / history.step_s)) :]
        state["origin"][...] = column_quantiles(values.astype(np.float32), (0.5,))[0]
        centred = values - np.nan_to_num(state["origin"])
        per_bin = max(1, round(self._bin_s / history.step_s))
        cut = centred[len(centred) % per_bin :] if len(centred) > per_bin else centred
        known = np.isfinite(cut).reshape(-1, min(per_bin, len(cut)), values.shape[1])
        total = np.nan_to_num(cut).reshape(known.shape).sum(axis=1)
        counts = known.sum(axis=1)
        means = np.where(counts > 0, total / np.maximum(counts, 1), np.nan)[-BINS:]
        state["means"][BINS - len(means) :] = means
        self._lay(state, np.arange(values.shape[1]), BINS - 1)
        back_s = history.step_s * np.arange(len(centred) - 1, -1, -1)[:, None]
        gaps = np.abs(centred - state["line"] + state["slope"] * back_s).astype(np.float32)
        spread = np.nan_to_num(MAD_TO_SIGMA * column_quantiles(gaps, (0.5,))[0])
        state["spread"][...] = np.maximum(spread, self._floor(state))
        tail = fit_tail(gaps / state["spread"])
        state["tail"][...], state["excess"][...] = tail.start, tail.excess
        state["seen_s"][...] = np.isfinite(centred).sum(axis=0) * history.step_s
        return state

    def step(self, block: F64, state: State, learn: Mask, grid: Grid) -> Verdict:
        """Judge and learn one sample of each series; see `Model.step`."""
        fresh = np.isfinite(block)
        block = np.clip(block, -LARGEST, LARGEST)
        np.copyto(state["origin"], block, where=fresh & np.isnan(state["origin"]))
        self._turn(state, int(grid.time_s // self._bin_s))
        since_s = np.float32(grid.time_s % self._bin_s)
        line = state["line"] + state["slope"] * since_s
        gap = np.where(fresh, block - np.nan_to_num(state["origin"]) - line, 0).astype(np.float32)
        spread = np.maximum(state["spread"], self._floor(state))
        tail = Tail(state["tail"], state["excess"])
        limit = threshold(tail, stretch(self._options.alarms_per_day, grid.step_s), least=LEAST)
        half = (spread * limit).astype(np.float64)
        contribution = np.minimum(np.abs(gap) / half, SCORE_CAP).astype(np.float32)
        confidence = np.minimum(state["seen_s"] / np.float32(max(self._options.warmup, grid.step_s)), np.float32(1))
        score = np.where(confidence >= 1, contribution, np.float32(0)).astype(np.float32)
        expected = np.asarray(np.nan_to_num(state["origin"]) + line, np.float64)
        verdict = Verdict(
            score=score,
            expected=expected,
            lower=expected - half,
            upper=expected + half,
            contribution=contribution[None, :],
            confidence=confidence.astype(np.float32),
            ahead=self._ahead(state, np.where(confidence >= 1, expected, np.nan), spread),
        )
        lasting(state["above_s"], score > 1, learn=learn, step_s=grid.step_s)
        self._learn(state, gap, line, fresh & learn, score, grid.step_s)
        return verdict

    def _ahead(self, state: State, expected: F64, spread: F32) -> Ahead:
        """Return what is written about the future, by output and horizon; NaN while a series warms up."""
        horizons = np.array([float(one) for one in self._options.horizons])[:, None]
        slope = state["slope"].astype(np.float64)
        values = expected + slope * horizons
        width = self._width * spread * np.sqrt(1 + np.square(horizons / float(self._options.window)) * 12 / BINS)
        told = Forecast(
            expected=values,
            lower=values - width,
            upper=values + width,
            now=expected,
            slope=slope,
            uncertainty=state["unsure"].astype(np.float64),
        )
        out: Ahead = {}
        for place, horizon in enumerate(self._options.horizons):
            for name, rows in ((FORECAST, told.expected), (LOWER, told.lower), (UPPER, told.upper)):
                out[name, horizon.label] = rows[place]
        if self._options.threshold is not None:
            wanted = self._options.threshold
            seconds = time_to_threshold(told, wanted.value, wanted.type)
            seconds = np.where(seconds > FAR_S, np.inf, seconds)
            out[TO_THRESHOLD, ""] = np.where(np.isnan(expected), np.nan, seconds)
        return out

    def _learn(self, state: State, gap: F32, line: F32, learn: Mask, score: F32, step_s: float) -> None:
        taught = learn & ((score <= 1) | (state["above_s"] > np.float32(self._options.accept_after)))
        state["seen_s"] += np.float32(step_s) * learn
        new = state["seen_s"] <= np.float32(20 * step_s)
        state["sum"] += np.where(taught, gap + line, 0)
        state["count"] += taught
        memory = np.clip(state["seen_s"], SHORT_MEMORY_S, SPREAD_MEMORY_S)
        rate = np.where(new, np.float32(0.2), np.float32(step_s) / memory).astype(np.float32) * taught
        size = np.where(new, np.abs(gap), np.minimum(np.abs(gap), CLIP * state["spread"]))
        state["spread"] += rate * (MEAN_ABS_TO_SIGMA * size - state["spread"])
        slow = np.clip(state["seen_s"], TAIL_SHORT_MEMORY_S, np.float32(self._options.window))
        tail_rate = (np.float32(step_s) / slow * (taught & ~new)).astype(np.float32)
        strays = np.asarray(np.abs(gap) / np.maximum(state["spread"], TINY), np.float32)
        follow_tail(Tail(state["tail"], state["excess"]), strays, rate=tail_rate)

    def _turn(self, state: State, now: int) -> None:
        """Close the bin of the series for which another begins now, and lay their lines anew."""
        turned = np.flatnonzero(state["bin"] != now)
        if not len(turned):
            return
        before = state["bin"][turned]
        passed = np.where(before == NONE, 0, np.clip(now - before, 0, BINS))
        for steps in np.unique(passed[passed > 0]).tolist():
            rows = turned[passed == steps]
            means = state["means"][:, rows]
            held = np.full((BINS, len(rows)), np.nan, np.float32)
            held[: BINS - steps] = means[steps:]
            count = state["count"][rows]
            held[BINS - steps] = np.where(count > 0, state["sum"][rows] / np.maximum(count, 1), np.nan)
            state["means"][:, rows] = held
            self._lay(state, rows, BINS - 1)
        for name in ("sum", "count"):
            state[name][turned[passed > 0]] = 0
        state["bin"][turned] = now

    def _lay(self, state: State, rows: np.ndarray, last: int) -> None:
        """Lay the lines of some series through their bins; a series with too few keeps a flat one at their median."""
        means = state["means"][: last + 1, rows].astype(np.float64)
        found = self._line.forecast(means, step_s=self._bin_s, horizons_s=())
        flat = np.nan_to_num(column_quantiles(means.astype(np.float32), (0.5,))[0])
        known = np.isfinite(found.slope)
        state["slope"][rows] = np.where(known, found.slope, 0)
        state["unsure"][rows] = np.where(known, found.uncertainty, np.inf)
        state["line"][rows] = np.where(known, found.now + found.slope * self._bin_s / 2, flat)

    @staticmethod
    def _floor(state: State) -> F32:
        return np.asarray(TINY + RELATIVE_FLOOR * np.abs(np.nan_to_num(state["origin"])), np.float32)


PLUGIN = Plugin(name="trend", options=TrendOptions, make=Trend, knows_the_hour=False)
