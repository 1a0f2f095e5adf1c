"""Pauses of learning: which series at which time, in history and live."""

import json

import numpy as np
import pytest

from anomaly_detector.instant import judge
from anomaly_detector.plan import QueryPlan
from anomaly_detector.query_state import QueryState
from anomaly_detector.scoring.learning import Instant, Pause, held, may_learn
from anomaly_detector.source.matrix import Matrix
from heronwatch.errors import ConfigError
from heronwatch.go_regex import AnchoredRegex
from tests.fakes.detector_plans import plan

LABELS = [(("instance", "sw-1"), ("site", "berlin")), (("instance", "sw-2"),), None]
STEP_S = 60.0
START_S = 1_763_700_000.0


def pause(begins: float, to: float, **match: str) -> Pause:
    return Pause(begins=Instant(begins), to=Instant(to), match={k: AnchoredRegex.parse(v) for k, v in match.items()})


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        ({}, [True, True, False]),
        ({"instance": "sw-1"}, [True, False, False]),
        ({"instance": "sw"}, [False, False, False]),
        ({"instance": "sw-.*", "site": "berlin"}, [True, False, False]),
        ({"site": ""}, [False, True, False]),
    ],
)
def test_all_labels_have_to_match_whole(match: dict[str, str], expected: list[bool]) -> None:
    now = held([pause(0, 10, **match)], LABELS, 5)
    assert now is not None
    assert now.tolist() == expected


def test_its_end_is_no_part_of_a_pause() -> None:
    pauses = [pause(5, 10)]
    assert [held(pauses, LABELS, time_s) is not None for time_s in (4, 5, 9, 10)] == [False, True, True, False]


def test_history_in_a_pause_is_masked() -> None:
    mask = may_learn([pause(1, 3, site="berlin")], LABELS, np.arange(5.0))
    assert (~mask).nonzero()[0].tolist() == [1, 2]
    assert (~mask).nonzero()[1].tolist() == [0, 0]


@pytest.mark.parametrize("text", ["yesterday", "2026-10-25T03:00:00", "2026-13-25T03:00:00Z", "1761357600", ""])
def test_a_time_without_offset_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time with its offset"):
        Instant.parse(text)


def test_a_pause_that_ends_before_it_begins_is_a_fault() -> None:
    settings = "{learning_pauses: [{from: '2026-10-02T00:00:00Z', to: '2026-10-01T00:00:00Z'}]}"
    with pytest.raises(ConfigError, match=r"learning_pauses\[0\].to: it ends before it begins"):
        plan(settings=settings)


class Watched:
    """Two series, a and b, that were fitted on a week of life and then see what a test shows them."""

    def __init__(self, the_plan: QueryPlan, past: np.ndarray) -> None:
        self.plan, self.time_s = the_plan, START_S
        self.state = QueryState(the_plan, last_s=START_S)
        self.times_s = START_S - STEP_S * np.arange(len(past))[::-1]
        self.rows = self.state.rows(self._matrix(), max_series=10)
        for lane in self.state.lanes:
            self.state.fit(lane, self.rows, past, self.times_s, STEP_S)

    def _matrix(self) -> Matrix:
        keys = [json.dumps({"n": name}).encode() for name in "ab"]
        return Matrix(keys=keys, times_s=np.array([self.time_s]), values=np.zeros((1, 2)))

    def expects(self) -> list[float]:
        """What both are expected to be at the next instant."""
        self.time_s += STEP_S
        (judged,) = judge(self.state, self.plan, self.rows, np.array([100.0, 100.0]), self.time_s)
        return [float(one) for one in judged.verdict.expected]


def paused(begins_s: float, to_s: float) -> QueryPlan:
    text = [np.datetime_as_string(np.datetime64(round(one), "s")) + "Z" for one in (begins_s, to_s)]
    settings = f"{{learning_pauses: [{{from: '{text[0]}', to: '{text[1]}', match: {{n: a}}}}]}}"
    return plan("expr: up, step: 60s", models="{m: {class: seasonal_robust, warmup: 1h}}", settings=settings)


def test_history_in_a_pause_does_not_shape_what_is_expected() -> None:
    past = np.random.default_rng(1).normal(100, 1, (4 * 1440, 2))
    past[-3 * 1440 :] += 60
    a, b = Watched(paused(START_S - 3 * 86_400, START_S + 1), past).expects()
    assert abs(a - 100) < 5 < b - 100


def test_live_samples_in_a_pause_teach_nothing() -> None:
    past = np.random.default_rng(1).normal(101, 1, (1440, 2))
    watched = Watched(paused(START_S, START_S + 86_400), past)
    before = watched.expects()
    for _ in range(300):
        after = watched.expects()
    moved = np.abs(np.subtract(after, before))
    assert moved[0] < moved[1]


def test_a_reload_with_another_pause_keeps_what_was_learnt() -> None:
    assert paused(START_S, START_S + 60).fingerprint == paused(START_S, START_S + 120).fingerprint
    assert paused(START_S, START_S + 60) != paused(START_S, START_S + 120)
    assert paused(START_S, START_S + 60) == paused(START_S, START_S + 60)
