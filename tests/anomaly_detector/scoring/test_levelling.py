"""Levels: how rare a sign is among the past days of all groups, and over which span."""

import numpy as np
import pytest

from anomaly_detector.models.model import F32
from anomaly_detector.scoring.groups import BREADTH, DRIFT, FALL, SIGNS, TOP
from anomaly_detector.scoring.levelling import (
    AWAY_STEPS,
    DAYS,
    FAMILIES,
    FEATURES,
    FURTHEST,
    LOUD_DAYS,
    RESTART_S,
    SPANS_S,
    Levels,
    Spans,
    learn_levels,
    missed_loud,
)

STEP_S = 300.0
THERE, AWAY = np.ones(1, bool), np.zeros(1, bool)
GROUPS = 200


def past(seed: int = 6, *, size: float = 1.0, groups: int = GROUPS, days: int = DAYS) -> F32:
    """Highest values of days: features that have nothing to do with one another, far above their LEAST."""
    random = np.random.default_rng(seed)
    return (size * (20 + random.exponential(10, (days, FEATURES, groups)))).astype(np.float32)


def quiet(highest: F32) -> np.ndarray:
    return np.zeros((highest.shape[0], highest.shape[2]), bool)


def learnt(highest: F32, loud: np.ndarray | None = None) -> Levels:
    """Levels of features that have no bound."""
    levels = learn_levels(highest, quiet(highest) if loud is None else loud, most=np.full(FEATURES, np.inf))
    assert levels is not None
    return levels


def test_a_surprise_of_two_is_one_day_of_a_group_in_a_hundred() -> None:
    highest = past()
    levels = learnt(highest[:-1])
    new = [past(seed)[-1] for seed in range(100, 110)]
    share = np.mean([levels.surprise(day) >= 2 for day in new])
    assert 0.004 < share < 0.03  # the highest of 24 features is known from two weeks only: not to better than that


def test_a_feature_that_nobody_ever_showed_is_surprising_and_bounded() -> None:
    features = past()[0]
    features[3, 5] *= 1e6
    surprise = learnt(past()).surprise(features)
    assert surprise[5] > 4
    assert surprise[5] < np.log10(DAYS * GROUPS + 1) + FURTHEST + 1
    assert np.delete(surprise, 5).max() < 4


def test_twice_as_far_beyond_everything_is_eight_times_as_rare() -> None:
    features, levels = past()[0], learnt(past())
    at = []
    own, floor = levels.own[3, 5], levels.floor[3]
    for share in (20.0, 40.0):
        features[3, 5] = own + share * (own + floor)
        at.append(levels.surprise(features)[5])
    assert abs(at[1] - at[0] - np.log10(8)) < 0.02


def test_signs_of_another_size_have_the_same_levels() -> None:
    small, large = learnt(past()), learnt(past(size=50))
    np.testing.assert_allclose(small.surprise(past(7)[0]), large.surprise(past(7, size=50)[0]), atol=0.02)


def test_a_lively_device_is_compared_with_its_own_past() -> None:
    highest = past()
    highest[:, :, 9] *= 4
    levels, features = learnt(highest), past()[0]
    features[:, [8, 9]] = 120
    surprise = levels.surprise(features)
    assert surprise[8] > surprise[9] + 0.5


def loud_on(day: int, features: F32) -> np.ndarray:
    """Return how surprising `features` are after a loud day of device 4."""
    highest = past()
    highest[day, 2, 4] = 4000
    loud = quiet(highest)
    loud[day, 4] = True
    return learnt(highest, loud).surprise(features)


def test_a_loud_day_is_the_own_past_of_its_device_and_makes_nothing_less_rare() -> None:
    features = past()[0]
    features[2, [3, 4]] = 3000
    surprise = loud_on(DAYS - LOUD_DAYS, features)
    assert surprise[4] < 2.5
    assert abs(surprise[3] - learnt(past()).surprise(features)[3]) < 0.3


def test_trouble_that_comes_back_after_some_days_is_news() -> None:
    features = past()[0]
    features[2, 4] = 3000
    assert loud_on(DAYS - LOUD_DAYS - 1, features)[4] > 4


def test_a_feature_that_often_is_at_its_highest_says_nothing() -> None:
    highest = past(size=0.04)
    highest[:, 0, ::10] = 5.0
    levels = learn_levels(highest, quiet(highest))
    assert levels is not None
    features = highest[0].copy()
    features[:2, 5] = 5.0
    assert levels.surprise(features)[5] > 3  # by the second one
    features[1, 5] = 0
    assert levels.surprise(features)[5] < 2


def test_what_two_families_of_signs_say_is_worth_more_than_what_one_says() -> None:
    levels, features = learnt(past()), past()[0]
    features[[TOP, BREADTH], 5] = features[[TOP, DRIFT], 6] = features[[TOP, FALL], 7] = 150
    surprise = levels.surprise(features)
    assert surprise[6] > surprise[5] + 0.5
    assert surprise[7] > surprise[5] + 0.5


def test_every_sign_is_in_one_family_over_every_span() -> None:
    assert sorted(np.concatenate(FAMILIES).tolist()) == list(range(FEATURES))


def test_what_is_small_in_itself_never_surprises() -> None:
    features = np.zeros((FEATURES, GROUPS), np.float32)
    features[:, 0] = 0.1
    highest = np.full((DAYS, FEATURES, GROUPS), 1e-6, np.float32)
    calm = learnt(highest).surprise(features)[0]
    features[:, 0] = 5
    assert learnt(highest).surprise(features)[0] > calm + 3


def test_without_enough_days_nothing_is_known() -> None:
    highest = past(days=2)
    assert learn_levels(highest, quiet(highest)) is None
    assert learn_levels(np.full((DAYS, FEATURES, 0), np.nan, np.float32), np.zeros((DAYS, 0), bool)) is None


def test_a_new_device_is_not_judged_by_the_past_of_others() -> None:
    highest = past()
    highest[:-2, :, 7] = np.nan
    levels, features = learnt(highest), past()[0]
    features[:, 7] = 1e6
    assert levels.surprise(features)[7] == 0


def test_a_spike_shows_in_the_shortest_span_only_when_it_is_over() -> None:
    spans = Spans(1, 1, STEP_S)
    first = spans.follow(np.array([[4.0]], np.float32), THERE)
    assert first[0, 0] > first[1, 0] > first[2, 0] > 0
    for _ in range(40):
        last = spans.follow(np.zeros((1, 1), np.float32), THERE)
    assert last.max() < 0.01


def test_what_lasts_fills_every_span() -> None:
    spans = Spans(len(SIGNS), 1, STEP_S)
    for _ in range(round(5 * SPANS_S[-1] / STEP_S)):
        features = spans.follow(np.full((len(SIGNS), 1), 0.5, np.float32), THERE)
    np.testing.assert_allclose(features, 0.5, rtol=0.02)


def test_a_group_that_restarts_is_let_settle() -> None:
    spans = Spans(1, 1, STEP_S)
    for _ in range(AWAY_STEPS):
        spans.follow(np.zeros((1, 1), np.float32), AWAY)
    loud = np.full((1, 1), 5, np.float32)
    settling = [spans.follow(loud, THERE).max() for _ in range(round(RESTART_S / STEP_S))]
    assert settling == [0, 0]


def test_what_a_group_showed_before_it_was_away_has_faded_when_it_is_back() -> None:
    spans, loud = Spans(1, 1, STEP_S), np.full((1, 1), 5, np.float32)
    for _ in range(12):
        spans.follow(loud, THERE)
    for _ in range(12):
        spans.follow(loud, AWAY)
    assert spans.follow(np.zeros((1, 1), np.float32), THERE).max() < 0.1
    assert spans.follow(loud, THERE).max() > 0


def test_one_lost_poll_is_no_restart() -> None:
    spans = Spans(1, 1, STEP_S)
    spans.follow(np.zeros((1, 1), np.float32), AWAY)
    assert spans.follow(np.full((1, 1), 5, np.float32), THERE).max() > 0


def test_groups_that_come_later_leave_the_others_alone() -> None:
    spans = Spans(1, 1, STEP_S)
    before = spans.follow(np.full((1, 1), 5, np.float32), THERE)
    spans.grow(3)
    after = spans.follow(np.zeros((1, 3), np.float32), np.zeros(3, bool))
    assert after[:, 0].tolist() == before[:, 0].tolist()
    assert not after[:, 1:].any()


@pytest.mark.parametrize(("groups", "days"), [(4, 4), (12, 7), (200, 7)])
def test_an_incident_before_anything_is_judged_does_not_make_the_same_common(groups: int, days: int) -> None:
    highest = past(groups=groups, days=days)
    highest[0, [TOP, FALL], 3] = 2000
    missed = missed_loud(highest, quiet(highest), limit=4.6, most=np.full(FEATURES, np.inf))
    assert np.argwhere(missed).tolist() == [[0, 3]]
    features = past(9, groups=groups)[0]
    features[[TOP, FALL], 1] = 2000
    assert learnt(highest, missed).surprise(features)[1] > 4.6 > learnt(highest).surprise(features)[1]


def test_what_several_devices_showed_in_the_past_is_no_missed_incident() -> None:
    highest = past()
    highest[0, [TOP, FALL], 3:6] = 2000
    assert not missed_loud(highest, quiet(highest), limit=4.6, most=np.full(FEATURES, np.inf)).any()
