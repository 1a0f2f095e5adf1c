"""A level that a person accepts: normal from the next step on, for that series alone, and taken back as easily."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from anomaly_detector.circumstances import Circumstances
from anomaly_detector.errors import SourceUnavailableError
from anomaly_detector.feedback.acceptance import changes
from anomaly_detector.feedback.effects import Marks, marks_of
from anomaly_detector.feedback.journal import Past
from anomaly_detector.feedback.verdicts import Entry, Undo
from anomaly_detector.packing import unpack
from anomaly_detector.plan import QueryPlan
from anomaly_detector.scoring.new_level import at_new_level
from anomaly_detector.state import load, snapshot_path
from tests.fakes.detector_plans import plan
from tests.fakes.detector_query import NOW_S, STEP_S, Query
from tests.fakes.prom_api import FakePromApi

SHIFT_S = NOW_S + 5 * STEP_S  # when the level changes
DAY_S = 86_400.0
NOISE = np.random.default_rng(1).normal(0, 2, 7919).tolist()


def shifted(seed: int) -> Callable[[float], float]:
    """A series with a daily rhythm and noise, whose level jumps at SHIFT_S; the same value at the same time."""

    def value(time_s: float) -> float:
        noise: float = NOISE[int(seed * time_s / STEP_S) % len(NOISE)]
        return 100 + 10 * math.sin(time_s / DAY_S * 2 * math.pi) + noise + (60 if time_s >= SHIFT_S else 0)

    return value


class Person:
    """What people said until now: the marks that a runner asks for."""

    def __init__(self) -> None:
        self.past, self.marks = Past(), Marks()

    def say(self, past: Past) -> None:
        self.past = past
        self.marks = marks_of(past, NOW_S, version=self.marks.version + 1)

    def accept(self, n: str) -> None:
        entry = Entry(
            id="1", at=NOW_S, verdict="accepted", labels={"for": "q", "n": n}, start=SHIFT_S + 60, end=SHIFT_S + 60
        )
        self.say(Past(entries=(entry,)))

    def undo(self, at_s: float) -> None:
        self.say(Past(entries=self.past.entries, undone={"1": Undo(id="1", at=at_s)}))


class Site:
    """Two series whose level has just jumped, and a person beside them."""

    def __init__(self, the_plan: QueryPlan) -> None:
        self.person = Person()
        given = Circumstances(marks=lambda: self.person.marks)
        api = FakePromApi(NOW_S, a=shifted(1), b=shifted(2))
        self.query = Query(api, the_plan=the_plan, wants_pages=True, given=given)
        for _ in range(20):
            self.step()

    def step(self) -> dict[str, float]:
        """Let a minute pass; returns the score of each series."""
        self.query.cycle(after_s=STEP_S)
        (page,) = [page for page in self.query.runner.pages if page.name == "anomaly_score"]
        return {line.split('n="')[1][0]: float(value) for line, value in zip(page.lines, page.values, strict=True)}


def site_of(model: str, *, settings: str = "{}", query: str = "expr: up, step: 60s") -> Site:
    return Site(plan(query, models=f"{{m: {{class: {model}, fit_window: 3d}}}}", settings=settings))


@pytest.mark.parametrize("model", ["bank", "seasonal_robust", "holt_winters", "static_z"])
def test_an_accepted_level_is_normal_at_once_and_for_that_series_alone(model: str) -> None:
    site = site_of(model)
    before = site.step()
    assert min(before.values()) > 1
    site.person.accept("a")
    site.step()  # this one still is judged by what was known, and then it is learnt
    later = [site.step() for _ in range(10)]
    assert max(scores["a"] for scores in later) < 1
    assert min(scores["b"] for scores in later) > 1
    site.query.api.series["a"] = lambda time_s: shifted(1)(time_s) + 60
    assert site.step()["a"] > 1  # it has not gone deaf
    site.query.api.series["a"] = shifted(1)
    site.person.undo(site.query.api.now_s)
    site.step()
    assert site.step()["a"] > 1


def test_what_was_accepted_outlives_a_restart_with_and_without_a_snapshot(tmp_path: Path) -> None:
    site = site_of("bank", settings=f"{{state_dir: {tmp_path}}}")
    site.person.accept("a")
    site.step()
    site.query.end()
    the_plan = site.query.runner.plan
    path = snapshot_path(tmp_path, "q")
    assert unpack(*load(path, fingerprint=the_plan.fingerprint), the_plan).accepted == {"1"}
    for kept in (True, False):
        if not kept:
            path.unlink()
        again = Query(
            FakePromApi(site.query.api.now_s, a=shifted(1), b=shifted(2)),
            the_plan=the_plan,
            wants_pages=True,
            given=Circumstances(marks=lambda: site.person.marks),
        )
        site.query = again
        scores = site.step()
        assert scores["a"] < 1
        asked = len(again.api.asked)
        site.step()
        assert len(again.api.asked) == asked + 1  # it is not learnt again


def test_a_protected_query_accepts_nothing() -> None:
    site = site_of("bank", query="expr: up, step: 60s, protected: true")
    site.person.accept("a")
    site.step()
    assert site.step()["a"] > 1


def test_a_server_that_does_not_answer_is_asked_again() -> None:
    site = site_of("bank")
    site.person.accept("a")
    site.query.api.history_fault = SourceUnavailableError("no")
    site.step()
    assert site.step()["a"] > 1
    assert site.query.runner.trouble == ""  # the steps themselves go on
    site.query.api.history_fault = None
    site.step()
    assert site.step()["a"] < 1


def test_a_level_of_which_hardly_anything_was_seen_waits() -> None:
    entry = Entry(id="1", at=NOW_S, verdict="accepted", labels={"for": "q", "n": "a"}, start=NOW_S, end=NOW_S)
    marks = marks_of(Past(entries=(entry,)), NOW_S, version=1)
    seen_s = NOW_S + 6 * STEP_S
    assert changes(marks, plan(), done=(), last_s=seen_s) == []
    assert [one.entry.id for one in changes(marks, plan(), done=(), last_s=seen_s + 1)] == ["1"]
    assert changes(marks, plan(), done=("1",), last_s=seen_s + 1) == []


def test_a_rhythm_is_not_taken_for_a_level() -> None:
    times = np.arange(0, 3 * DAY_S, 600.0)
    rhythm = 50 * np.sin(times / DAY_S * 2 * np.pi)
    since_s = 3 * DAY_S - 7200
    moved = at_new_level(rhythm + 30 * (times >= since_s), times, since_s)
    known = np.isfinite(moved)
    assert known.sum() == len(times) - 6  # the hour before is left out
    assert moved[known] == pytest.approx(rhythm[known] + 30)


@pytest.mark.parametrize("since_s", [-1e6, 1e9])
def test_history_all_old_or_all_new_stays_as_it_is(since_s: float) -> None:
    times = np.arange(0, 6000, 60.0)
    assert at_new_level(times * 2, times, since_s).tolist() == (times * 2).tolist()
