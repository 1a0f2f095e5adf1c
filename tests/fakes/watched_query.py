"""A query of the detector whose instants are fed by hand, without a runner, a server or a receiver."""

import json

import numpy as np

from anomaly_detector.instant import Judged, judge
from anomaly_detector.plan import QueryPlan
from anomaly_detector.query_state import QueryState
from anomaly_detector.source.matrix import Matrix

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
