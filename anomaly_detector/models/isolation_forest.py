"""`isolation_forest`: one Isolation Forest for all series of a query, over the normalised features of the bank.

A forest for each series costs a megabyte and knows little; in the scales of their own series the features of all are
alike, so that one forest of them all is as good and has no cold start. It is grown from a sample of clean instants of
any series: not marked, not above 1; `retrain_every` it is grown anew from a sample that has moved on. Thresholds are
pooled first and then follow each series. The rest (profile, `level` and its band, `range`) is scoring/feature_bank.py.

What all series share is `pool`: the sample and the forest as arrays, which a snapshot holds beside the state.
"""

import itertools
from typing import Annotated

import msgspec
import numpy as np

from anomaly_detector.models.model import DAY_S, F32, F64, Grid, Mask, Plugin, State, Verdict
from anomaly_detector.scoring import forest
from anomaly_detector.scoring.bank_features import FEATURES
from anomaly_detector.scoring.bank_judgement import ROWS, shape_of
from anomaly_detector.scoring.bank_options import FeatureBankOptions
from anomaly_detector.scoring.calibration import GAUSS_TAIL, TAIL_SHARE
from anomaly_detector.scoring.feature_bank import LEAST_SHAPE, YOUNG, FeatureBank, Seen
from heronwatch.values import Duration

SAMPLE = 8192  # clean instants kept
ENOUGH = 1024  # of them for a first forest
PER_STEP = 8  # clean instants of a block that replace older ones at each step
RUN, RUNS = 48, 12  # consecutive instants of history, and how often, that a fit looks at for sample and thresholds
SETTLED = 12  # of a run, until the smoothing has forgotten its beginning
GAIN = np.float32(2 / 7)  # of the smoothing over 6 samples: one instant says little, as the forest's score is bounded
SEED = 1
FAR = np.float32(50)  # scales: a feature is not seen further out
REACHABLE = np.float32(0.725)  # of the most that the forest can say: no threshold of a usual series is above
LEAST_SPREAD = 0.01  # of the forest's score


class IsolationForestOptions(FeatureBankOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of `class: isolation_forest`: those of `bank`, how often it is grown anew (1d), and of how many trees."""

    retrain_every: Duration | None = None
    trees: Annotated[int, msgspec.Meta(ge=10, le=500)] = 50


class PooledForest(FeatureBank):
    """The model; see the module's docstring. `pool` is empty until the first clean instants were seen."""

    features: tuple[str, ...] = ("forest", "level", "range")
    least_shape = 3.0
    level_over_shape = np.float32(0)

    def __init__(self, options: IsolationForestOptions) -> None:
        super().__init__(options)
        self._forest_options = options
        self._every_s = float(DAY_S if options.retrain_every is None else options.retrain_every)
        self.pool: State = {"points": np.zeros((len(FEATURES), 0), np.float32), "grown_s": np.full(1, -np.inf)}

    def blank(self, count: int) -> State:
        """Return the state of series without history."""
        return super().blank(count) | {"smooth": np.zeros(count, np.float32)}

    def step(self, block: F64, state: State, learn: Mask, grid: Grid) -> Verdict:
        """Judge and learn one sample of each series; see `Model.step`. The forest is grown anew when that is due."""
        due = grid.time_s >= self.pool["grown_s"][0] + self._every_s
        if due and self.pool["points"].shape[1] >= ENOUGH:
            self._grow(grid.time_s)
        smooth = state["smooth"].copy()
        verdict = super().step(block, state, learn, grid)
        np.copyto(state["smooth"], smooth, where=~np.isfinite(block))  # no sample says nothing, as in `_learnt`
        return verdict

    def _shape(self, state: State, features: F32, surprise: F32, calm: F32) -> F32:  # noqa: ARG002 - the forest has its own idea of it
        """Return how strange the forest finds the features, in spreads of what it was grown from; 0 without one."""
        smooth = state["smooth"]
        if "feature" in self.pool:
            smooth += GAIN * (self._sizes(_normalised(state, features, calm)) - smooth)
        return smooth.copy()

    def _thresholds(self, state: State, step_s: float) -> F32:
        """Return the thresholds; the forest's score is bounded, so an extrapolated one could be out of reach.

        To a series that is unlike the others of its query the forest comes near its bound every day: the threshold is
        half way from there at least.
        """
        limits = super()._thresholds(state, step_s)
        if "feature" in self.pool:
            most = self.pool["size"][2]
            limits[0] = np.minimum(limits[0], np.maximum(REACHABLE * most, (state["shape_tail"] + most) / 2))
        return limits

    def _learnt(self, state: State, features: F32, surprise: F32, calm: F32) -> F32:  # noqa: ARG002 - the forest has its own idea of it
        """Take a sample of clean history; return what the forest says of some instants, NaN of the others."""
        shapes = shape_of(state, features, calm)
        clean = shapes <= LEAST_SHAPE  # False where unknown
        random = np.random.default_rng(SEED)
        runs = [slice(first, first + RUN) for first in _starts(len(shapes))]
        for run in runs:
            points = _normalised(state, features[:, run], calm[run])
            self._take(points[:, clean[run]], random)
        if "feature" not in self.pool and self.pool["points"].shape[1] >= ENOUGH:
            self._grow(-np.inf)
        out = np.full(shapes.shape, np.nan, np.float32)
        for run in runs if "feature" in self.pool else ():
            points, known = np.nan_to_num(_normalised(state, features[:, run], calm[run])), np.isfinite(shapes[run])
            sizes = self._sizes(points.reshape(len(points), -1)).reshape(points.shape[1:])
            for (before, now), there in zip(itertools.pairwise(sizes), known[1:], strict=True):
                now[...] = before + GAIN * (now - before) * there
            out[run][SETTLED:] = np.where(known, sizes, np.nan)[SETTLED:]
        return out

    def _learn(self, state: State, seen_now: Seen, learn: Mask, grid: Grid) -> None:
        """Learn as the bank does, and let a few clean instants into the sample."""
        random = np.random.default_rng([SEED, int(grid.time_s)])
        rows = np.flatnonzero(learn & (state["samples"] > YOUNG))
        rows = rows[random.integers(0, len(rows), PER_STEP)] if len(rows) else rows
        part = {name: state[name][..., rows] for name in ("centre", "scale", "floor")}
        self._take(_normalised(part, seen_now.features[:, rows], seen_now.calm[rows]), random)
        super()._learn(state, seen_now, learn, grid)

    def _take(self, points: F32, random: np.random.Generator) -> None:
        """Let points (features, points) into the sample: behind the others while there is room, else in their place."""
        held = self.pool["points"]
        if points.shape[1] > SAMPLE:
            points = points[:, random.choice(points.shape[1], SAMPLE, replace=False)]
        room = SAMPLE - held.shape[1]
        if room:
            held = np.concatenate((held, points[:, :room]), axis=1)
            points = points[:, room:]
        held[:, random.choice(held.shape[1], points.shape[1], replace=False)] = points
        self.pool["points"] = held

    def _grow(self, time_s: float) -> None:
        points = self.pool["points"]
        grown = forest.grown(points, trees=self._forest_options.trees, seed=SEED)
        usual, far = np.quantile(forest.strangeness(grown, points), (0.5, 1 - TAIL_SHARE))
        spread = max(LEAST_SPREAD, (far - usual) / GAUSS_TAIL)
        most = forest.strangeness(grown, np.full((len(FEATURES), 1), FAR))[0]
        size = np.array([usual, spread, (most - usual) / spread], np.float32)
        self.pool = {"points": points, "grown_s": np.full(1, time_s), "size": size, **grown}

    def _sizes(self, points: F32) -> F32:
        usual, spread, _ = self.pool["size"]
        return np.asarray(np.maximum(forest.strangeness(self.pool, points) - usual, 0) / spread)


def _starts(instants: int) -> list[int]:
    """Return where the runs begin, from the first instant to the last."""
    return sorted({int(one) for one in np.linspace(0, max(0, instants - RUN), RUNS)})


def _normalised(state: State, features: F32, calm: F32) -> F32:
    """Return features, of an instant or of many, in the scales of their series, the sign kept."""
    shape = (len(FEATURES),) + (1,) * (features.ndim - 2) + (-1,)
    centre, scale = state["centre"].reshape(shape), state["scale"][ROWS[-1]].reshape(shape)
    distance = (features - centre) / np.maximum(scale * calm, state["floor"])
    return np.asarray(np.clip(distance, -FAR, FAR), np.float32)


PLUGIN = Plugin(name="isolation_forest", options=IsolationForestOptions, make=PooledForest)
