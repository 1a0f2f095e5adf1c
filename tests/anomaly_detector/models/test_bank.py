"""The feature bank: the recursions, the normaliser, and what the score does over time."""

import numpy as np
import pytest

from anomaly_detector.models.bank import Bank, BankOptions
from anomaly_detector.models.model import DAY_S, Grid, History, State
from anomaly_detector.scoring import bank_features, bank_normaliser

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
        bank_normaliser.follow(feature, centre, scale, calm=even, rate=rate, young=None)
    assert abs(np.median(centre) - 5) < 0.5
    assert abs(np.median(scale) - 3) < 0.4


def test_nothing_is_learnt_at_rate_0() -> None:
    centre, scale = np.array([1.0], np.float32), np.array([2.0], np.float32)
    none = np.zeros(1, np.float32)
    bank_normaliser.follow(np.array([99.0], np.float32), centre, scale, calm=none + 1, rate=none, young=None)
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
