"""Restarted pods and renumbered interfaces go on with what their kin had learnt."""

import numpy as np
import pytest

from anomaly_detector.instant import judge
from anomaly_detector.kinship import Kinship
from anomaly_detector.query_state import QueryState
from anomaly_detector.source.matrix import Matrix
from tests.fakes.detector_plans import plan

STEP_S, START_S = 60.0, 1_763_700_000.0
DROPPED = "expr: up, step: 60s, drop_labels: [pod]"
NAMED = "expr: up, step: 60s, identity_labels: [app]"


class Query:
    """A query's state, its kinship, and time moved by hand."""

    def __init__(self, query: str) -> None:
        self.plan = plan(query, models="{m: {warmup: 5m}}")
        self.state = QueryState(self.plan, last_s=START_S)
        self.kinship = Kinship(self.plan.query)
        self.inherited = 0

    def steps(self, *pods: str, count: int = 1) -> "Query":
        """Live through instants at which these pods (`app/pod`) have samples."""
        keys = [f'{{"app":"{pod.split("/")[0]}","pod":"{pod.split("/")[1]}"}}'.encode() for pod in pods]
        for _ in range(count):
            answer = Matrix(keys=keys, times_s=np.zeros(1), values=np.full((1, len(keys)), 50.0))
            rows = self.state.rows(answer, max_series=99)
            self.inherited += self.kinship.inherit(self.state, rows)
            judge(self.state, self.plan, rows, answer.values[0], self.state.last_s + STEP_S)
        return self

    def seen_s(self, pod: str) -> float:
        """For how long a pod's model thinks to have seen it."""
        wanted = tuple(pod.split("/"))
        (row,) = [
            r for r, labels in enumerate(self.state.table.labels) if labels and tuple(dict(labels).values()) == wanted
        ]
        return float(self.state.lanes[0].state["seen_s"][row])


@pytest.mark.parametrize("query", [DROPPED, NAMED])
def test_a_new_pod_goes_on_where_the_old_one_ended(query: str) -> None:
    query_ = Query(query).steps("web/1", "db/1", count=20).steps("web/2", "db/1")
    assert query_.seen_s("web/2") == pytest.approx(query_.seen_s("db/1"), abs=STEP_S)
    assert query_.inherited == 1
    assert not query_.state.unlearnt.keys() & {2}


def test_a_pod_of_another_app_begins_anew() -> None:
    query = Query(DROPPED).steps("web/1", count=20).steps("db/1")
    assert query.seen_s("db/1") <= STEP_S
    assert query.inherited == 0


def test_series_without_an_identity_label_are_strangers() -> None:
    query = Query("expr: up, step: 60s, identity_labels: [app, zone]").steps("web/1", count=20).steps("web/2")
    assert query.seen_s("web/2") <= STEP_S
    assert query.inherited == 0


def test_without_the_words_nobody_inherits() -> None:
    query = Query("expr: up, step: 60s").steps("web/1", count=20).steps("web/2")
    assert query.seen_s("web/2") <= STEP_S


def test_each_of_several_new_pods_follows_another_old_one() -> None:
    query = Query(DROPPED).steps("web/1", count=30).steps("web/1", "web/2", count=5)
    assert query.inherited == 1  # web/2 learnt from its living sister
    query.steps("web/3", "web/4", "web/5")
    assert query.inherited == 4
    assert min(query.seen_s(f"web/{number}") for number in (3, 4, 5)) > 20 * STEP_S


def test_rows_of_the_followed_are_free_once_their_outputs_have_ended() -> None:
    query = Query(DROPPED).steps("web/1", count=20)
    for number in range(2, 40):
        query.steps(f"web/{number}", count=5)
    assert query.state.table.series == 1
    assert len(query.state.table) <= 3
    assert query.inherited == 38


def test_one_that_comes_back_keeps_its_row() -> None:
    query = Query(DROPPED).steps("web/1", count=20).steps("web/2").steps("web/1", "web/2", count=10)
    assert query.state.table.series == 2
    assert query.seen_s("web/1") > 25 * STEP_S


def test_a_restored_query_knows_its_kin() -> None:
    before = Query(DROPPED).steps("web/1", count=20)
    after = Query(DROPPED)
    after.state = before.state
    after.steps("web/2")
    assert after.inherited == 1
