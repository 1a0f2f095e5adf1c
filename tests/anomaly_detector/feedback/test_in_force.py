"""Verdicts in a running query: from the next step on scores are lower and spans are not learnt from."""

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from anomaly_detector.circumstances import Circumstances
from anomaly_detector.cycle import QueryRunner
from anomaly_detector.feedback.record import Feedback
from anomaly_detector.feedback.verdicts import Entry, Verdict
from anomaly_detector.metrics import Metrics
from anomaly_detector.service import Detector
from tests.anomaly_detector.feedback.test_record import the_config
from tests.fakes.clock import FakeClock
from tests.fakes.detector_plans import plan
from tests.fakes.prom_api import FakePromApi

NOW_S = 1_763_700_005.0
JUMP_S = NOW_S + 30


class Shown:
    """An outbox that nobody empties: what would be written is on the scores page."""

    wants_pages = True

    def offer(self, batch: object) -> None:
        """Take it."""


def jumping(seed: int) -> Callable[[float], float]:
    values = np.random.default_rng(seed).normal(100, 2, 20_000)
    return lambda time_s: float(values[round(time_s / 60) % 20_000]) + (14 if time_s > JUMP_S else 0)


def entry(verdict: Verdict, label: str) -> Entry:
    labels = {"for": "q", "model_alias": "m", "n": label}
    return Entry(id=label, at=NOW_S, verdict=verdict, labels=labels, start=NOW_S - 60, end=NOW_S + 600, who="ana")


def scores(feedback: Feedback) -> dict[str, float]:
    """Run three steps, the last of them in a jump of both series; return the last scores."""
    api, clock = FakePromApi(NOW_S, a=jumping(1), b=jumping(1)), FakeClock()
    runner = QueryRunner(
        plan("expr: up, step: 60s", models="{m: {class: static_z, fit_window: 2d, warmup: 1d}}"),
        api=api,
        outbox=Shown(),
        metrics=Metrics(CollectorRegistry()),
        clock=clock,
        reads=threading.Semaphore(1),
        room=lambda _alias: 100,
        given=Circumstances(marks=feedback.marks, pauses=lambda: feedback.pauses("q")),
    )
    for _ in range(3):
        assert runner.attempt(threading.Event())
        api.now_s += 60
        clock.advance(60)
    (page,) = [page for page in runner.pages if page.name == "anomaly_score"]
    return {"a" if 'n="a"' in line else "b": value for line, value in zip(page.lines, page.values, strict=True)}


@pytest.fixture
def feedback(tmp_path: Path) -> Feedback:
    return Feedback(the_config(tmp_path), now=FakeClock(now=NOW_S).now)


def test_a_false_alarm_lowers_the_scores_of_its_series(feedback: Feedback) -> None:
    feedback.add(entry("false_alarm", "a"))
    told = scores(feedback)
    assert told["b"] > 1
    assert told["a"] == pytest.approx(told["b"] / 1.2, rel=1e-5)


def test_without_a_verdict_they_are_the_same(feedback: Feedback) -> None:
    told = scores(feedback)
    assert told["a"] == told["b"] > 1


def test_the_service_hands_verdicts_to_its_queries(tmp_path: Path) -> None:
    config = the_config(tmp_path)
    detector = Detector(config, clock=FakeClock(now=NOW_S), metrics=Metrics(CollectorRegistry()))
    detector.start()
    try:
        detector.feedback.add(entry("incident", "a"))
        (runner,) = detector._runners.values()
        assert [pause.to for pause in runner._given.pauses()] == [NOW_S + 600]
        assert runner._given.marks() is detector.feedback.marks()
        assert detector.known("q") is None
        detector.reload(the_config(tmp_path / "other"))
        assert detector.feedback.marks().spans == ()
    finally:
        detector.stop()
