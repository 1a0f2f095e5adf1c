"""One instant of a query: who is judged, who ends, who warms up, what is not settled."""

import numpy as np
import pytest

from anomaly_detector.instant import judge
from anomaly_detector.query_state import QueryState
from tests.fakes.detector_plans import plan
from tests.fakes.watched_query import START_S, Watched, matrix

STEP_S = 60.0


@pytest.fixture
def watched() -> Watched:
    return Watched(plan("expr: up, step: 60s", models="{m: {warmup: 5m}}"))


def test_every_series_with_a_sample_is_judged(watched: Watched) -> None:
    judged = watched.see(a=1, b=2)
    assert watched.names(judged.rows) == ["a", "b"]
    assert (judged.lane, judged.time_s) == ("m", START_S + 60)
    assert len(judged.verdict.score) == 2


def test_a_series_ends_after_three_instants_without_a_sample(watched: Watched) -> None:
    watched.see(a=1, b=2)
    ends = [watched.names(watched.see(b=2).ended) for _ in range(5)]
    assert ends == [[], [], ["a"], [], []]


def test_a_series_that_returns_is_alive_again(watched: Watched) -> None:
    watched.see(a=1)
    for _ in range(5):
        watched.see()
    assert watched.names(watched.see(a=1).rows) == ["a"]
    assert [len(watched.see().ended) for _ in range(3)] == [0, 0, 1]


def test_confidence_ends_when_the_warm_up_does(watched: Watched) -> None:
    seen = [watched.see(a=1) for _ in range(8)]
    young = [bool((judged.verdict.confidence < 1).any()) for judged in seen]
    assert young == [True] * 5 + [False] * 3
    assert [len(judged.warmed) for judged in seen] == [0, 0, 0, 0, 0, 1, 0, 0]


def test_confidence_of_a_series_that_ends_ends_too(watched: Watched) -> None:
    watched.see(a=1)
    assert [len(watched.see().warmed) for _ in range(4)] == [0, 0, 1, 0]


def test_a_rate_that_begins_is_neither_scored_nor_learnt_until_its_window_is_full() -> None:
    watched = Watched(plan("expr: 'rate(x[5m])', step: 60s", models="{m: {warmup: 1m}}"))
    confidence = [float(watched.see(a=1).verdict.confidence[0]) for _ in range(9)]
    assert confidence[:6] == [0] * 6
    assert confidence[-1] == 1


def test_a_returning_rate_is_left_alone_until_its_window_is_full() -> None:
    watched = Watched(plan("expr: 'rate(x[5m])', step: 60s", models="{m: {warmup: 5m}}"))
    random = np.random.default_rng(1)
    for _ in range(200):
        watched.see(a=random.normal(100, 1))
    for _ in range(5):
        watched.see()
    ramp = [float(watched.see(a=value).verdict.score[0]) for value in (20, 40, 60, 80, 100)]
    assert ramp == [0] * 5
    later = [float(watched.see(a=100).verdict.score[0]) for _ in range(3)]
    assert max(later) < 0.5  # nothing of the ramp lingers
    assert watched.see(a=180).verdict.score[0] > 1


def test_the_query_s_rules_are_applied() -> None:
    watched = Watched(plan("expr: up, step: 60s, data_range: [0, 1]"))
    assert watched.see(a=2).verdict.score[0] == pytest.approx(1.01)


def test_two_models_watch_one_query() -> None:
    two = plan(models="{slow: {memory: 14d}, quick: {memory: 1d}}")
    state = QueryState(two, last_s=START_S)
    answer = matrix({"a": 1.0}, START_S + 60)
    words = judge(state, two, state.rows(answer, max_series=5), answer.values[0], START_S + 60)
    assert [judged.lane for judged in words] == ["slow", "quick"]
