"""Thresholds that mean the same alarm rate for every series."""

import numpy as np
import pytest

from anomaly_detector.scoring.calibration import Tail, column_quantiles, fit_tail, follow_tail, stretch, threshold

RANDOM = np.random.default_rng(7)


def test_quantiles_ignore_what_is_missing() -> None:
    values = np.array([[3, np.nan], [1, np.nan], [np.nan, np.nan], [2, np.nan]], np.float32)
    (median,) = column_quantiles(values, (0.5,))
    assert median[0] == 2
    assert np.isnan(median[1])


@pytest.mark.parametrize(
    "draw",
    [
        lambda size: RANDOM.normal(size=size),
        lambda size: RANDOM.laplace(size=size),
        lambda size: RANDOM.standard_t(4, size),
    ],
)
def test_the_same_rate_of_alarms_whatever_the_distribution(draw: object) -> None:
    statistic = np.abs(draw((20_000, 50))).astype(np.float32)  # type: ignore[operator]
    tail = fit_tail(statistic)
    limit = threshold(tail, stretch(alarms_per_day=1.0, step_s=86.4), least=0.0)  # one in a thousand samples
    fresh = np.abs(draw((20_000, 50)))  # type: ignore[operator]
    assert 1e-4 < (fresh > limit).mean() < 2.5e-3


def test_a_few_faults_in_history_hardly_move_the_threshold() -> None:
    clean = np.abs(RANDOM.normal(size=(10_000, 50))).astype(np.float32)
    dirty = clean.copy()
    dirty[5000:5020] = 100
    by = stretch(alarms_per_day=0.01, step_s=60)
    assert (threshold(fit_tail(dirty), by, least=0) < 2.2 * threshold(fit_tail(clean), by, least=0)).all()


def test_a_series_never_seen_gets_a_threshold_too() -> None:
    tail = fit_tail(np.full((10, 2), np.nan, np.float32))
    assert np.isfinite(threshold(tail, 5.0, least=3.0)).all()


def test_a_tail_followed_becomes_the_tail_fitted() -> None:
    statistic = np.abs(RANDOM.normal(0, 2, (40_000, 20))).astype(np.float32)
    tail = Tail(np.full(20, 2.33, np.float32), np.full(20, 0.37, np.float32))
    for row in statistic:
        follow_tail(tail, row, rate=np.full(20, 1e-3, np.float32))
    fitted = fit_tail(statistic)
    assert np.median(tail.start / fitted.start) == pytest.approx(1, abs=0.15)
    assert np.median(tail.excess / fitted.excess) == pytest.approx(1, abs=0.35)


def test_one_wild_value_moves_a_tail_no_further_than_any_other() -> None:
    tails = [Tail(np.array([2.0], np.float32), np.array([0.4], np.float32)) for _ in range(2)]
    for tail, value in zip(tails, (5.0, 1e30), strict=True):
        follow_tail(tail, np.array([value], np.float32), rate=np.array([1e-3], np.float32))
    assert tails[0].start == tails[1].start
    assert tails[0].excess == tails[1].excess
