"""The scenes that spoil a store (tests/anomaly_detector/test_on_real_stores.py) on the newest stores."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.anomaly_detector.test_end_to_end import plain_prometheus
from tests.anomaly_detector.test_on_real_stores import (
    Start,
    test_a_foreign_score_ahead_of_ours_costs_its_own_series_only,
    test_restarts_of_both_leave_no_gap_that_could_be_filled,
    test_series_come_and_go,
    test_series_from_the_past_and_the_future_move_no_score,
    test_two_writers_of_the_same_scores_harm_each_other_not_at_all,
)
from tests.fakes.daemons import Daemon, victoria_metrics
from tests.fakes.newest import FETCH_LIMIT_S, PROMETHEUS, VICTORIA_METRICS, newest

pytestmark = [pytest.mark.newest, pytest.mark.timeout(FETCH_LIMIT_S)]
__all__ = [
    "test_a_foreign_score_ahead_of_ours_costs_its_own_series_only",
    "test_restarts_of_both_leave_no_gap_that_could_be_filled",
    "test_series_come_and_go",
    "test_series_from_the_past_and_the_future_move_no_score",
    "test_two_writers_of_the_same_scores_harm_each_other_not_at_all",
]


@contextmanager
def newest_prometheus(tmp_path: Path) -> Iterator[Daemon]:
    with newest(PROMETHEUS, plain_prometheus(tmp_path)) as daemon:
        yield daemon


@contextmanager
def newest_victoria_metrics(tmp_path: Path) -> Iterator[Daemon]:
    with newest(VICTORIA_METRICS, victoria_metrics(tmp_path)) as daemon:
        yield daemon


@pytest.fixture(params=[newest_prometheus, newest_victoria_metrics], ids=["prometheus", "victoriametrics"])
def start(request: pytest.FixtureRequest) -> Start:
    found: Start = request.param
    return found
