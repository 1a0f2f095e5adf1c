"""The feature bank: the recursions, the normaliser, and what the score does over time."""

import numpy as np
import pytest

from anomaly_detector.models.bank import Bank, BankOptions
from anomaly_detector.models.model import DAY_S, Grid, History, State
from anomaly_detector.scoring import bank_features, bank_normaliser, bank_surprise

STEP_S = 300.0


def history(days: int = 7, series: int = 4, *, seed: int = 1) -> History:
    times = np.arange(0, days * DAY_S, STEP_S)
    random = np.random.default_rng(seed)
    values = 100 + 10 * np.sin(2 * np.pi * times[:, None] / DAY_S) + random.normal(0, 1, (len(times), series))
    return History(values=values, day_s=times % DAY_S, step_s=STEP_S, target_step_s=STEP_S)


def fitted(**options: float) -> tuple[Bank, State]:
    bank = Bank(BankOptions(**options))
    past = history()
    return bank, bank.fit(past, np.ones(past.values.shape, bool))


def grid(number: int) -> Grid:
    return Grid(time_s=number * STEP_S, step_s=STEP_S, day_s=number * STEP_S % DAY_S)


def usual(number: int, series: int = 4) -> np.ndarray:
    return np.full(series, 100 + 10 * np.sin(2 * np.pi * number * STEP_S / DAY_S))


def test_history_as_a_whole_gives_the_same_as_sample_by_sample() -> None:
    random = np.random.default_rng(2)
    value, rest = random.normal(0, 1, (200, 3)).astype(np.float32), random.normal(0, 1, (200, 3)).astype(np.float32)
    whole: State = {name: np.zeros(3, np.float32) for name in bank_features.MEMORY}
    single = {name: array.copy() for name, array in whole.items()}
    together = bank_features.over(value, rest, whole)
    bank_features.begin(single, value[0], rest[0], where=np.ones(3, bool))
    each = np.stack([bank_features.advance(single, *one) for one in zip(value, rest, strict=True)], axis=1)
    np.testing.assert_allclose(together, each, atol=2e-5)
    for name, array in whole.items():
        np.testing.assert_allclose(array, single[name], atol=2e-5, err_msg=name)


@pytest.mark.parametrize("rows", [1, 2, 63, 64, 65])
def test_short_histories_too(rows: int) -> None:
    value = np.arange(rows * 2, dtype=np.float32).reshape(rows, 2)
    state: State = {name: np.zeros(2, np.float32) for name in bank_features.MEMORY}
    assert bank_features.over(value, value, state).shape == (len(bank_features.FEATURES), rows, 2)
    assert np.array_equal(state["value1"], value[-1])


def test_the_scale_settles_where_two_percent_lie_beyond() -> None:
    random = np.random.default_rng(3)
    centre, scale = np.zeros(50, np.float32), np.ones(50, np.float32)
    even, rate = np.ones(50, np.float32), np.full(50, 5e-4, np.float32)
    for _ in range(8000):
        feature = random.normal(5, 3, 50).astype(np.float32)
        bank_normaliser.follow(feature, centre, [scale], calm=even, rates=[rate], young=None)
    assert abs(np.median(centre) - 5) < 0.5
    assert abs(np.median(scale) - 3) < 0.4


def test_nothing_is_learnt_at_rate_0() -> None:
    centre, scale = np.array([1.0], np.float32), np.array([2.0], np.float32)
    none = np.zeros(1, np.float32)
    bank_normaliser.follow(np.array([99.0], np.float32), centre, [scale], calm=none + 1, rates=[none], young=None)
    assert (centre[0], scale[0]) == (1.0, 2.0)


def test_the_generation_that_knows_it_best_counts() -> None:
    bank, state = fitted()
    other = {name: array.copy() for name, array in state.items()}
    count = len(bank_features.FEATURES)
    other["scale"][:count] *= 50  # the older generation has seen much wilder days
    value = usual(2016) + 9
    every = np.ones(4, bool)
    strange = bank.step(value, state, every, grid(2016)).contribution[0]
    known = bank.step(value, other, every, grid(2016)).contribution[0]
    assert (known < strange / 2).all()


def test_a_sample_outside_the_band_scores_above_1() -> None:
    bank, state = fitted()
    every = np.ones(4, bool)
    quiet = {name: array.copy() for name, array in state.items()}
    verdict = bank.step(usual(2016), quiet, every, grid(2016))
    outside = bank.step(verdict.upper + 0.01, state, every, grid(2016))
    assert (outside.score > 1).all()
    assert (verdict.score < 1).all()


def test_the_score_falls_slowly_after_an_alarm_and_at_once_without_hold() -> None:
    after = {}
    for hold in (0, 20):
        bank, state = fitted(hold=hold)
        every = np.ones(4, bool)
        peak = bank.step(usual(2016) + 60, state, every, grid(2016)).score
        for number in range(2017, 2029):
            last = bank.step(usual(number), state, every, grid(number)).score
        assert (peak > 1).all()
        after[hold] = last / peak
    assert (after[20] >= np.exp(-12 / 20) - 1e-3).all()
    assert (after[0] < after[20]).all()


def test_one_wild_sample_is_not_felt_for_hours() -> None:
    bank, state = fitted(hold=0)
    every = np.ones(4, bool)
    bank.step(np.full(4, 1e12), state, every, grid(2016))
    for number in range(2017, 2017 + 96):
        score = bank.step(usual(number), state, every, grid(number)).score
    assert (score < 1).all()


def test_lasting_new_behaviour_becomes_normal_in_the_end() -> None:
    bank, state = fitted(hold=0, accept_after=6 * 3600.0)
    random, every = np.random.default_rng(4), np.ones(4, bool)
    scores = [
        bank.step(usual(number) + 40 + random.normal(0, 1, 4), state, every, grid(number)).score
        for number in range(2016, 2016 + 4 * 288)
    ]
    assert (scores[60] > 1).all()
    assert (np.stack(scores[-48:]) <= 1).mean() > 0.9


def test_a_short_memory_is_a_fault_of_the_configuration() -> None:
    assert [place for place, _ in BankOptions(memory=60.0).config_faults()] == ["memory"]


def test_a_new_series_begins_with_what_the_others_teach() -> None:
    bank = Bank(BankOptions())
    past = history(series=20)
    state = bank.fit(past, np.ones(past.values.shape, bool))
    born = bank.newborn(state, np.ones(20, bool), 3)
    np.testing.assert_allclose(born["scale"][:, 0], np.median(state["scale"], axis=1))
    values = np.full(3, 5000.0)  # its own level is another one
    verdict = bank.step(values, born, np.ones(3, bool), grid(2016))
    assert (verdict.confidence < 1).all()
    assert verdict.expected.tolist() == values.tolist()
    assert (verdict.upper - verdict.expected > 1).all()


def test_nobody_is_taught_by_a_handful() -> None:
    bank, state = fitted()
    born, blank = bank.newborn(state, np.ones(4, bool), 2), bank.blank(2)
    assert all(np.array_equal(born[name], blank[name], equal_nan=True) for name in blank)


def test_its_own_samples_outweigh_the_prior() -> None:
    bank = Bank(BankOptions())
    past = history(series=20)
    state = bank.newborn(bank.fit(past, np.ones(past.values.shape, bool)), np.ones(20, bool), 3)
    random, every = np.random.default_rng(5), np.ones(3, bool)
    for number in range(2016, 2016 + 288):
        bank.step(1e6 + random.normal(0, 1000, 3), state, every, grid(number))
    assert (state["scale"][bank_features.REST] > 300).all()


def test_surprise_knows_what_each_series_does_next() -> None:
    random = np.random.default_rng(6)
    swing = np.sin(np.arange(1000) * 0.4)[:, None] * 10 + random.normal(0, 0.1, (1000, 1))
    leaps = random.normal(0, 7, (1000, 1))
    values = np.concatenate((swing, leaps), axis=1).astype(np.float32)
    state = bank_surprise.blank(2) | {"floor": np.full(2, 1e-3, np.float32)}
    sizes = bank_surprise.over(values, np.ones(values.shape, bool), state)
    assert (np.median(sizes[50:], axis=0) < 2).all()
    lags = {name: values[-lag] for lag, name in enumerate(bank_surprise.LAGS, start=1)}
    state |= {name: lag.copy() for name, lag in lags.items()}
    jump = 2 * values[-1] - values[-2] + 5
    assert bank_surprise.advance(state, jump)[0][0] > 4 * bank_surprise.advance(state, jump)[0][1]


def test_surprise_over_a_history_is_that_of_each_sample() -> None:
    random = np.random.default_rng(7)
    values = random.normal(0, 1, (300, 3)).cumsum(axis=0).astype(np.float32)
    first: State = bank_surprise.blank(3) | {"floor": np.full(3, 1e-3, np.float32)}
    bank_surprise.over(values[:200], np.ones((200, 3), bool), first)
    single = {name: array.copy() for name, array in first.items()}
    single |= {"value1": values[199].copy(), "value2": values[198].copy()}
    for value in values[200:]:
        size, _ = bank_surprise.advance(single, value)
        single["value2"], single["value1"] = single["value1"], value.copy()
    assert np.isfinite(size).all()
    assert np.array_equal(single["value3"], values[297])
    assert np.array_equal(single["value4"], values[296])
