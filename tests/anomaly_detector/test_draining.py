"""Dips that a rate's window makes by itself are no samples; what stays down for longer than the window is one."""

import numpy as np
import pytest

from tests.fakes.detector_plans import plan
from tests.fakes.watched_query import Watched

WINDOW = 5  # instants


@pytest.fixture
def watched() -> Watched:
    """A rate of 100 that is known well."""
    return known("expr: 'rate(x[5m])', step: 60s")


def known(query: str) -> Watched:
    out = Watched(plan(query, models="{m: {warmup: 5m}}"))
    random = np.random.default_rng(1)
    for _ in range(200):
        out.see(a=random.normal(100, 1))
    return out


def scores(watched: Watched, *values: float) -> list[float]:
    return [float(watched.see(a=value).verdict.score[0]) for value in values]


def test_a_dip_as_long_as_the_window_leaves_no_trace(watched: Watched) -> None:
    before = {name: array.copy() for name, array in watched.state.lanes[0].state.items()}
    assert scores(watched, *[80.0] * WINDOW) == [0] * WINDOW
    after = watched.state.lanes[0].state
    assert all((after[name] == before[name]).all() for name in ("level", "profile", "spread") if name in before)
    assert max(scores(watched, *[100.0] * 30)) < 1


def test_what_stays_down_for_longer_counts(watched: Watched) -> None:
    told = scores(watched, *[20.0] * (WINDOW + 3))
    assert told[:WINDOW] == [0] * WINDOW
    assert min(told[WINDOW:]) > 1


def test_a_rise_counts_at_once(watched: Watched) -> None:
    assert scores(watched, 180.0)[0] > 1


def test_a_series_that_drains_away_and_returns_is_quiet(watched: Watched) -> None:
    assert max(scores(watched, 80, 60, 40, 20)) == 0
    for _ in range(10):
        watched.see()
    assert max(scores(watched, 20, 40, 60, 80, *[100.0] * 30)) < 1


def test_dips_of_a_series_that_alarms_already_count_at_once(watched: Watched) -> None:
    scores(watched, *[20.0] * (WINDOW + 2))
    assert min(scores(watched, 99.5, 20, 99.5, 20)) > 0.9


def test_what_is_no_rate_may_fall_at_once() -> None:
    assert scores(known("expr: x, step: 60s"), 20.0)[0] > 1


def test_a_value_outside_the_data_range_alarms_at_once() -> None:
    watched = known("expr: 'rate(x[5m])', step: 60s, data_range: [50, 1000]")
    assert scores(watched, 20.0)[0] > 1
