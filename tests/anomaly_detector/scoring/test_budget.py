"""The budget: episodes, and the threshold that keeps to so many a week."""

import numpy as np
import pytest

from anomaly_detector.scoring.budget import AIM, FIRST, expected_a_week, peaks, threshold

STEP_S = 300.0
WEEKS = 4.0


def episodes(count: int = 400, *, mean: float = 0.8, seed: int = 1) -> np.ndarray:
    return np.sort(1 + np.random.default_rng(seed).exponential(mean, count))[::-1]


def test_an_episode_is_one_until_an_hour_has_passed() -> None:
    found = np.zeros((60, 1), np.float32)
    found[5], found[10], found[40] = 3, 5, 2  # the second within an hour of the first
    assert peaks(found, STEP_S).tolist() == [5, 2]


def test_groups_have_episodes_of_their_own() -> None:
    assert peaks(np.array([[3, 0, 4]], np.float32), STEP_S).tolist() == [4, 3]


def test_evidence_that_everyone_shows_is_no_episode() -> None:
    assert not len(peaks(np.full((10, 3), 0.9, np.float32), STEP_S))


@pytest.mark.parametrize("a_week", [0.5, 2.0, 10.0])
def test_life_as_it_was_costs_the_share_of_the_budget_that_is_aimed_at(a_week: float) -> None:
    future = np.sort(np.concatenate([episodes(seed=seed) for seed in range(100, 200)]))[::-1]
    limits = [threshold(episodes(seed=seed), weeks=WEEKS, a_week=a_week) for seed in range(20)]
    costs = [expected_a_week(future, weeks=100 * WEEKS, at=limit) for limit in limits]
    assert 0.3 * AIM * a_week < np.median(costs) < 3 * AIM * a_week


def test_a_larger_budget_lowers_the_threshold() -> None:
    at = [threshold(episodes(), weeks=WEEKS, a_week=a_week) for a_week in (0.5, 5.0, 50.0)]
    assert at == sorted(at, reverse=True)
    assert at[0] > at[-1]


def test_a_few_true_faults_in_history_hardly_move_the_threshold() -> None:
    clean = threshold(episodes(), weeks=WEEKS, a_week=1.0)
    faulty = np.sort(np.concatenate((episodes(), [60.0, 45.0, 30.0])))[::-1]
    assert abs(threshold(faulty, weeks=WEEKS, a_week=1.0) - clean) < 1.5


def test_without_episodes_the_first_threshold_holds() -> None:
    assert threshold(np.zeros(0), weeks=WEEKS, a_week=1.0) == FIRST
