"""Levels: how rare a sign is, over which span, and what several queries say together."""

import numpy as np

from anomaly_detector.models.model import F32
from anomaly_detector.scoring.levelling import AWAY_STEPS, RESTART_S, SPANS_S, Levels, Spans, learn_levels

STEP_S = 300.0
RANDOM = np.random.default_rng(6)
THERE, AWAY = np.ones(1, bool), np.zeros(1, bool)


def history(instants: int = 2000, groups: int = 50) -> F32:
    return RANDOM.exponential(0.1, (instants, 1, groups)).astype(np.float32)


def levels(features: F32) -> Levels:
    return learn_levels(features, np.ones((features.shape[0], features.shape[2]), bool))


def test_a_surprise_of_three_is_one_value_in_a_thousand() -> None:
    learnt = levels(history())
    seen = np.concatenate([learnt.surprise(row) for row in history()])
    assert 0.5e-3 < (seen >= 3 - 1e-9).mean() < 2e-3


def test_beyond_what_was_seen_the_tail_goes_on() -> None:
    at = levels(history()).surprise(np.array([[1.0, 2.0, 3.0]], np.float32))
    expected = np.array([1.0, 2.0, 3.0]) / 0.1 / np.log(10)  # of an exponential distribution
    np.testing.assert_allclose(at, expected, rtol=0.2)


def test_signs_of_other_size_have_the_same_levels() -> None:
    small, value = history(), np.array([[0.5]], np.float32)
    np.testing.assert_allclose(levels(small).surprise(value), levels(small * 20).surprise(value * 20), rtol=0.05)


def test_what_was_masked_is_not_learnt() -> None:
    clean, learn = history(), np.ones((2000, 50), bool)
    dirty = clean.copy()
    dirty[500:700, :, 3] = 50
    learn[500:700, 3] = False
    value = np.array([[0.5]], np.float32)
    assert abs(learn_levels(dirty, learn).surprise(value)[0] - levels(clean).surprise(value)[0]) < 0.1


def test_without_history_nothing_surprises() -> None:
    for instants in (0, 1, 10):
        assert levels(np.ones((instants, 2, 1), np.float32)).surprise(np.full((2, 1), 9, np.float32)).tolist() == [0]


def test_a_spike_shows_in_the_shortest_span_only_when_it_is_over() -> None:
    spans = Spans(1, 1, STEP_S)
    first = spans.follow(np.array([[4.0]], np.float32), THERE)
    assert first[0, 0] > first[1, 0] > first[2, 0] > 0
    for _ in range(40):
        last = spans.follow(np.zeros((1, 1), np.float32), THERE)
    assert last.max() < 0.01


def test_what_lasts_fills_every_span() -> None:
    spans = Spans(1, 1, STEP_S)
    for _ in range(round(5 * SPANS_S[-1] / STEP_S)):
        features = spans.follow(np.array([[0.5]], np.float32), THERE)
    np.testing.assert_allclose(features, 0.5, rtol=0.02)


def test_a_group_that_restarts_is_let_settle() -> None:
    spans = Spans(1, 1, STEP_S)
    for _ in range(AWAY_STEPS):
        spans.follow(np.zeros((1, 1), np.float32), AWAY)
    loud = np.full((1, 1), 5, np.float32)
    settling = [spans.follow(loud, THERE).max() for _ in range(round(RESTART_S / STEP_S))]
    assert settling == [0, 0]
    assert spans.follow(loud, THERE).max() > 0


def test_one_lost_poll_is_no_restart() -> None:
    spans = Spans(1, 1, STEP_S)
    spans.follow(np.zeros((1, 1), np.float32), AWAY)
    assert spans.follow(np.full((1, 1), 5, np.float32), THERE).max() > 0
