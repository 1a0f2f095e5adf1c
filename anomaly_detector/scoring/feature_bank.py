"""What models over the feature bank share: they differ in how they see that its eleven features are strange together.

Each sample gives the features of scoring/bank_features.py; scoring/bank_normaliser.py knows where each is usually and
how far it strays. The first of the model's `features` is how strange they are together, the second, `level`, the
distance of the sample from what is expected at this hour (scoring/bank_rhythm.py), and has the band: outside of it a
single sample scores above 1. Each is divided by its own threshold, calibrated for each series (scoring/calibration.py).
The third, `range`, tells that a value lies outside of all that was ever seen; it explains and does not score. The score
falls slowly after an alarm (`hold`), because faults last.

What is learnt, and when it is not: steps are clipped, and nothing is learnt while the score is above 1, so a fault is
not learnt; after `accept_after` above 1 without pause the series begins anew where it is (scoring/bank_restart.py).
Time in which nothing is to be learnt does not count (scoring/lasting.py).
"""

import msgspec
import numpy as np

from anomaly_detector.models.model import (
    F32,
    F64,
    Grid,
    History,
    Mask,
    State,
    Verdict,
)
from anomaly_detector.scoring import bank_features, bank_normaliser, bank_rhythm, bank_surprise
from anomaly_detector.scoring.bank_features import FEATURES, MEMORY, REST
from anomaly_detector.scoring.bank_judgement import (
    EXTREMES,
    GENERATIONS,
    ROUGHEST,
    ROWS,
    SLOWER,
    joined,
    level_of,
    outside,
    roughness,
    shape_of,
    together,
)
from anomaly_detector.scoring.bank_options import FeatureBankOptions
from anomaly_detector.scoring.bank_restart import restart
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
from anomaly_detector.scoring.daily import KNOTS, TINY, along, between, knots_at, least_spread
from anomaly_detector.scoring.lasting import accepted
from anomaly_detector.scoring.learnable import blocks_to_learn

CALIBRATED = ("shape", "level")
LEAST_SHAPE, LEAST_LEVEL = 4.0, 8.0  # scales: no threshold is below these
LEVEL_SHARE = 0.1  # of the alarms that `shape` may cost
LEVEL_OVER_SHAPE = np.float32(1.5)  # a jump moves five of the eleven features alike: of their mean square that is 1.5
WILD = np.float32(50)  # scales: what the bank sees of a wilder value, so that one sample is not felt for hours
LARGEST = 1e15  # larger values are taken as this: its square is still a float32
SCORE_CAP = np.float32(100)
YOUNG = 40  # samples: until then means are plain
SHORT_MEMORY_S = 6 * 3600.0
KNOT_SHORT_MEMORY_S = 300.0
MEAN_ABS = 0.8  # of a Gaussian: sqrt(2 / pi)
RELEARN_S = 6 * 3600.0  # of an accepted level is seen before it may score, as that is no new series
SETTLE = 24  # samples of history before the recursions have forgotten their start
PRIOR = 10  # samples that what the others teach counts for
TEACHERS, LEAST_TEACHERS = 1000, 10  # series that are asked, and without which nobody is
INHERITED = ("scale", "error_scale", "rough", "shape_tail", "shape_excess", "level_tail", "level_excess")
FIT_CELLS = 1_000_000  # samples of history taken at once: bounds the memory of the features


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What one instant gave: features, the roughness of the hour, the error of `surprise`, sizes of both."""

    features: F32
    calm: F32
    error: F32
    sizes: tuple[F32, F32]


class FeatureBank:
    """Features, what is usual of them, thresholds; `_shape` says how strange they are together."""

    features: tuple[str, ...] = (*CALIBRATED, "range")
    silent: tuple[str, ...] = ("range",)  # of them: tell and do not score
    least_shape = LEAST_SHAPE
    level_over_shape = LEVEL_OVER_SHAPE

    def __init__(self, options: FeatureBankOptions) -> None:
        self._options = options
        self._keep = np.float32(np.exp(-1 / options.hold) if options.hold else 0)

    def blank(self, count: int) -> State:
        """Return the state of series without history: they learn fast and score nothing until warmed up."""
        state: State = {name: np.zeros(count, np.float32) for name in (*MEMORY, "held", "seen_s", "above_s")}
        state["samples"] = np.zeros(count, np.uint8)
        state["origin"] = np.full(count, np.nan)
        state |= {name: np.zeros(count, np.float32) for name in EXTREMES}
        state |= bank_surprise.blank(count) | bank_rhythm.blank(count)
        state["rough"] = np.ones((KNOTS, count), np.float32)
        state["floor"] = np.full(count, TINY, np.float32)
        state["centre"] = np.zeros((len(FEATURES), count), np.float32)
        state["scale"] = np.full((GENERATIONS * len(FEATURES), count), TINY, np.float32)
        for name in CALIBRATED:
            state[f"{name}_tail"] = np.full(count, GAUSS_TAIL, np.float32)
            state[f"{name}_excess"] = np.full(count, 2 * GAUSS_EXCESS, np.float32)
        return state

    def newborn(self, state: State, warm: Mask, count: int) -> State:
        """Return the state of new series: scales, roughness of the hours and tails are the median of the others'.

        Their own samples outweigh that soon: it counts as `PRIOR` of them, and the warm-up is as long.
        """
        born = self.blank(count)
        teachers = np.flatnonzero(warm)[:: max(1, int(warm.sum()) // TEACHERS)]
        if len(teachers) >= LEAST_TEACHERS:
            for name in INHERITED:
                born[name][...] = np.median(state[name][..., teachers], axis=-1, keepdims=True)
            born["samples"][...] = PRIOR
        return born

    def fit(self, history: History, mask: Mask) -> State:
        """Learn profile, generations and thresholds; as many series at a time as memory allows."""
        state = self.blank(history.values.shape[1])
        size = max(1, FIT_CELLS // max(1, history.values.shape[0]))
        for values, views in blocks_to_learn(history, mask, state, size=size, largest=LARGEST):
            self._fit_block(values, history, views)
        return state

    def step(self, block: F64, state: State, learn: Mask, grid: Grid) -> Verdict:
        """Judge and learn one sample of each series; see `Model.step`."""
        fresh = np.isfinite(block)
        block = np.clip(block, -LARGEST, LARGEST)
        origin = state["origin"]
        first = fresh & np.isnan(origin)
        np.copyto(origin, block, where=first)
        zero = np.nan_to_num(origin)
        low, high, share = knots_at(grid.day_s)
        usual = bank_rhythm.usual(state, grid)
        expected = zero + usual + state["centre"][REST]
        rest = np.where(fresh, block - zero - usual, state["rest1"]).astype(np.float32)
        features, surprise, error = self._advance(state, rest, usual, first)
        calm = between(state["rough"], low, high, share)
        shape, level = self._shape(state, features, surprise, calm), level_of(state, rest, calm)
        limits = self._thresholds(state, grid.step_s)
        centred = np.where(fresh, block - zero, 0).astype(np.float32)
        beyond = outside(state, centred)
        contribution = np.minimum(np.stack((shape / limits[0], level / limits[1], beyond)), SCORE_CAP) * fresh
        confidence = np.minimum(state["seen_s"] / np.float32(max(self._options.warmup, grid.step_s)), np.float32(1))
        now = np.where(confidence >= 1, joined(contribution[0], contribution[1]), np.float32(0))
        score = np.maximum(now, state["held"] * self._keep) * fresh
        np.copyto(state["held"], score, where=fresh)
        half = (limits[1] * np.maximum(state["scale"][REST] * calm, state["floor"])).astype(np.float64)
        taught = fresh & learn & (now <= 1)
        self._learn(state, Seen(features=features, calm=calm, error=error, sizes=(shape, level)), taught, grid)
        np.copyto(state["least"], centred, where=taught & (centred < state["least"]))
        np.copyto(state["most"], centred, where=taught & (centred > state["most"]))
        self._accept(state, block, usual, now > 1, fresh & learn, grid.step_s)
        return Verdict(
            score=score.astype(np.float32),
            expected=expected.astype(np.float64),
            lower=expected - half,
            upper=expected + half,
            contribution=contribution.astype(np.float32),
            confidence=confidence,
        )

    def _shape(self, state: State, features: F32, surprise: F32, calm: F32) -> F32:
        """Return how strange features (11, series) and surprise are together, in robust scales."""
        return together(shape_of(state, features, calm), surprise)

    def _learnt(self, state: State, features: F32, surprise: F32, calm: F32) -> F32:
        """Return the same over history (11, instants, series), for the thresholds; NaN where unknown."""
        return together(shape_of(state, features, calm), surprise)

    def _advance(self, state: State, rest: F32, usual: F32, first: Mask) -> tuple[F32, F32, F32]:
        """Return features, surprise and its error of what remains of a value, a wild one cut to what may be seen."""
        reach = WILD * np.maximum(state["scale"][REST], state["floor"])
        reach = np.where(state["samples"] < YOUNG, np.float32(LARGEST), reach)
        middle = state["centre"][REST]
        tamed = np.clip(rest, middle - reach, middle + reach)
        value = tamed + usual
        bank_features.begin(state, value, tamed, where=first)
        bank_surprise.begin(state, value, where=first)
        surprise, error = bank_surprise.advance(state, value)
        return bank_features.advance(state, value, tamed), surprise, error

    def _thresholds(self, state: State, step_s: float) -> F32:
        """Return the thresholds, one row for each feature."""
        alarms = self._options.alarms_per_day
        rows = [
            threshold(
                Tail(state[f"{name}_tail"], state[f"{name}_excess"]), stretch(alarms * share, step_s), least=least
            )
            for name, share, least in zip(CALIBRATED, (1, LEVEL_SHARE), (self.least_shape, LEAST_LEVEL), strict=True)
        ]
        rows[1] = np.maximum(rows[1], self.level_over_shape * rows[0])
        return np.stack(rows) / np.float32(self._options.sensitivity)

    def _learn(self, state: State, seen_now: Seen, learn: Mask, grid: Grid) -> None:
        """Move everything learnt towards this sample, at rates that slow down as more of the series was seen."""
        features, calm = seen_now.features, seen_now.calm
        seen, samples, step, memory = state["seen_s"], state["samples"], np.float32(grid.step_s), self._options.memory
        seen += step * learn
        samples += learn & (samples <= YOUNG)
        new = samples <= YOUNG
        early = learn & new
        young = (early / np.maximum(samples, 1)).astype(np.float32) if early.any() else None
        rates = [
            (step / np.clip(seen, SHORT_MEMORY_S, np.float32(max(memory * times, SHORT_MEMORY_S))) * learn).astype(
                np.float32
            )
            for times in (SLOWER, 1)
        ]
        for row, feature in enumerate(features):
            scales = [state["scale"][rows][row] for rows in ROWS]
            bank_normaliser.follow(feature, state["centre"][row], scales, calm=calm, rates=rates, young=young)
        bank_surprise.follow(state, seen_now.error, rate=rates[-1], young=young)
        self._learn_hour(state, features[REST], learn & ~new, grid)
        tail_rate = (step / np.clip(seen, SHORT_MEMORY_S, np.float32(memory)) * (learn & ~new)).astype(np.float32)
        for name, statistic in zip(CALIBRATED, seen_now.sizes, strict=True):
            follow_tail(Tail(state[f"{name}_tail"], state[f"{name}_excess"]), statistic, rate=tail_rate)

    def _learn_hour(self, state: State, rest: F32, learn: Mask, grid: Grid) -> None:
        """Move the knots of this hour towards the sample, by a few scales at most."""
        bound = bank_normaliser.CLIP * state["scale"][REST]
        taught = np.clip(rest - state["centre"][REST], -bound, bound) * learn
        memory = np.clip(state["seen_s"] / KNOTS, KNOT_SHORT_MEMORY_S, np.float32(self._options.memory / KNOTS))
        rate = np.minimum(np.float32(grid.step_s) / memory, np.float32(1)) * learn
        size = np.abs(taught) / np.maximum(state["scale"][REST], state["floor"])
        wanted = np.float32(0.5) + size * np.float32(0.5 / MEAN_ABS)  # half way towards 1, as in `roughness`
        bank_rhythm.learn(state, taught, rate, grid)
        low, high, share = knots_at(grid.day_s)
        for knot, weight in ((low, 1 - share), (high, share)):
            rough = state["rough"][knot]
            rough += (wanted - rough) * rate * weight
            np.clip(rough, 1 / ROUGHEST, ROUGHEST, out=rough)

    def _accept(self, state: State, block: F64, usual: F32, above: Mask, learn: Mask, step_s: float) -> None:
        """Count the time above 1; after `accept_after` without pause the present behaviour is learnt as normal."""
        after = self._options.accept_after
        accept = accepted(state["above_s"], above, learn=learn, step_s=step_s, accept_after=after)
        if accept.any():
            known_s = max(0.0, self._options.warmup - max(RELEARN_S, YOUNG * step_s))
            restart(state, self.blank(1), block - usual, usual, known_s=known_s, where=accept)

    def _fit_block(self, values: F64, history: History, state: State) -> None:
        """Fit one block of series, writing to the views in `state`."""
        origin = column_quantiles(values.astype(np.float32), (0.5,))[0].astype(np.float64)
        state["origin"][...] = origin
        centred = (values - np.nan_to_num(origin)).astype(np.float32)
        usual = bank_rhythm.fit(centred, history, state)
        rest = centred - usual
        state["floor"][...] = np.where(np.isfinite(origin), least_spread(values, rest), TINY)
        count = np.isfinite(rest).sum(axis=0)
        state["samples"][...] = np.minimum(count, YOUNG + 1)
        state["seen_s"][...] = count * np.float32(history.step_s)
        some = count > 0
        state["least"][...] = np.where(some, np.where(np.isfinite(centred), centred, np.inf).min(axis=0), 0)
        state["most"][...] = np.where(some, np.where(np.isfinite(centred), centred, -np.inf).max(axis=0), 0)
        state["rough"][...] = roughness(rest, state, history)
        self._fit_features(rest, usual, state, history)

    def _fit_features(self, rest: F32, usual: F32, state: State, history: History) -> None:
        """Run the bank over history; measure its generations and tails."""
        known = np.isfinite(rest)
        size = np.maximum(column_quantiles(np.abs(rest), (0.98,))[0] / bank_normaliser.GAUSS_Q98, state["floor"])
        tamed = bank_features.carried(np.clip(rest, -WILD * size, WILD * size))
        features = bank_features.over(tamed + usual, tamed, state)
        surprise = bank_surprise.over(tamed + usual, known, state)
        features[:, ~known] = np.nan
        if len(rest) > 2 * SETTLE:
            features[:, :SETTLE] = np.nan
        calm = along(state["rough"], history.day_s)
        for row, feature in enumerate(features):
            centre, scale = bank_normaliser.fit(feature, calm)
            state["centre"][row] = centre
            for rows in ROWS:
                state["scale"][rows][row] = scale
        for name, sizes in (
            ("shape", self._learnt(state, features, surprise, calm)),
            ("level", level_of(state, features[REST], calm)),
        ):
            tail = fit_tail(sizes)
            state[f"{name}_tail"][...], state[f"{name}_excess"][...] = tail.start, tail.excess
