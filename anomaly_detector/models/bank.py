"""`bank`: twelve features of each series at several speeds, judged together; the default.

Each sample gives the features of scoring/bank_features.py. Their distances from what is usual, in robust scales, are
softened and joined as a root mean square, once for each generation of the normaliser (scoring/bank_normaliser.py); the
smallest counts. That is the feature `shape`. The feature `level` is the distance of the sample from the expected value
(hour of day), and has the band: outside of it a single sample scores above 1. Each is divided by its own threshold,
calibrated for each series (scoring/calibration.py). The score falls slowly after an alarm (`hold`), because faults
last.

What is learnt, and when it is not: steps are clipped, and nothing is learnt while the score is above 1, so a fault is
not learnt; after `accept_after` above 1 without pause the new behaviour is accepted.
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
from anomaly_detector.scoring import bank_features, bank_normaliser
from anomaly_detector.scoring.bank_features import FEATURES, MEMORY, REST
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
from anomaly_detector.scoring.daily import KNOTS, TINY, along, between, daily_profile, knots_at, least_spread, per_hour
from heronwatch.values import Duration

GENERATIONS = 2  # the second remembers `memory`, the first `SLOWER` times that
SLOWER = 4
ROWS = tuple(slice(first * len(FEATURES), (first + 1) * len(FEATURES)) for first in range(GENERATIONS))
ROUGHEST = 4.0  # how much rougher or calmer than the day one of its hours can be
LEAST_SHAPE, LEAST_LEVEL = 5.0, 8.0  # scales: no threshold is below these
LEVEL_GAIN = np.float32(0.05)  # how far `level` alone can raise the score above 1: it is there to make the band true
WILD = np.float32(50)  # scales: what the bank sees of a wilder value, so that one sample is not felt for hours
LARGEST = 1e15  # larger values are taken as this: its square is still a float32
SCORE_CAP = np.float32(100)
SHORTEST_MEMORY_S = 3600.0
YOUNG = 40  # samples: until then means are plain
SHORT_MEMORY_S = 6 * 3600.0
KNOT_SHORT_MEMORY_S = 300.0
MEAN_ABS = 0.8  # of a Gaussian: sqrt(2 / pi)
SETTLE = 24  # samples of history before the recursions have forgotten their start
FIT_CELLS = 1_000_000  # samples of history taken at once: bounds the memory of the features


class _Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What one instant gave: features, the roughness of the hour, sizes of `shape` and `level`."""

    features: F32
    calm: F32
    sizes: tuple[F32, F32]


class BankOptions(ModelOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of `class: bank`.

    `memory`: time constant of the younger generation; long, because a quick learner learns the fault.
    `warmup`: how much of a series must have been seen before it may score.
    `alarms_per_day`: expected alarms of one series without faults; `sensitivity` divides the thresholds.
    `hold`: samples over which the score falls to a third after an alarm, 0 for not at all.
    `accept_after`: when lasting new behaviour becomes normal.
    """

    memory: Duration = Duration(28 * DAY_S)
    warmup: Duration = Duration(DAY_S)
    alarms_per_day: Annotated[float, msgspec.Meta(gt=0, le=100)] = 0.01
    sensitivity: Annotated[float, msgspec.Meta(ge=0.1, le=10)] = 1.0
    hold: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 20
    accept_after: Duration = Duration(3 * DAY_S)

    def config_faults(self) -> Iterable[tuple[str, str]]:
        """A memory long enough not to learn the fault."""
        if self.memory < SHORTEST_MEMORY_S:
            yield "memory", f"{self.memory} is shorter than 1h: so quick a learner learns the fault"


class Bank:
    """The model; see the module's docstring. Holds its options and nothing else."""

    features: tuple[str, ...] = ("shape", "level")

    def __init__(self, options: BankOptions) -> None:
        self._options = options
        self._keep = np.float32(np.exp(-1 / options.hold) if options.hold else 0)

    def blank(self, count: int) -> State:
        """Return the state of series without history: they learn fast and score nothing until warmed up."""
        state: State = {name: np.zeros(count, np.float32) for name in (*MEMORY, "held", "samples", "seen_s", "above_s")}
        state["origin"] = np.full(count, np.nan)
        state["profile"] = np.zeros((KNOTS, count), np.float32)
        state["rough"] = np.ones((KNOTS, count), np.float32)
        state["floor"] = np.full(count, TINY, np.float32)
        state["centre"] = np.zeros((GENERATIONS * len(FEATURES), count), np.float32)
        state["scale"] = np.full((GENERATIONS * len(FEATURES), count), TINY, np.float32)
        for name in self.features:
            state[f"{name}_tail"] = np.full(count, GAUSS_TAIL, np.float32)
            state[f"{name}_excess"] = np.full(count, 2 * GAUSS_EXCESS, np.float32)
        return state

    def fit(self, history: History, mask: Mask) -> State:
        """Learn profile, generations and thresholds; as many series at a time as memory allows."""
        count, size = history.values.shape[1], max(1, FIT_CELLS // max(1, history.values.shape[0]))
        state = self.blank(count)
        for first in range(0, count, size):
            block = slice(first, first + size)
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
        zero = np.nan_to_num(origin)
        low, high, share = knots_at(grid.day_s)
        usual = between(state["profile"], low, high, share)
        expected = zero + usual + state["centre"][REST]
        rest = np.where(fresh, block - zero - usual, state["rest1"]).astype(np.float32)
        features = self._advance(state, rest, usual, fresh & (state["samples"] == 0))
        calm = between(state["rough"], low, high, share)
        shape, level = statistics(state, rest, features, calm)
        limits = self._thresholds(state, grid.step_s)
        contribution = np.minimum(np.stack((shape, level)) / limits, SCORE_CAP) * fresh
        confidence = np.minimum(state["seen_s"] / np.float32(max(self._options.warmup, grid.step_s)), np.float32(1))
        now = np.where(confidence >= 1, joined(contribution[0], contribution[1]), np.float32(0))
        score = np.maximum(now, state["held"] * self._keep) * fresh
        np.copyto(state["held"], score, where=fresh)
        half = (limits[1] * np.maximum(state["scale"][REST] * calm, state["floor"])).astype(np.float64)
        self._learn(state, _Seen(features=features, calm=calm, sizes=(shape, level)), fresh & learn & (now <= 1), grid)
        self._accept(state, features, fresh & (now > 1), grid.step_s)
        return Verdict(
            score=score.astype(np.float32),
            expected=expected.astype(np.float64),
            lower=expected - half,
            upper=expected + half,
            contribution=contribution.astype(np.float32),
            confidence=confidence,
        )

    def _advance(self, state: State, rest: F32, usual: F32, first: Mask) -> F32:
        """Return the features of what remains of a value, a wild one cut to what the bank may see."""
        reach = WILD * np.maximum(state["scale"][REST], state["floor"])
        reach = np.where(state["samples"] < YOUNG, np.float32(LARGEST), reach)
        middle = state["centre"][REST]
        tamed = np.clip(rest, middle - reach, middle + reach)
        bank_features.begin(state, tamed + usual, tamed, where=first)
        return bank_features.advance(state, tamed + usual, tamed)

    def _thresholds(self, state: State, step_s: float) -> F32:
        """Return the thresholds, one row for each feature."""
        by = stretch(self._options.alarms_per_day, step_s)
        rows = [
            threshold(Tail(state[f"{name}_tail"], state[f"{name}_excess"]), by, least=least)
            for name, least in zip(self.features, (LEAST_SHAPE, LEAST_LEVEL), strict=True)
        ]
        return np.stack(rows) / np.float32(self._options.sensitivity)

    def _learn(self, state: State, seen_now: _Seen, learn: Mask, grid: Grid) -> None:
        """Move everything learnt towards this sample, at rates that slow down as more of the series was seen."""
        features, calm = seen_now.features, seen_now.calm
        seen, samples, step, memory = state["seen_s"], state["samples"], np.float32(grid.step_s), self._options.memory
        seen += step * learn
        samples += learn
        new = samples <= YOUNG
        early = learn & new
        young = (early / np.maximum(samples, 1)).astype(np.float32) if early.any() else None
        for times, rows in zip((SLOWER, 1), ROWS, strict=True):
            longest = np.float32(max(memory * times, SHORT_MEMORY_S))
            rate = (step / np.clip(seen, SHORT_MEMORY_S, longest) * learn).astype(np.float32)
            for feature, centre, scale in zip(features, state["centre"][rows], state["scale"][rows], strict=True):
                bank_normaliser.follow(feature, centre, scale, calm=calm, rate=rate, young=young)
        self._learn_hour(state, features[REST], learn & ~new, grid)
        tail_rate = (step / np.clip(seen, SHORT_MEMORY_S, np.float32(memory)) * (learn & ~new)).astype(np.float32)
        for name, statistic in zip(self.features, seen_now.sizes, strict=True):
            follow_tail(Tail(state[f"{name}_tail"], state[f"{name}_excess"]), statistic, rate=tail_rate)

    def _learn_hour(self, state: State, rest: F32, learn: Mask, grid: Grid) -> None:
        """Move the knots of this hour towards the sample, by a few scales at most."""
        bound = bank_normaliser.CLIP * state["scale"][REST]
        taught = np.clip(rest - state["centre"][REST], -bound, bound) * learn
        memory = np.clip(state["seen_s"] / KNOTS, KNOT_SHORT_MEMORY_S, np.float32(self._options.memory / KNOTS))
        rate = np.minimum(np.float32(grid.step_s) / memory, np.float32(1)) * learn
        size = np.abs(taught) / np.maximum(state["scale"][REST], state["floor"])
        wanted = np.float32(0.5) + size * np.float32(0.5 / MEAN_ABS)  # half way towards 1, as in `_roughness`
        low, high, share = knots_at(grid.day_s)
        for knot, weight in ((low, 1 - share), (high, share)):
            state["profile"][knot] += taught * rate * weight
            rough = state["rough"][knot]
            rough += (wanted - rough) * rate * weight
            np.clip(rough, 1 / ROUGHEST, ROUGHEST, out=rough)

    def _accept(self, state: State, features: F32, above: Mask, step_s: float) -> None:
        """Count the time above 1; after `accept_after` without pause take the present behaviour as normal."""
        since = state["above_s"]
        since[...] = (since + np.float32(step_s)) * above
        accept = since > np.float32(self._options.accept_after)
        if accept.any():
            for rows in ROWS:
                gap = np.abs(features - state["centre"][rows])
                state["scale"][rows] = np.where(accept, np.maximum(state["scale"][rows], gap / 2), state["scale"][rows])
                state["centre"][rows] = np.where(accept, features, state["centre"][rows])
            since[accept] = 0

    def _fit_block(self, values: F64, history: History, state: State) -> None:
        """Fit one block of series, writing to the views in `state`."""
        origin = column_quantiles(values.astype(np.float32), (0.5,))[0].astype(np.float64)
        state["origin"][...] = origin
        centred = (values - np.nan_to_num(origin)).astype(np.float32)
        profile = daily_profile(centred, history)
        usual = along(profile, history.day_s)
        rest = centred - usual
        state["profile"][...] = profile
        state["floor"][...] = np.where(np.isfinite(origin), least_spread(values, rest), TINY)
        state["samples"][...] = np.isfinite(rest).sum(axis=0)
        state["seen_s"][...] = state["samples"] * np.float32(history.step_s)
        state["rough"][...] = _roughness(rest, state, history)
        self._fit_features(rest, usual, state, history)

    def _fit_features(self, rest: F32, usual: F32, state: State, history: History) -> None:
        """Run the bank over history; measure its generations and tails."""
        known = np.isfinite(rest)
        size = np.maximum(column_quantiles(np.abs(rest), (0.98,))[0] / bank_normaliser.GAUSS_Q98, state["floor"])
        tamed = bank_features.carried(np.clip(rest, -WILD * size, WILD * size))
        features = bank_features.over(tamed + usual, tamed, state)
        features[:, ~known] = np.nan
        if len(rest) > 2 * SETTLE:
            features[:, :SETTLE] = np.nan
        calm = along(state["rough"], history.day_s)
        for row, feature in enumerate(features):
            centre, scale = bank_normaliser.fit(feature, calm)
            for rows in ROWS:
                state["centre"][rows][row], state["scale"][rows][row] = centre, scale
        for name, sizes in zip(self.features, statistics(state, features[REST], features, calm), strict=True):
            tail = fit_tail(sizes)
            state[f"{name}_tail"][...], state[f"{name}_excess"][...] = tail.start, tail.excess


def _roughness(rest: F32, state: State, history: History) -> F32:
    """Return how much rougher each hour is than the whole day, drawn half way towards 1, as one hour knows little."""
    size = np.abs(rest)
    whole = np.nan_to_num(column_quantiles(size, (0.5,))[0])
    hours = per_hour(size, history.day_s)
    hours = np.where(np.isfinite(hours), hours, whole)
    floor = np.maximum(state["floor"], TINY)
    rough = (hours + whole + 2 * floor) / (2 * whole + 2 * floor)
    rough /= np.sqrt(np.square(rough).mean(axis=0))
    return np.asarray(np.clip(rough, 1 / ROUGHEST, ROUGHEST), np.float32)


def statistics(state: State, rest: F32, features: F32, calm: F32) -> tuple[F32, F32]:
    """Return the sizes of `shape` and `level` in robust scales; also for a whole history (…, instants, series)."""
    floor = state["floor"]
    shapes = [
        bank_normaliser.strangeness(features, state["centre"][rows], state["scale"][rows], floor, calm=calm)
        for rows in ROWS
    ]
    level = np.abs(rest - state["centre"][REST]) / np.maximum(state["scale"][REST] * calm, floor)
    return np.minimum.reduce(shapes), level


def joined(shape: F32, level: F32) -> F32:
    """Return the score of both features: `level` counts only once it is above 1.

    >>> joined(np.array([0.5, 0.5, 4.0], np.float32), np.array([0.9, 2.0, 2.0], np.float32)).tolist()
    [0.5, 1.024999976158142, 4.0]
    """
    alone = 1 + LEVEL_GAIN * (1 - 1 / np.maximum(level, np.float32(1)))
    return np.where(level > 1, np.maximum(shape, alone), shape)


PLUGIN = Plugin(name="bank", options=BankOptions, make=Bank)
