"""The budget: which rarity it is, and what a past would have cost."""

import numpy as np
import pytest

from anomaly_detector.scoring.budget import AIM, episodes, threshold


@pytest.mark.parametrize(("a_week", "queries"), [(7.0, 1), (70.0, 10), (0.7, 4)])
def test_the_threshold_is_the_share_of_group_days_that_is_aimed_at(a_week: float, queries: int) -> None:
    group_days_a_week = 7 * 1000
    assert 10 ** -threshold(a_week, queries) * group_days_a_week * queries == pytest.approx(AIM * a_week)


def test_an_episode_is_one_until_an_hour_has_passed() -> None:
    above = np.zeros((60, 2), bool)
    above[[5, 10, 40], 0] = True  # the second within an hour of the first
    above[7, 1] = True
    assert episodes(above, 300.0) == 3
