"""The rhythm that the feature bank expects, and what free days leave of it."""

import numpy as np

from anomaly_detector.models.model import DAY_S, Grid, History
from anomaly_detector.scoring import bank_rhythm

STEP_S = 900.0
TIMES_S = np.arange(0, 14 * DAY_S, STEP_S)
FREE = TIMES_S // DAY_S % 7 >= 5
DAY = np.sin(2 * np.pi * TIMES_S / DAY_S)
NOON = Grid(time_s=0.0, step_s=STEP_S, day_s=DAY_S / 4)  # the crest of DAY
FREE_NOON = Grid(time_s=0.0, step_s=STEP_S, day_s=DAY_S / 4, free=True)


def fitted(values: np.ndarray, free: np.ndarray | None) -> tuple[bank_rhythm.State, np.ndarray]:
    state = bank_rhythm.blank(values.shape[1])
    history = History(values=values, day_s=TIMES_S % DAY_S, step_s=STEP_S, target_step_s=STEP_S, free=free)
    return state, bank_rhythm.fit(values.astype(np.float32), history, state)


def life() -> np.ndarray:
    """One series that rests on free days, one that rests by half and lower, one that knows none."""
    share = np.array([0.0, 0.5, 1.0])
    offset = np.array([-60.0, -30.0, 0.0])
    return 100 * DAY[:, None] * np.where(FREE[:, None], share, 1) + np.where(FREE[:, None], offset, 0)


def test_free_days_keep_a_share_of_the_day_and_an_offset() -> None:
    state, expected = fitted(life(), FREE)
    np.testing.assert_allclose(state["free_share"], [0, 0.5, 1], atol=0.02)
    np.testing.assert_allclose(state["free_offset"], [-60, -30, 0], atol=2)
    assert np.abs(expected - life()).max() < 8  # medians of an hour, through which the day rises by 26
    np.testing.assert_allclose(bank_rhythm.usual(state, FREE_NOON), [-60, 20, 100], atol=5)
    np.testing.assert_allclose(bank_rhythm.usual(state, NOON), 100, atol=5)


def test_without_a_calendar_every_day_is_as_any_other() -> None:
    state, expected = fitted(life(), None)
    again, same = fitted(life(), np.zeros(len(TIMES_S), bool))
    assert np.array_equal(expected, same)
    assert all(np.array_equal(state[name], again[name]) for name in state)
    assert state["free_share"].tolist() == [1, 1, 1]
    assert state["free_offset"].tolist() == [0, 0, 0]


def test_a_few_hours_of_a_free_day_do_not_tell_what_is_left_of_it() -> None:
    free = TIMES_S >= 14 * DAY_S - 6 * 3600
    state, _ = fitted(life(), free)
    assert state["free_share"].tolist() == [1, 1, 1]
    assert state["free_offset"].tolist() == [0, 0, 0]


def test_what_is_learnt_on_a_free_day_changes_no_other_day() -> None:
    state, _ = fitted(life(), FREE)
    profile, offset = state["profile"].copy(), state["free_offset"].copy()
    bank_rhythm.learn(state, np.full(3, 4, np.float32), np.full(3, 0.6, np.float32), FREE_NOON)
    assert np.array_equal(state["profile"], profile)
    np.testing.assert_allclose(state["free_offset"] - offset, 0.1, rtol=1e-3)
    bank_rhythm.learn(state, np.full(3, 4, np.float32), np.full(3, 0.6, np.float32), NOON)
    np.testing.assert_allclose(bank_rhythm.usual(state, NOON) - profile[5:7].mean(axis=0), 1.2, atol=0.05)
    np.testing.assert_allclose(state["free_offset"] - offset, 0.1, rtol=1e-3)
