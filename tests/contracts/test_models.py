"""What every model promises, third parties' included: the suite runs over all that the registry knows."""

import copy
from weakref import WeakKeyDictionary

import numpy as np
import pytest

from anomaly_detector.models.model import DAY_S, F32, F64, Grid, History, Model, State, block_of, bytes_per_series
from anomaly_detector.models.registry import models
from heronwatch.errors import PluginUnavailable

STEP_S = 60.0
SERIES = 24
DAYS = 7
RHYTHM = 0.5  # of the mean: how far a day swings
LIVE = 360  # instants: six hours
BYTES_PER_SERIES = 600  # the promise of the design, identity included
NAMES: WeakKeyDictionary[Model, str] = WeakKeyDictionary()
LEARNT: dict[str, tuple[Model, State]] = {}  # by name: who has learnt a week, and what; every test goes on with copies


@pytest.fixture(params=models().names())
def model(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Model:
    """Each model with its defaults; one that does not know the hour gets series without a daily rhythm."""
    try:
        plugin = models().get(request.param)
        made = plugin.make(plugin.options())
    except PluginUnavailable as error:
        pytest.skip(str(error))
    if not plugin.knows_the_hour:
        monkeypatch.setitem(globals(), "RHYTHM", 0.0)
    NAMES[made] = request.param
    return made


def signal(times_s: F64, *, seed: int = 1, series: int = SERIES) -> F64:
    """Daily rhythm and noise, at sizes from 1e-3 to 1e9; the last three are constant, whole numbers and zero."""
    random = np.random.default_rng(seed)
    size = np.logspace(-3, 9, series)
    rhythm = 1 + RHYTHM * np.sin(2 * np.pi * times_s[:, None] / DAY_S + np.linspace(0, 6, series))
    values = size * rhythm * random.normal(1, 0.03, (len(times_s), series))
    values[:, -3] = 230.0
    values[:, -2] = random.poisson(40, len(times_s))
    values[:, -1] = 0.0
    return values


def fitted(model: Model) -> tuple[State, F64]:
    """A state that has learnt a week, and the times after it."""
    name = NAMES[model]
    if name not in LEARNT:
        state = learnt(model)
        LEARNT[name] = copy.deepcopy(model), state
    donor, state = LEARNT[name]
    vars(model).update(copy.deepcopy(vars(donor)))  # what it learnt of all series together
    return copy.deepcopy(state), live_times()


def learnt(model: Model) -> State:
    """What a week teaches."""
    times = np.arange(0, DAYS * DAY_S, STEP_S)
    values = signal(times)
    history = History(values=values, day_s=times % DAY_S, step_s=STEP_S, target_step_s=STEP_S)
    return model.fit(history, np.ones(values.shape, bool))


def live_times() -> F64:
    """Six hours after the week."""
    return DAYS * DAY_S + np.arange(LIVE) * STEP_S


def live(model: Model, state: State, values: F64, times: F64, *, learn: bool = True) -> F32:
    scores = np.zeros(values.shape, np.float32)
    for instant, (row, time_s) in enumerate(zip(values, times.tolist(), strict=True)):
        grid = Grid(time_s=time_s, step_s=STEP_S, day_s=time_s % DAY_S)
        scores[instant] = model.step(row, state, np.full(len(row), learn), grid).score
    return scores


def quiet(model: Model) -> tuple[State, F64, F64]:
    """A fitted state, live times, and live values that are as the past."""
    state, times = fitted(model)
    return state, times, signal(times, seed=2)


def test_clean_series_stay_below_1(model: Model) -> None:
    state, times, values = quiet(model)
    scores = live(model, state, values, times)
    assert (scores > 1).sum() <= 1  # of 8,640 samples: calibrated for one in a hundred days of a series
    assert scores.max() < 1.5


def test_a_spike_passes_1_at_once(model: Model) -> None:
    state, times, values = quiet(model)
    live(model, state, values[:100], times[:100])
    scores = live(model, state, values[100:101] * 3 + 1, times[100:101])
    assert (scores > 1).mean() > 0.9


def test_a_lasting_shift_passes_1_within_ten_samples(model: Model) -> None:
    state, times, values = quiet(model)
    live(model, state, values[:100], times[:100])
    shifted = values[100:110, :-3] * 1.25
    scores = live(model, block_of(state, 0, SERIES - 3), shifted, times[100:110])
    assert (scores.max(axis=0) > 1).mean() > 0.9


def test_a_long_fault_is_not_learnt(model: Model) -> None:
    state, times, values = quiet(model)
    scores = live(model, state, values * 3 + 1, times)
    assert (scores[-1] > 1).mean() > 0.9


def test_what_may_not_be_learnt_is_not(model: Model) -> None:
    state, times, values = quiet(model)
    free = {name: array.copy() for name, array in state.items()}
    live(model, state, values * 1.1, times, learn=False)
    live(model, free, values * 1.1, times)
    frozen_score = live(model, state, values[:1] * 1.1, times[:1])
    assert not np.array_equal(frozen_score, live(model, free, values[:1] * 1.1, times[:1]))


def test_what_is_held_is_not_accepted_however_long_it_lasts(model: Model) -> None:
    state, _ = fitted(model)
    for hour in range(24 * 4):
        time_s = DAYS * DAY_S + hour * 3600.0
        row = signal(np.array([time_s]))[0] * 3 + 1
        grid = Grid(time_s=time_s, step_s=3600.0, day_s=time_s % DAY_S)
        verdict = model.step(row, state, np.zeros(SERIES, bool), grid)
        assert (verdict.score > 1).mean() > 0.9, hour


def test_verdicts_are_finite_whatever_comes_in(model: Model) -> None:
    state, times, values = quiet(model)
    values[3:5] = np.nan
    values[7, ::2] = 1e300
    for row, time_s in zip(values[:20], times.tolist(), strict=False):
        grid = Grid(time_s=time_s, step_s=STEP_S, day_s=time_s % DAY_S)
        verdict = model.step(row, state, np.ones(SERIES, bool), grid)
        for name in set(verdict.__struct_fields__) - {"ahead"}:
            assert np.isfinite(getattr(verdict, name)).all(), name


def test_without_a_sample_the_score_is_0(model: Model) -> None:
    state, times, _ = quiet(model)
    assert not live(model, state, np.full((5, SERIES), np.nan), times[:5]).any()


def test_history_with_gaps_and_nothing_at_all(model: Model) -> None:
    values = np.full((500, 3), np.nan)
    values[::7, 0] = 5.0
    history = History(values=values, day_s=np.arange(500) * STEP_S, step_s=STEP_S, target_step_s=STEP_S)
    state = model.fit(history, np.ones(values.shape, bool))
    assert np.isfinite(live(model, state, np.ones((5, 3)), np.arange(5) * STEP_S)).all()
    empty = History(values=np.zeros((0, 3)), day_s=np.zeros(0), step_s=STEP_S, target_step_s=STEP_S)
    assert not live(model, model.fit(empty, np.zeros((0, 3), bool)), np.ones((1, 3)), np.zeros(1)).any()


def test_masked_history_is_not_learnt(model: Model) -> None:
    times = np.arange(0, 3 * DAY_S, STEP_S)
    clean = signal(times)
    dirty, mask = clean.copy(), np.ones(clean.shape, bool)
    dirty[1000:2000] *= 50
    mask[1000:2000] = False
    gone = np.where(mask, clean, np.nan)

    def fit(values: F64, mask: np.ndarray) -> State:
        history = History(values=values, day_s=times % DAY_S, step_s=STEP_S, target_step_s=STEP_S)
        return model.fit(history, mask)

    assert_same(fit(dirty, mask), fit(gone, np.ones(clean.shape, bool)))


def test_same_input_same_words(model: Model) -> None:
    times, values = live_times()[:50], signal(live_times(), seed=2)[:50]
    first, second = learnt(model), learnt(model)
    assert np.array_equal(live(model, first, values, times), live(model, second, values, times))
    assert_same(first, second)


def test_series_do_not_disturb_each_other(model: Model) -> None:
    state, times, values = quiet(model)
    order = np.random.default_rng(3).permutation(SERIES)
    turned = {name: array[..., order].copy() for name, array in state.items()}
    straight = live(model, state, values[:50], times[:50])
    assert np.array_equal(straight[:, order], live(model, turned, values[:50][:, order], times[:50]))


def test_blocks_give_the_same_as_the_whole(model: Model) -> None:
    state, times, values = quiet(model)
    parts = {name: array.copy() for name, array in state.items()}
    whole = live(model, state, values[:50], times[:50])
    left = live(model, block_of(parts, 0, 7), values[:50, :7], times[:50])
    right = live(model, block_of(parts, 7, SERIES), values[:50, 7:], times[:50])
    assert np.array_equal(whole, np.concatenate((left, right), axis=1))
    assert_same(state, parts)


def test_state_is_arrays_of_bounded_size_with_the_series_last(model: Model) -> None:
    state, _ = fitted(model)
    assert all(array.shape[-1] == SERIES for array in state.values())
    assert all(array.dtype.kind in "fiub" for array in state.values())  # no objects: snapshots hold no pickles
    assert bytes_per_series(state) <= BYTES_PER_SERIES
    blank = model.blank(5)
    assert {name: (array.dtype, array.shape[:-1]) for name, array in blank.items()} == {
        name: (array.dtype, array.shape[:-1]) for name, array in state.items()
    }


def test_a_copied_state_goes_on_the_same(model: Model) -> None:
    state, times, values = quiet(model)
    live(model, state, values[:50], times[:50])
    copied = {
        name: np.frombuffer(array.tobytes(), array.dtype).reshape(array.shape).copy() for name, array in state.items()
    }
    assert np.array_equal(
        live(model, state, values[50:90], times[50:90]), live(model, copied, values[50:90], times[50:90])
    )


def test_a_new_series_scores_0_until_it_is_warm(model: Model) -> None:
    times = np.arange(0, 3 * DAY_S, 600.0)
    values = signal(times)
    state = model.blank(SERIES)
    confidence = []
    for row, time_s in zip(values, times.tolist(), strict=True):
        grid = Grid(time_s=time_s, step_s=600.0, day_s=time_s % DAY_S)
        verdict = model.step(row, state, np.ones(SERIES, bool), grid)
        confidence.append(verdict.confidence)
        assert not verdict.score[verdict.confidence < 1].any()
    assert confidence[0].max() < 1
    assert confidence[-1].min() == 1
    assert (np.diff(confidence, axis=0) >= 0).all()


def test_contribution_says_which_feature_it_was(model: Model) -> None:
    state, times, values = quiet(model)
    grid = Grid(time_s=times[0], step_s=STEP_S, day_s=times[0] % DAY_S)
    verdict = model.step(values[0] * 2 + 1, state, np.ones(SERIES, bool), grid)
    assert verdict.contribution.shape == (len(model.features), SERIES)
    assert (verdict.lower <= verdict.expected).all()
    assert (verdict.expected <= verdict.upper).all()


def assert_same(left: State, right: State) -> None:
    assert left.keys() == right.keys()
    for name, array in left.items():
        np.testing.assert_array_equal(array, right[name], err_msg=name)
