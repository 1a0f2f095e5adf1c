"""Direction, smallest deviation and range of a query."""

import numpy as np
import pytest

from anomaly_detector.models.model import Verdict
from anomaly_detector.scoring.scoring import Rules, apply


def verdict(score: float = 3.0) -> Verdict:
    """Two series, expected 10, band 8 to 12."""
    ones = np.ones(2)
    return Verdict(
        score=np.full(2, score, np.float32),
        expected=10 * ones,
        lower=8 * ones,
        upper=12 * ones,
        contribution=np.zeros((1, 2), np.float32),
        confidence=np.ones(2, np.float32),
    )


@pytest.mark.parametrize(
    ("rules", "scores"),
    [
        (Rules(), [3, 3]),
        (Rules(direction="above_expected"), [0, 3]),
        (Rules(direction="below_expected"), [3, 0]),
        (Rules(min_dev_above=5.0), [3, 0]),
        (Rules(min_dev_below=4.0, min_dev_above=4.0), [3, 3]),
        (Rules(min_dev_below=4.1), [0, 3]),
        (Rules(data_range=(7, 13), outside_score=5.0), [5, 5]),
        (Rules(data_range=(0, 100)), [3, 3]),
        (Rules(direction="above_expected", data_range=(7, 100)), [pytest.approx(1.01), 3]),
    ],
)
def test_score(rules: Rules, scores: list[float]) -> None:
    assert apply(verdict(), np.array([6.0, 14.0]), rules).score.tolist() == scores


def test_the_band_is_as_wide_as_the_smallest_deviation_that_counts() -> None:
    ruled = apply(verdict(), np.array([6.0, 14.0]), Rules(min_dev_below=5.0, min_dev_above=1.0))
    assert (ruled.lower[0], ruled.upper[0]) == (5.0, 12.0)


def test_the_band_stays_in_the_data_range() -> None:
    ruled = apply(verdict(), np.array([9.0, 9.5]), Rules(data_range=(9.0, 11.0)))
    assert (ruled.lower[0], ruled.expected[0], ruled.upper[0]) == (9.0, 10.0, 11.0)


def test_without_a_sample_nothing_is_scored() -> None:
    assert apply(verdict(), np.array([np.nan, np.nan]), Rules(data_range=(0, 1))).score.tolist() == [0, 0]
