"""What happens beside real stores (tests/anomaly_detector) on the newest: what spoils them, reboots, remote read."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.anomaly_detector.source.test_raw_history import past as uneven_past
from tests.anomaly_detector.source.test_raw_history import test_it_says_the_same_as_queries
from tests.anomaly_detector.test_device_life import (
    STEP_S,
    past,
    test_a_restarted_pod_goes_on_where_the_old_one_ended,
    test_reboots_and_resets_are_no_anomalies_and_an_outage_is_one,
)
from tests.anomaly_detector.test_end_to_end import plain_prometheus
from tests.anomaly_detector.test_on_real_stores import (
    Start,
    test_a_foreign_score_ahead_of_ours_costs_its_own_series_only,
    test_a_reload_of_one_query_leaves_the_other_alone,
    test_restarts_of_both_leave_no_gap_that_could_be_filled,
    test_series_come_and_go,
    test_series_from_the_past_and_the_future_move_no_score,
    test_two_writers_of_the_same_scores_harm_each_other_not_at_all,
)
from tests.fakes.daemons import Daemon, victoria_metrics
from tests.fakes.newest import FETCH_LIMIT_S, PROMETHEUS, VICTORIA_METRICS, newest
from tests.fakes.traffic import backfilled_prometheus

pytestmark = [pytest.mark.newest, pytest.mark.timeout(FETCH_LIMIT_S)]
__all__ = [
    "test_a_foreign_score_ahead_of_ours_costs_its_own_series_only",
    "test_a_reload_of_one_query_leaves_the_other_alone",
    "test_a_restarted_pod_goes_on_where_the_old_one_ended",
    "test_it_says_the_same_as_queries",
    "test_reboots_and_resets_are_no_anomalies_and_an_outage_is_one",
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


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """The newest Prometheus with two days of ports and pods."""
    end_s = int(time.time()) // STEP_S * STEP_S
    with newest(PROMETHEUS, backfilled_prometheus(tmp_path_factory.mktemp("life"), "global: {}\n", past(end_s))) as one:
        yield one


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Daemon, int]]:
    """The newest Prometheus with two uneven hours."""
    now_s = int(time.time()) // 60 * 60
    start = backfilled_prometheus(tmp_path_factory.mktemp("raw"), "scrape_configs: []", uneven_past(now_s))
    with newest(PROMETHEUS, start) as one:
        yield one, now_s


@pytest.fixture(params=[newest_prometheus, newest_victoria_metrics], ids=["prometheus", "victoriametrics"])
def start(request: pytest.FixtureRequest) -> Start:
    found: Start = request.param
    return found
