"""Signs of groups: which rows belong together, and what trouble looks like in their sums."""

import numpy as np
import pytest

from anomaly_detector.models.model import Verdict
from anomaly_detector.scoring.groups import (
    ABOVE,
    BELOW,
    BREADTH,
    DRIFT,
    DRIFT_CAP,
    FALL,
    FEW,
    FROZEN_S,
    RISE,
    SCORE_CAP,
    SETTLED_S,
    SLOW_SCRAPE_S,
    STILL,
    TOP,
    Grouped,
    Signs,
    deviation,
)
from anomaly_detector.scoring.scoring import Direction

STEP_S, COARSE_S = 60.0, 600.0
GROUP = np.repeat([0, 1], 10)  # two devices of ten series each
LEARN = np.ones(2, bool)
RANDOM = np.random.default_rng(5)


def signs(direction: Direction = "both") -> Signs:
    return Signs(Grouped(GROUP, 2), len(GROUP), STEP_S, direction=direction)


def lively() -> np.ndarray:
    return RANDOM.normal(100, 5, len(GROUP))


def test_sums_and_maxima_are_those_of_the_group_in_any_order_of_rows() -> None:
    grouped = Grouped(np.array([2, 0, -1, 2, 0]), 3)
    values = np.array([1, 2, 50, 4, 8], np.float32)
    assert grouped.sums(values).tolist() == [10, 0, 5]
    assert grouped.most(values).tolist() == [8, 0, 4]


def test_top_is_the_worst_series_and_breadth_the_mean() -> None:
    score = np.zeros(20, np.float32)
    score[3] = 2.0
    out, there = signs().take(score, lively(), np.zeros(20), LEARN)
    assert there.all()
    assert out[TOP].tolist() == [2, 0]
    assert out[BREADTH].tolist() == np.array([0.2, 0], np.float32).tolist()


def test_one_series_cannot_outshout_a_group() -> None:
    out, _ = signs().take(np.full(20, 100, np.float32), lively(), np.zeros(20), LEARN)
    assert out[TOP].max() == SCORE_CAP


def test_how_far_a_value_is_off_is_told_in_the_half_of_the_band_on_its_side() -> None:
    values, ones = np.array([16.0, 8.0, 30.0, 10.0, 11.0]), np.ones(5, np.float32)
    verdict = Verdict(
        score=ones,
        expected=np.full(5, 10.0),
        lower=np.full(5, 6.0),
        upper=np.array([13.0, 13.0, 10.1, 10.0, 10.0]),
        contribution=ones[None],
        confidence=ones,
    )
    assert deviation(verdict, values).tolist() == [2.0, -0.5, SCORE_CAP, 0.0, 1.0]


@pytest.mark.parametrize(
    ("off", "steps", "least", "most"), [(0.9, 60, 1.7, 1.8), (0.2, 60, 0.9, 1.0), (5.0, 1, 0.5, 0.5)]
)
def test_what_stays_off_counts_more_than_its_score_and_what_goes_far_does_not(
    off: float, steps: int, least: float, most: float
) -> None:
    watched, score = signs(), np.zeros(20, np.float32)
    score[3] = 0.5
    for _ in range(steps):
        out, _ = watched.take(score, lively(), np.full(20, -off, np.float32), LEARN)
    assert least <= out[TOP][0] <= most
    assert out[BELOW][0] == pytest.approx(out[TOP][0] / 10)
    assert not out[:STILL, 1].any()  # where the score is 0 nothing is off


def test_deviations_to_both_sides_do_not_tilt_and_to_one_side_do() -> None:
    values, score = np.full(20, 100.0), np.full(20, 0.3, np.float32)
    off = np.where(np.arange(20) % 2, 0.3, -0.3).astype(np.float32)
    off[10:] = -0.3
    out, _ = signs().take(score, values, off, LEARN)
    np.testing.assert_allclose(out[BELOW], [0, 0.3], atol=1e-6)
    assert not out[ABOVE].any()


def test_few_is_the_mean_of_the_three_worst() -> None:
    score = np.zeros(20, np.float32)
    score[[1, 2, 3, 4]] = [3.0, 1.5, 0.9, 0.6]
    out, _ = signs().take(score, lively(), np.zeros(20), LEARN)
    np.testing.assert_allclose(out[FEW], [1.8, 0], atol=1e-6)


def test_the_worst_rows_are_those_of_the_wanted_groups() -> None:
    grouped = Grouped(np.array([1, 0, -1, 1, 0]), 2)
    values = np.array([1, 2, 50, 4, 8], np.float32)
    assert grouped.worst(values, np.array([True, False])).tolist() == [4]
    assert sorted(grouped.worst(values, np.array([True, True])).tolist()) == [3, 4]


def leaking(watched: Signs, slope: float) -> np.ndarray:
    """Two quiet days, then half a day in which series 3 moves by `slope` an hour."""
    steps_a_day = round(86_400 / STEP_S)
    for _ in range(2 * steps_a_day):
        out, _ = watched.take(np.zeros(20, np.float32), RANDOM.normal(50, 1, 20), np.zeros(20), LEARN)
    for step in range(steps_a_day // 2):
        values = RANDOM.normal(50, 1, 20)
        values[3] += slope * step * STEP_S / 3600
        out, _ = watched.take(np.zeros(20, np.float32), values, np.zeros(20), LEARN)
    return out


def test_a_leak_drifts_long_before_it_is_a_deviation() -> None:
    out = leaking(signs(), 0.3)
    assert out[DRIFT][0] > 9 * out[DRIFT][1]


def test_a_drift_to_the_side_that_does_not_matter_is_none() -> None:
    out = leaking(signs("above_expected"), -0.3)
    assert out[DRIFT][0] < 25


def falling(watched: Signs, rows: slice, factor: float) -> np.ndarray:
    """Both devices as ever for an hour, then some series of the first at a share of their level."""
    for _ in range(60):
        watched.take(np.zeros(20, np.float32), lively(), np.zeros(20), LEARN)
    values = lively()
    values[rows] *= factor
    return watched.take(np.zeros(20, np.float32), values, np.zeros(20), LEARN)[0][FALL]


def test_an_outage_is_a_fall_whatever_was_usual_at_other_hours() -> None:
    fell, other = falling(signs(), slice(0, 10), 0.3)
    assert fell > 0.6
    assert other < 0.01


def test_the_end_of_a_burst_on_one_port_is_no_fall_of_the_device() -> None:
    assert falling(signs(), slice(0, 1), 0.05)[0] < 0.1


def test_what_rises_or_may_fall_does_not_count_as_a_fall() -> None:
    assert falling(signs(), slice(0, 10), 3.0)[0] < 0.01
    assert falling(signs("above_expected"), slice(0, 10), 0.3)[0] == 0


def test_a_rise_is_seen_where_both_directions_are_asked_for() -> None:
    for direction, seen in (("both", True), ("above_expected", False), ("below_expected", False)):
        watched = signs(direction)
        for factor in (1, 1, 1, 4):
            out, _ = watched.take(np.zeros(20, np.float32), factor * lively(), np.zeros(20), LEARN)
        assert (out[RISE] > 1).all() == seen
        assert out[RISE].any() == seen


def test_a_fall_is_not_seen_in_what_has_no_size() -> None:
    watched = signs()
    for size in (-5.0, -50.0, 0.0):
        assert not watched.take(np.zeros(20, np.float32), np.full(20, size), np.zeros(20), LEARN)[0][FALL].any()


def test_rows_that_get_another_series_forget_and_others_do_not() -> None:
    watched = signs()
    watched.take(np.zeros(20, np.float32), np.arange(20.0), np.zeros(20), LEARN)
    watched.regroup(Grouped(np.append(GROUP, [2, 2]), 3), np.array([4, 20, 21]))
    assert np.isnan(watched.last[[4, 20, 21]]).all()
    assert watched.last[5] == 5
    out, there = watched.take(np.zeros(22, np.float32), np.arange(22.0), np.zeros(22), np.ones(3, bool))
    assert there.tolist() == [True, True, True]
    assert out.shape[1] == 3


def test_a_frozen_agent_is_still_and_one_that_always_repeats_is_not() -> None:
    watched, frozen = signs(), np.arange(10.0)
    for _ in range(50):
        watched.take(np.zeros(20, np.float32), np.concatenate((lively()[:10], np.ones(10))), np.zeros(20), LEARN)
    for _ in range(round((SLOW_SCRAPE_S + FROZEN_S) / STEP_S) + 1):
        values = np.concatenate((frozen, np.ones(10)))
        out, _ = watched.take(np.zeros(20, np.float32), values, np.zeros(20), LEARN)
    assert out[STILL][0] > 0.95
    assert out[STILL][1] == 0


def test_values_that_come_less_often_from_now_on_are_not_frozen() -> None:
    watched, most, values = signs(), 0.0, lively()
    for _ in range(50):
        watched.take(np.zeros(20, np.float32), lively(), np.zeros(20), LEARN)
    for step in range(100):
        values = lively() if step % 5 == 0 else values
        out, _ = watched.take(np.zeros(20, np.float32), values, np.zeros(20), LEARN)
        most = max(most, out[STILL].max())
    assert most == 0


def settled() -> tuple[Signs, float]:
    """Signs that have seen a day and a tenth, and the highest drift since they are settled."""
    watched, highest = Signs(Grouped(GROUP, 2), len(GROUP), COARSE_S), 0.0
    for _ in range(round(1.1 * SETTLED_S / COARSE_S)):
        out, _ = watched.take(np.zeros(20, np.float32), lively(), np.zeros(20), LEARN)
        highest = max(highest, float(out[DRIFT].max()))
    return watched, highest


@pytest.mark.parametrize("garbage", [1e4, 2.0**64, 1e300])
def test_a_sample_of_garbage_is_not_felt(garbage: float) -> None:
    (watched, usual), after = settled(), []
    for step in range(20):
        values = lively()
        values[0] = garbage if step == 0 else values[0]
        out, _ = watched.take(np.zeros(20, np.float32), values, np.zeros(20), LEARN)
        after.append(out[[DRIFT, FALL, RISE]].max())
    assert np.isfinite(watched.wide).all()
    assert max(after) < 20 + usual


def test_two_samples_of_another_level_are_no_garbage() -> None:
    watched, _ = settled()
    for _ in range(10):
        out, _ = watched.take(np.zeros(20, np.float32), lively() * 100, np.zeros(20), LEARN)
    assert out[DRIFT].min() == DRIFT_CAP**2


def test_what_may_not_be_learnt_does_not_become_usual() -> None:
    watched = signs()
    for _ in range(3):
        watched.take(np.zeros(20, np.float32), lively(), np.zeros(20), LEARN)
    before = watched.usual.copy()
    for _ in range(20):
        watched.take(np.zeros(20, np.float32), np.ones(20), np.zeros(20), ~LEARN)
    assert np.array_equal(watched.usual, before)


def test_a_value_that_says_nothing_shows_nothing_and_its_group_is_there() -> None:
    watched, unheard = signs(), signs()
    for one in (watched, unheard):
        for _ in range(5):
            one.take(np.zeros(20, np.float32), np.arange(20.0) + 50, np.zeros(20), LEARN)
    dip, rows = np.arange(20.0) + 50, np.arange(10)
    dip[rows] *= 0.2
    heard, _ = watched.take(np.ones(20, np.float32), dip, -np.ones(20, np.float32), LEARN)
    out, there = unheard.take(np.ones(20, np.float32), dip, -np.ones(20, np.float32), LEARN, unsure=rows)
    assert heard[[TOP, BELOW, FALL], 0].min() > 0
    assert there.all()
    assert not out[:, 0].any()
    np.testing.assert_array_equal(out[:, 1], heard[:, 1])
    assert np.isfinite(dip).all()


def test_a_group_without_samples_has_no_signs() -> None:
    values = lively()
    values[10:] = np.nan
    out, there = signs().take(np.full(20, 2, np.float32), values, np.zeros(20), LEARN)
    assert there.tolist() == [True, False]
    assert not out[:, 1].any()
