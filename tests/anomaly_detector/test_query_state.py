"""One query through its life: series come, stay away, return and are forgotten."""

import json

import numpy as np
import pytest

from anomaly_detector.models.model import DAY_S
from anomaly_detector.plan import QueryPlan
from anomaly_detector.query_state import BLOCK, Judged, QueryState, judge
from anomaly_detector.source.matrix import Matrix
from tests.fakes.detector_plans import plan

STEP_S = 60.0
START_S = 1_763_700_000.0


def matrix(values: dict[str, float], time_s: float) -> Matrix:
    keys = [json.dumps({"n": name}).encode() for name in values]
    return Matrix(keys=keys, times_s=np.array([time_s]), values=np.array([list(values.values())]))


class Watched:
    """A query whose instants are fed by hand."""

    def __init__(self, plan: QueryPlan) -> None:
        self.plan, self.time_s = plan, START_S
        self.state = QueryState(plan, last_s=START_S)

    def see(self, *, partial: bool = False, **values: float) -> Judged:
        self.time_s += self.plan.step_s
        self.state.expect(self.time_s, partial=partial)
        answer = matrix(values, self.time_s)
        rows = self.state.rows(answer, max_series=1000)
        (judged,) = judge(self.state, self.plan, rows, answer.values[0], self.time_s)
        return judged

    def names(self, rows: np.ndarray) -> list[str]:
        return [dict(self.state.table.labels[row] or ())["n"] for row in rows.tolist()]


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


def test_partial_answers_end_no_series_for_an_hour(watched: Watched) -> None:
    watched.see(a=1, b=2)
    ends = [watched.names(watched.see(b=2, partial=True).ended) for _ in range(62)]
    assert ends == [[]] * 61 + [["a"]]


def test_a_series_missing_from_partial_answers_ends_soon_after_they_are_whole(watched: Watched) -> None:
    watched.see(a=1, b=2)
    for _ in range(10):
        watched.see(b=2, partial=True)
    assert [watched.names(watched.see(b=2).ended) for _ in range(3)] == [[], ["a"], []]


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


def test_a_series_long_gone_is_forgotten_and_its_row_starts_afresh(watched: Watched) -> None:
    for _ in range(8):
        watched.see(a=5, b=5)
    for _ in range(10):
        watched.see(b=5)
    watched.state.forget_absent(300.0)
    assert watched.state.table.series == 1
    judged = watched.see(b=5, c=7)
    assert watched.names(judged.rows) == ["c", "b"]
    assert judged.verdict.confidence[0] < 1
    assert judged.verdict.expected[0] == 7


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


def test_a_new_series_begins_with_what_the_living_ones_teach() -> None:
    watched = Watched(plan("expr: up, step: 60s", models="{m: {warmup: 5m}}"))
    random = np.random.default_rng(1)
    for _ in range(40):
        watched.see(**{f"s{number}": random.normal(100, 5) for number in range(40)})
    watched.see(**{f"s{number}": 100.0 for number in range(40)}, new=7.0)
    (lane,) = watched.state.lanes
    (row,) = [r for r, labels in enumerate(watched.state.table.labels) if labels == (("n", "new"),)]
    theirs = np.median(lane.state["scale"][:, :40], axis=1)
    assert lane.state["scale"][:, row] == pytest.approx(theirs, rel=0.2)
    assert (lane.model.blank(1)["scale"][:, 0] != lane.state["scale"][:, row]).all()


def test_many_blocks_are_judged_as_one() -> None:
    watched = Watched(plan())
    names = {f"s{number}": float(number) for number in range(BLOCK + 5)}
    answer = matrix(names, START_S + 60)
    rows = watched.state.rows(answer, max_series=2 * BLOCK)
    (judged,) = judge(watched.state, watched.plan, rows, answer.values[0], START_S + 60)
    assert judged.verdict.expected.tolist() == list(names.values())
    assert watched.state.bytes > 200 * BLOCK


def test_history_is_learnt_before_the_first_instant(watched: Watched) -> None:
    times = START_S - np.arange(int(2 * DAY_S / STEP_S), 0, -1) * STEP_S
    values = np.random.default_rng(2).normal(100, 2, (len(times), 1))
    first = matrix({"a": 100.0}, START_S)
    rows = watched.state.rows(first, max_series=10)
    watched.state.fit(watched.state.lanes[0], rows, values, times, STEP_S)
    judged = watched.see(a=200)
    assert judged.verdict.confidence[0] == 1
    assert judged.verdict.score[0] > 1
    assert 98 < judged.verdict.expected[0] < 102


def test_the_query_s_rules_are_applied() -> None:
    watched = Watched(plan("expr: up, step: 60s, data_range: [0, 1]"))
    assert watched.see(a=2).verdict.score[0] == pytest.approx(1.01)


def test_two_models_watch_one_query() -> None:
    two = plan(models="{slow: {memory: 14d}, quick: {memory: 1d}}")
    state = QueryState(two, last_s=START_S)
    answer = matrix({"a": 1.0}, START_S + 60)
    words = judge(state, two, state.rows(answer, max_series=5), answer.values[0], START_S + 60)
    assert [judged.lane for judged in words] == ["slow", "quick"]
