"""A first fit that learnt what was too long for an incident is told of: the band of that series hides the next one."""

import json
import threading
from typing import Any

import numpy as np
import pytest

from anomaly_detector.feedback.effects import Marks
from anomaly_detector.feedback.verdicts import Entry
from anomaly_detector.models.model import F64
from anomaly_detector.past import Past
from anomaly_detector.plan import QueryPlan, plans
from anomaly_detector.query_state import QueryState
from anomaly_detector.replay import Replay
from anomaly_detector.scoring.learning import Instant, Pause
from anomaly_detector.source.matrix import Matrix
from anomaly_detector.wide_bands import wide_bands
from heronwatch.go_regex import AnchoredRegex
from heronwatch.logs import FIELDS
from tests.fakes.clock import FakeClock
from tests.fakes.detector_plans import NOWHERE, config
from tests.fakes.prom_api import FakePromApi

STEP_S = 300.0
END_S = 1_763_700_000.0
FAULT_S, FAULT_END_S = END_S - 2 * 86_400, END_S - 2 * 86_400 + 18 * 3600


class Pdus(FakePromApi):
    """Six power strips, the last ten times as large; the third drew 900 W more for most of a day two days ago."""

    def __init__(self, extra: float = 900.0) -> None:
        super().__init__(END_S)
        self.values = np.random.default_rng(3).normal(300, 30, (6, 4000))
        self.values[5] *= 10
        self.extra = extra

    def query_range(self, expr: str, times_s: F64, *, step_s: float, max_series: int) -> Matrix:
        values = self.values[:, np.rint((times_s - END_S) / STEP_S).astype(int)].T.copy()
        values[(times_s >= FAULT_S) & (times_s < FAULT_END_S), 2] += self.extra
        wanted = [place for place in range(6) if "pdu" not in expr or f"pdu{place}" in expr]
        keys = [json.dumps({"instance": f"pdu{place}"}).encode() for place in wanted]
        return Matrix(keys=keys, times_s=times_s, values=values[:, wanted])


@pytest.fixture(scope="module")
def plan() -> QueryPlan:
    (one,) = plans(config(f"reader: {{datasource_url: '{NOWHERE}', queries: {{power: {{expr: x, step: 5m}}}}}}\n"))
    return one


def learnt(plan: QueryPlan, source: Pdus, pauses: tuple[Pause, ...] = ()) -> QueryState:
    past = Past(plan, source=source, clock=FakeClock(), reads=threading.Semaphore())
    return past.learnt(END_S - STEP_S, max_series=100, pauses=pauses)


def warnings(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [getattr(line, FIELDS, {}) for line in caplog.records if "bands far wider" in line.getMessage()]


def test_an_incident_that_was_learnt_is_told_of_with_a_remedy(
    plan: QueryPlan, caplog: pytest.LogCaptureFixture
) -> None:
    state = learnt(plan, Pdus())
    (line,) = warnings(caplog)
    (found,) = wide_bands(state, STEP_S)
    assert found.labels == (("instance", "pdu2"),)
    assert found.times > 30
    assert found.lower < 0 < found.upper
    (told,) = line["series"]
    assert told.startswith('power{instance="pdu2"}: -')
    assert (line["query"], line["count"]) == ("power", 1)
    assert "settings.learning_pauses" in line["remedy"]


def test_asking_changes_nothing_that_was_learnt(plan: QueryPlan) -> None:
    state = learnt(plan, Pdus())
    before = {name: array.copy() for name, array in state.lanes[0].state.items()}
    wide_bands(state, STEP_S)
    assert all(np.array_equal(before[name], array, equal_nan=True) for name, array in state.lanes[0].state.items())


def test_a_larger_series_and_a_paused_incident_are_not_told_of(
    plan: QueryPlan, caplog: pytest.LogCaptureFixture
) -> None:
    pause = Pause(begins=Instant(FAULT_S), to=Instant(FAULT_END_S), match={"instance": AnchoredRegex("pdu2")})
    learnt(plan, Pdus(extra=0.0))
    learnt(plan, Pdus(), pauses=(pause,))
    assert warnings(caplog) == []


def test_the_remedy_without_a_restart_works(plan: QueryPlan) -> None:
    """An incident of the span, then a level accepted since after it, learns the series again."""
    labels = {"for": "power", "instance": "pdu2"}
    accepted = Entry(id="1", at=END_S, verdict="accepted", labels=labels, start=END_S - 86_400, end=END_S)
    state = learnt(plan, Pdus())
    pause = Pause(begins=Instant(FAULT_S), to=Instant(FAULT_END_S), match={"instance": AnchoredRegex("pdu2")})
    Replay(plan, Pdus(), pauses=(pause,), marks=lambda: Marks(version=1, accepts=(accepted,))).heed(state)
    assert wide_bands(state, STEP_S) == []
