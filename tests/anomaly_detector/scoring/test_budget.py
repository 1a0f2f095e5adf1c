"""The budget: which rarity it is."""

import pytest

from anomaly_detector.scoring.budget import AIM, threshold


@pytest.mark.parametrize(("a_week", "queries"), [(7.0, 1), (70.0, 10), (0.7, 4)])
def test_the_threshold_is_the_share_of_group_days_that_is_aimed_at(a_week: float, queries: int) -> None:
    group_days_a_week = 7 * 1000
    assert 10 ** -threshold(a_week, queries) * group_days_a_week * queries == pytest.approx(AIM * a_week)
