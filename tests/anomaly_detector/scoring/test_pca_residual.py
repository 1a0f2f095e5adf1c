"""The residual of a device: what its series do apart from what they usually do together."""

import numpy as np
import pytest

from anomaly_detector.models.model import F32
from anomaly_detector.scoring.groups import BREADTH, Grouped, Signs
from anomaly_detector.scoring.pca_residual import LEARNT_S, MOST, RENEWED_S, PcaResidual, remainder, slots_of

STEP_S = 1800.0
GROUP = np.repeat([0, 1], 6)
LEARN = np.ones(2, bool)


def together(random: np.random.Generator) -> F32:
    """Six series that follow one load, and six that do so by halves, each with a little of its own."""
    load = random.normal(0, 0.5, 2)[GROUP] * np.where(np.arange(12) % 2, 1, -1)
    return (load + random.normal(0, 0.03, 12)).astype(np.float32)


@pytest.fixture
def learnt() -> PcaResidual:
    random = np.random.default_rng(4)
    residual = PcaResidual(GROUP, 2, STEP_S)
    for _ in range(round(2 * (LEARNT_S + RENEWED_S) / STEP_S)):
        residual.take(together(random), LEARN)
    return residual


def test_what_moves_together_as_ever_is_not_strange_however_far(learnt: PcaResidual) -> None:
    far = np.where(np.arange(12) % 2, 3, -3).astype(np.float32)
    assert learnt.take(far, LEARN).max() < 3


def test_one_that_breaks_with_the_others_is_strange_though_it_is_within_its_band(learnt: PcaResidual) -> None:
    broken = np.where(np.arange(12) % 2, 0.5, -0.5).astype(np.float32)
    broken[0] = 0.5
    first, second = learnt.take(broken, LEARN)
    assert first > 5
    assert second < 2


def test_nothing_is_said_before_a_day_is_known_and_nothing_learnt_that_may_not_be() -> None:
    random, residual = np.random.default_rng(4), PcaResidual(GROUP, 2, STEP_S)
    learn = np.array([True, False])
    said = np.array([residual.take(together(random), learn) for _ in range(round(LEARNT_S / STEP_S) + 5)])
    assert not said[: round(LEARNT_S / STEP_S)].any()
    assert said[-1, 0] > 0
    assert not said[:, 1].any()


def test_groups_whose_series_stay_keep_what_they_learnt_and_others_begin_anew(learnt: PcaResidual) -> None:
    learnt.regroup(np.append(GROUP, [2, 2, 1]), 3, np.array([12, 13, 14]))
    assert learnt.seen_s.tolist()[1:] == [0, 0]
    assert learnt.seen_s[0] > LEARNT_S
    assert np.abs(learnt.covariance[0]).max() > 0.1
    learnt.regroup(np.append(GROUP, [2, 2, 1]), 3, np.array([2]))
    assert not learnt.seen_s.any()


def test_a_large_group_takes_part_with_its_first_series_only() -> None:
    slots = slots_of(np.zeros(3 * MOST, np.intp), 1)
    assert slots.tolist() == [list(range(MOST))]
    assert PcaResidual(np.zeros(0, np.intp), 0, STEP_S).take(np.zeros(0, np.float32), np.zeros(0, bool)).size == 0


def test_components_that_explain_most_leave_the_rest() -> None:
    left = remainder(np.diag([100.0, 1.0, 1.0]).astype(np.float32)[None])[0]
    np.testing.assert_allclose(left, np.diag([0, 1, 1]), atol=1e-6)


def test_breadth_is_the_residual_where_that_is_asked_for(learnt: PcaResidual) -> None:
    signs = {score: Signs(Grouped(GROUP, 2), 12, STEP_S, score=score) for score in ("mean", "pca")}
    values, off = np.full(12, 10.0), np.ones(12, np.float32)
    told = {score: one.take(np.full(12, 3, np.float32), values, off, LEARN)[0] for score, one in signs.items()}
    assert told["mean"][BREADTH].tolist() == [3, 3]
    assert told["pca"][BREADTH].tolist() == [0, 0]  # nothing is known yet
    assert np.array_equal(np.delete(told["mean"], BREADTH, 0), np.delete(told["pca"], BREADTH, 0))


IDENTITY = np.arange(101, 113)
MOVED = np.roll(np.arange(12)[::-1], 3)  # where the series stand that another run sees


def recalled(kept: dict[str, np.ndarray], identity: np.ndarray = IDENTITY[MOVED]) -> PcaResidual:
    other = PcaResidual(GROUP[MOVED], 2, STEP_S)
    other.recall(kept, identity, np.arange(2))
    return other


def test_another_run_goes_on_with_it_whatever_rows_its_series_have(learnt: PcaResidual) -> None:
    other = recalled(learnt.remembered(IDENTITY, np.arange(2)))
    broken = np.where(np.arange(12) % 2, 0.5, -0.5).astype(np.float32)
    broken[0] = 0.5
    learnt.remainder = remainder(learnt.covariance)
    np.testing.assert_allclose(other.take(broken[MOVED], LEARN), learnt.take(broken, LEARN), rtol=1e-3)
    assert other.seen_s.tolist() == learnt.seen_s.tolist()


def test_a_device_that_has_other_series_now_begins_anew(learnt: PcaResidual) -> None:
    kept = learnt.remembered(IDENTITY, np.arange(2))
    other = recalled(kept, np.where(IDENTITY == 103, 999, IDENTITY)[MOVED])
    assert other.seen_s.tolist() == [0, learnt.seen_s[1]]
    assert not other.covariance[0].any()


@pytest.mark.parametrize("name", ["who", "covariance", "usual", "seen_s"])
def test_what_does_not_fit_is_passed_over(learnt: PcaResidual, name: str) -> None:
    kept = learnt.remembered(IDENTITY, np.arange(2))
    for odd in (kept[name][1:], kept[name].astype(np.float64)):
        assert not recalled({**kept, name: odd}).seen_s.any()
    assert not recalled({one: array for one, array in kept.items() if one != name}).seen_s.any()


def test_groups_of_another_width_fit_each_other(learnt: PcaResidual) -> None:
    wider = PcaResidual(np.append(GROUP, np.full(9, 2)), 3, STEP_S)
    wider.recall(learnt.remembered(IDENTITY, np.arange(2)), np.append(IDENTITY, np.arange(9) + 1), np.arange(2))
    assert np.array_equal(wider.covariance[:2, :6, :6], learnt.covariance)
    back = PcaResidual(GROUP, 2, STEP_S)
    back.recall(wider.remembered(np.append(IDENTITY, np.arange(9) + 1), np.arange(2)), IDENTITY, np.arange(2))
    assert np.array_equal(back.covariance, learnt.covariance)
