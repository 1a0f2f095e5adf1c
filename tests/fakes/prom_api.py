"""A Prometheus in memory: the time stands where a test put it, series are functions of time."""

import json
from collections.abc import Callable

import numpy as np

from anomaly_detector.errors import DetectorError, ResponseTooLargeError
from anomaly_detector.models.model import F64
from anomaly_detector.source.matrix import Matrix

Series = Callable[[float], float | None]


class FakePromApi:
    """Answers range queries from `series` (label n → value at a time, None where there is none).

    `fault` is raised instead of the next answers, `history_fault` instead of answers about more than an hour;
    `most_instants` is what one answer may hold.
    """

    def __init__(self, now_s: float, **series: Series) -> None:
        self.now_s = now_s
        self.series: dict[str, Series] = dict(series)
        self.fault: DetectorError | None = None
        self.history_fault: DetectorError | None = None
        self.written_s = 0.0  # when another run wrote its last score
        self.most_instants = 11_000
        self.asked: list[F64] = []
        self.closed = False

    def server_time(self) -> float:
        if self.fault is not None:
            raise self.fault
        return self.now_s

    def newest_score(self, query: str) -> float:
        return self.written_s

    def query_range(self, expr: str, times_s: F64, *, step_s: float, max_series: int) -> Matrix:
        self.asked.append(times_s)
        if self.history_fault is not None and times_s[-1] - times_s[0] > 3600:
            raise self.history_fault
        if len(times_s) > self.most_instants:
            raise ResponseTooLargeError("too many instants")
        columns = {name: [value(time_s) for time_s in times_s.tolist()] for name, value in self.series.items()}
        alive = {name: column for name, column in columns.items() if any(one is not None for one in column)}
        if len(alive) > max_series:
            raise ResponseTooLargeError(f"{len(alive)} series")
        keys = [json.dumps({"n": name}).encode() for name in alive]
        values = np.array(list(alive.values()), float).T.reshape(len(times_s), len(alive))
        return Matrix(keys=keys, times_s=times_s, values=values)

    def close(self) -> None:
        self.closed = True
