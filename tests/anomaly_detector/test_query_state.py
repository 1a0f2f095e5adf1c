"""What one query remembers: series come, stay away, return and are forgotten."""

import numpy as np
import pytest

from anomaly_detector.models.model import DAY_S
from tests.fakes.detector_plans import plan
from tests.fakes.watched_query import START_S, Watched, matrix

STEP_S = 60.0


@pytest.fixture
def watched() -> Watched:
    return Watched(plan("expr: up, step: 60s", models="{m: {warmup: 5m}}"))


def test_partial_answers_end_no_series_for_an_hour(watched: Watched) -> None:
    watched.see(a=1, b=2)
    ends = [watched.names(watched.see(b=2, partial=True).ended) for _ in range(62)]
    assert ends == [[]] * 61 + [["a"]]


def test_a_series_missing_from_partial_answers_ends_soon_after_they_are_whole(watched: Watched) -> None:
    watched.see(a=1, b=2)
    for _ in range(10):
        watched.see(b=2, partial=True)
    assert [watched.names(watched.see(b=2).ended) for _ in range(3)] == [[], ["a"], []]


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
