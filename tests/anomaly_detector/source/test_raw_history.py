"""Remote read on real stores: the same as a query, or not used."""

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from anomaly_detector.series_table import SeriesTable
from anomaly_detector.source.matrix import Matrix, grid_times
from anomaly_detector.source.prom_api import PromApi
from tests.fakes.canned_http import Canned, canned_http
from tests.fakes.daemons import Daemon, prometheus, victoria_metrics
from tests.fakes.detector_plans import plan
from tests.fakes.pushed_series import Feed
from tests.fakes.traffic import backfilled_prometheus

pytestmark = pytest.mark.prometheus
NO_SCRAPES = "scrape_configs: []"


def past(now_s: int) -> str:
    """Two hours of three series, one with a hole, one of zeros, every 15 s with some disorder."""
    lines = ["# TYPE level gauge"]
    for n in "abc":
        for number in range(480):
            at_s = now_s - 7200 + 15 * number + (number % 3)
            if n != "b" or not 100 <= number < 160:
                lines.append(f'level{{n="{n}"}} {0 if n == "c" else number * 1.5} {at_s}')
    return "\n".join([*lines, "# EOF", ""])


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Daemon, int]]:
    now_s = int(time.time()) // 60 * 60
    with backfilled_prometheus(tmp_path_factory.mktemp("raw"), NO_SCRAPES, past(now_s)) as store:
        yield store, now_s


def ask(store: Daemon, expr: str, times_s: np.ndarray, *, mode: str = "auto") -> tuple[Matrix, PromApi]:
    api = PromApi(plan(url=store.url, reader=f"remote_read: {mode}").reader)
    found = api.query_range(expr, times_s, step_s=float(times_s[1] - times_s[0]), max_series=10)
    api.close()
    return found, api


def same(ours: Matrix, theirs: Matrix) -> bool:
    table = SeriesTable()
    rows, _ = table.rows_of(theirs.keys, max_series=99)
    return np.array_equal(ours.values, theirs.values[:, table.find(ours.keys)], equal_nan=True) and len(rows) > 0


@pytest.mark.parametrize("expr", ["level", 'level{n=~"a|b"}', 'level{n!="a"}'])
@pytest.mark.parametrize("step_s", [15.0, 60.0])
def test_it_says_the_same_as_queries(history: tuple[Daemon, int], expr: str, step_s: float) -> None:
    store, now_s = history
    times = grid_times(now_s - 5400, now_s, step_s)
    ours, api = ask(store, expr, times)
    theirs, _ = ask(store, expr, times, mode="never")
    assert api._raw._believed == {expr}
    assert np.isnan(theirs.values).any()  # there is a hole to be found, or an end
    assert same(ours, theirs)


def test_a_coarse_grid_is_asked_by_queries(history: tuple[Daemon, int]) -> None:
    store, now_s = history
    found, api = ask(store, "level", grid_times(now_s - 7200, now_s, 120.0))
    assert "many more samples" in api._raw._refused["level"]
    assert len(found.keys) == 3


def test_an_expression_is_asked_by_queries(history: tuple[Daemon, int]) -> None:
    store, now_s = history
    found, api = ask(store, "level * 2", grid_times(now_s - 3600, now_s, 60.0))
    assert not api._raw._believed
    assert len(found.keys) == 3


def test_external_labels_are_noticed(tmp_path: Path) -> None:
    with prometheus(tmp_path, "global: {external_labels: {site: berlin}}\nscrape_configs: []") as store:
        feed, now_s = Feed(store), int(time.time())
        for number in range(40):
            assert feed.push("level", float(number), now_s - 40 + number, n="a") == 204
        found, api = ask(store, "level", grid_times(now_s - 39, now_s - 1, 1.0))
    assert "external labels" in api._raw._refused["level"]
    assert found.values[:, 0].tolist() == [float(number) for number in range(1, 40)]
    assert b"berlin" not in found.keys[0]


def test_where_it_is_not_offered_queries_are_asked(tmp_path: Path) -> None:
    with victoria_metrics(tmp_path) as store:
        _, api = ask(store, "level", grid_times(1_763_700_000, 1_763_703_600, 60.0))
    assert api._raw._refused["level"].startswith("HTTP ")


def test_it_is_tried_once() -> None:
    answer = b'{"status":"success","data":{"resultType":"matrix","result":[]}}'
    with canned_http(Canned(status=404), Canned(body=answer)) as server:
        api = PromApi(plan(url=server.url).reader)
        for _ in range(3):
            api.query_range("level", grid_times(0, 6000, 60), step_s=60, max_series=5)
        api.close()
    assert [asked.path for asked in server.asked] == ["/api/v1/read"] + 3 * ["/api/v1/query_range"]
