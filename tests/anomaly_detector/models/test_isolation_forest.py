"""The pooled forest: arrays that say what scikit-learn says, clean samples only, snapshots without pickles."""

import numpy as np
import pytest

from anomaly_detector.models.isolation_forest import SAMPLE, IsolationForestOptions, PooledForest
from anomaly_detector.models.model import DAY_S, Grid, History, State
from anomaly_detector.packing import pack, unpack
from anomaly_detector.query_state import QueryState
from anomaly_detector.scoring import forest
from anomaly_detector.scoring.bank_features import FEATURES
from tests.fakes.detector_plans import plan

STEP_S = 300.0


def points(count: int, *, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 1, (len(FEATURES), count)).astype(np.float32)


def test_arrays_say_what_scikit_learn_says() -> None:
    from sklearn.ensemble import IsolationForest

    past, now = points(2000), points(500, seed=2) * 3
    ours = forest.strangeness(forest.grown(past, trees=20, seed=3), now)
    theirs = IsolationForest(n_estimators=20, max_samples=256, random_state=3).fit(past.T)
    np.testing.assert_allclose(ours, -theirs.score_samples(now.T), atol=1e-5)


def fitted(*, missing: float = 0.0) -> tuple[PooledForest, State]:
    model = PooledForest(IsolationForestOptions(trees=20))
    times, random = np.arange(0, 3 * DAY_S, STEP_S), np.random.default_rng(4)
    values = 100 + random.normal(0, 1, (len(times), 30))
    values[random.random(values.shape) < missing] = np.nan
    history = History(values=values, day_s=times % DAY_S, step_s=STEP_S, target_step_s=STEP_S)
    return model, model.fit(history, np.ones(values.shape, bool))


def step(model: PooledForest, state: State, time_s: float, *, away: float = 0.0) -> np.ndarray:
    values = 100 + away + np.random.default_rng(int(time_s)).normal(0, 1, 30)
    return model.step(values, state, np.ones(30, bool), Grid(time_s=time_s, step_s=STEP_S, day_s=time_s % DAY_S)).score


def test_the_sample_is_bounded_and_takes_nothing_strange() -> None:
    model, state = fitted()
    assert 1024 <= model.pool["points"].shape[1] <= SAMPLE
    before = model.pool["points"].copy()
    for number in range(20):
        assert (step(model, state, 3 * DAY_S + number * STEP_S, away=500) > 1).all()
    assert np.array_equal(model.pool["points"], before)


def test_it_is_grown_anew_when_that_is_due() -> None:
    model, state = fitted()
    grown = []
    for number in range(0, 3 * 288, 36):
        step(model, state, 3 * DAY_S + number * STEP_S)
        grown.append(float(model.pool["grown_s"][0]))
    assert sorted(set(grown)) == [3 * DAY_S, 4 * DAY_S, 5 * DAY_S]


def test_a_snapshot_holds_the_forest() -> None:
    watched = plan("expr: up, step: 5m", models="{m: {class: isolation_forest, trees: 20}}")
    state = QueryState(watched, last_s=0.0)
    model = state.lanes[0].model
    assert isinstance(model, PooledForest)
    model.pool = fitted()[0].pool
    again = unpack(*pack(state, watched), watched).lanes[0].model
    assert isinstance(again, PooledForest)
    assert again.pool.keys() == model.pool.keys()
    now = points(50)
    assert forest.strangeness(again.pool, now) == pytest.approx(forest.strangeness(model.pool, now))


def test_an_instant_without_a_sample_says_nothing() -> None:
    model, state = fitted()
    step(model, state, 3 * DAY_S, away=3)
    before = state["smooth"].copy()
    gone = np.full(30, np.nan)
    at_s = 3 * DAY_S + STEP_S
    model.step(gone, state, np.ones(30, bool), Grid(time_s=at_s, step_s=STEP_S, day_s=at_s % DAY_S))
    assert before.max() > 0
    assert np.array_equal(state["smooth"], before)


def test_gaps_in_history_do_not_lower_the_threshold() -> None:
    tails = [float(np.median(fitted(missing=missing)[1]["shape_tail"])) for missing in (0.0, 0.5)]
    assert tails[1] > 0.85 * tails[0]


def alike_but_for_one(count: int) -> np.ndarray:
    """Return values of thirty series that hardly ever change, and of one that always does and has half its samples."""
    random = np.random.default_rng(6)
    ticks = (random.random((count, 30)) < np.linspace(0.002, 0.05, 30)) * 1.0
    noise = 10 + random.normal(0, 1, (count, 1))
    noise[random.random(noise.shape) < 0.5] = np.nan
    return np.concatenate((ticks, noise), axis=1)


def test_a_series_unlike_the_others_of_its_query_does_not_alarm_for_that() -> None:
    model, times = PooledForest(IsolationForestOptions(trees=20)), np.arange(0, 4 * DAY_S, STEP_S)
    values, past = alike_but_for_one(len(times)), 3 * 288
    history = History(values=values[:past], day_s=times[:past] % DAY_S, step_s=STEP_S, target_step_s=STEP_S)
    state, learn = model.fit(history, np.ones((past, 31), bool)), np.ones(31, bool)
    grids = (Grid(time_s=one, step_s=STEP_S, day_s=one % DAY_S) for one in times[past:].tolist())
    verdicts = [model.step(block, state, learn, grid) for block, grid in zip(values[past:], grids, strict=True)]
    assert sum(one.score[-1] > 1 for one in verdicts) <= 2  # of 288
    assert max(one.contribution[0, -1] for one in verdicts) > 0.5  # the forest sees it
