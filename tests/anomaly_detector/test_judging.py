"""Whose learning rests and whose devices are silent: of a protected query a verdict silences none, of any query
a silence of another alert does not.
"""

import numpy as np
import pytest

from anomaly_detector.feedback.effects import SaidPause
from anomaly_detector.judging import Judging
from anomaly_detector.marks.matching import MarkedPause
from anomaly_detector.plan import QueryPlan
from anomaly_detector.query_state import QueryState
from anomaly_detector.scoring.learning import Instant, Pause
from anomaly_detector.series_table import Rows
from anomaly_detector.source.matrix import Matrix
from heronwatch.go_regex import AnchoredRegex
from tests.fakes.detector_plans import plan

NOW_S = 1_763_700_000.0
KEYS = [b'{"n":"a"}', b'{"n":"b"}']


def pause(kind: type[Pause], name: str, **more: bool) -> Pause:
    return kind(begins=Instant(NOW_S - 60), to=Instant(NOW_S + 60), match={"n": AnchoredRegex(name)}, **more)


VERDICT, SILENCE, OTHER = pause(SaidPause, "a"), pause(Pause, "b"), pause(MarkedPause, "a", of_devices=False)


def begun(watched: QueryPlan) -> tuple[Judging, QueryState, Rows]:
    judging, state = Judging(watched), QueryState(watched, last_s=NOW_S - 60)
    matrix = Matrix(keys=KEYS, times_s=np.array([NOW_S]), values=np.zeros((1, 2)))
    return judging, state, judging.rows(state, matrix, max_series=10)


@pytest.mark.parametrize(
    ("protected", "pauses", "still", "silent"),
    [
        ("true", [VERDICT], [True, False], [False, False]),
        ("true", [VERDICT, SILENCE], [True, True], [False, True]),
        ("true", [], None, None),
        ("false", [VERDICT, SILENCE], [True, True], [True, True]),
        ("false", [OTHER], [True, False], None),
        ("false", [OTHER, SILENCE], [True, True], [False, True]),
        ("true", [OTHER], [True, False], None),
        ("true", [OTHER, VERDICT], [True, False], [False, False]),
    ],
)
def test_who_is_silent(
    protected: str, pauses: list[Pause], still: list[bool] | None, silent: list[bool] | None
) -> None:
    judging, state, rows = begun(plan(f"expr: up, protected: {protected}"))
    found = judging.held(state, rows, NOW_S, pauses)
    assert (None if found is None else found.tolist()) == still
    assert (None if judging.silent is None else judging.silent.tolist()) == silent


@pytest.mark.parametrize(
    ("pauses", "resting"),
    [([OTHER], None), ([OTHER, SILENCE], [False, True]), ([VERDICT], [True, False]), ([], None)],
)
def test_whose_devices_are_not_remembered(pauses: list[Pause], resting: list[bool] | None) -> None:
    judging, state, rows = begun(plan("expr: up, protected: true"))
    judging.held(state, rows, NOW_S, pauses)
    assert (None if judging.resting is None else judging.resting.tolist()) == resting
