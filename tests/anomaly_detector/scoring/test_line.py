"""Lines, and when they meet a threshold."""

import numpy as np
import pytest

from anomaly_detector.scoring.forecast import time_to_threshold
from anomaly_detector.scoring.line import Line

HOUR_S = 3600.0


def filling(*, spikes: bool, seed: int = 1, series: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """288 samples of disks that fill, with noise and, if wanted, temporary files; and their true slopes a second."""
    random = np.random.default_rng(seed)
    slopes = random.uniform(0.5, 5, series) / HOUR_S
    times = 300.0 * np.arange(288)
    values = slopes * times[:, None] + random.normal(0, 0.5, (288, series))
    if spikes:
        for column in range(series):
            first = random.integers(0, 270)
            values[first : first + 12, column] += 60
    return values, slopes


@pytest.mark.parametrize("robust", [True, False])
def test_a_clean_line_is_found(robust: bool) -> None:
    values, slopes = filling(spikes=False)
    found = Line(robust=robust).forecast(values, step_s=300.0, horizons_s=(4 * HOUR_S,))
    assert np.median(np.abs(found.slope / slopes - 1)) < 0.02
    truth = slopes * (287 * 300.0 + 4 * HOUR_S)
    assert np.median(np.abs(found.expected[0] - truth)) < 0.5
    assert ((found.lower[0] < truth) & (truth < found.upper[0])).mean() > 0.95


def test_temporary_files_mislead_least_squares_and_not_the_median() -> None:
    values, slopes = filling(spikes=True)
    wrong = {
        robust: np.median(np.abs(Line(robust=robust).forecast(values, step_s=300.0, horizons_s=()).slope / slopes - 1))
        for robust in (True, False)
    }
    assert wrong[True] < 0.05
    assert wrong[True] < wrong[False] / 2


def test_time_to_threshold() -> None:
    values = np.stack([np.linspace(0, 10, 101), np.linspace(10, 0, 101), np.full(101, 5.0)], axis=1)
    found = Line().forecast(values, step_s=60.0, horizons_s=())
    full = time_to_threshold(found, 20.0, "ge")
    assert full[0] == pytest.approx(6000, rel=0.02)
    assert np.isinf(full[1:]).all()
    assert time_to_threshold(found, 6.0, "le").tolist()[1:] == [0.0, 0.0]


def test_without_history_nothing_is_known() -> None:
    for rows in (0, 3):
        found = Line().forecast(np.full((rows, 2), np.nan), step_s=60.0, horizons_s=(60.0,))
        assert np.isnan(found.expected).all()
        assert np.isinf(time_to_threshold(found, 1.0, "ge")).all()


def test_gaps_do_not_matter() -> None:
    values, slopes = filling(spikes=False)
    values[np.random.default_rng(2).random(values.shape) < 0.3] = np.nan
    found = Line().forecast(values, step_s=300.0, horizons_s=())
    assert np.median(np.abs(found.slope / slopes - 1)) < 0.03
