"""The detector on the newest Prometheus and VictoriaMetrics: scores arrive, bad samples cost only themselves."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.anomaly_detector.sink.test_real_receivers import GOOD, Store, good_ones, spoil
from tests.anomaly_detector.test_end_to_end import detector, steady, values
from tests.fakes.daemons import Daemon, prometheus, victoria_metrics, wait_until
from tests.fakes.newest import FETCH_LIMIT_S, PROMETHEUS, VICTORIA_METRICS, newest

pytestmark = [pytest.mark.newest, pytest.mark.timeout(FETCH_LIMIT_S)]
Start = Callable[[Path], AbstractContextManager[Daemon]]
NO_SCRAPES = "scrape_configs: []"
OUT_OF_ORDER = f"{NO_SCRAPES}\nstorage: {{tsdb: {{out_of_order_time_window: 2h}}}}"
CONFIG = """
reader:
  datasource_url: {url}
  queries: {{level: {{expr: level, step: 1s, provide_series: [anomaly_score, yhat]}}}}
writer: {{targets: [{{datasource_url: '{url}'}}]}}
"""


def newest_prometheus(tmp_path: Path, config: str = NO_SCRAPES) -> AbstractContextManager[Daemon]:
    return newest(PROMETHEUS, prometheus(tmp_path, config))


def newest_victoria_metrics(tmp_path: Path) -> AbstractContextManager[Daemon]:
    return newest(VICTORIA_METRICS, victoria_metrics(tmp_path))


@pytest.mark.parametrize("start", [newest_prometheus, newest_victoria_metrics])
def test_scores_arrive(tmp_path: Path, start: Start) -> None:
    with start(tmp_path) as daemon, steady(daemon), detector(CONFIG.format(url=daemon.url)) as running:
        wait_until(lambda: set(values(daemon, "anomaly_score", "n")) == {"a", "b"}, 60, "scores of both series")
        wait_until(lambda: values(daemon, "yhat", "n") == {"a": 5, "b": 6}, 30, "expected values of both")
        wait_until(lambda: min(values(daemon, "count_over_time(anomaly_score[1m])", "n").values()) >= 5, 30, "more")
        assert values(daemon, "anomaly_score", "n") == {"a": 0, "b": 0}
        assert running.not_ready() == []


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with newest_prometheus(tmp_path) as daemon:
        yield Store(daemon)


def test_prometheus_loses_only_the_late_sample_of_a_batch(store: Store) -> None:
    store.write(("old", -20, 1.0))
    good = [(f"good{number}", -10.0, float(number)) for number in range(40)]
    store.write(*good, ("old", -40, 2.0), ("last", -10, 7.0))
    assert [store.stored(name, -10) for name, _, _ in good] == [value for _, _, value in good]
    assert (store.stored("last", -10), store.stored("old", -40)) == (7.0, None)
    assert store.rejected() == {"out_of_order": 1}


def test_one_batch_of_everything_costs_what_is_bad_only(store: Store) -> None:
    spoil(store)
    assert good_ones(store) == [value for *_, value in GOOD]
    assert good_ones(store, 5.0) == [value + 1 for *_, value in GOOD]
    assert store.rejected() == {"out_of_order": 1, "duplicate": 1, "out_of_bounds": 1, "future": 1}


def test_prometheus_takes_a_repeat_and_keeps_the_first_of_two_values(store: Store) -> None:
    store.write(("twice", -15, 1.0))
    store.write(("twice", -15, 1.0), ("beside", -15, 2.0))
    assert store.rejected() == {}
    store.write(("twice", -15, 9.0), ("beside2", -15, 3.0))
    assert [store.stored(name, -15) for name in ("twice", "beside", "beside2")] == [1.0, 2.0, 3.0]
    assert store.rejected() == {"duplicate": 1}


def test_prometheus_is_not_wedged_by_samples_far_too_old_or_ahead(store: Store) -> None:
    store.write(("fresh", -5, 1.0))
    store.write(("ancient", -3 * 3600, 1.0), ("fresh", -4, 2.0))
    store.write(("future", 3 * 3600, 1.0))
    store.write(("fresh", -3, 3.0))
    assert [store.stored("fresh", at) for at in (-5, -4, -3)] == [1.0, 2.0, 3.0]
    assert store.rejected() == {"future": 1, "out_of_bounds": 1}


def test_an_out_of_order_window_takes_the_late_and_refuses_the_ancient(tmp_path: Path) -> None:
    with newest_prometheus(tmp_path, OUT_OF_ORDER) as daemon:
        store = Store(daemon)
        store.write(("fresh", -5, 1.0))
        store.write(("ancient", -5 * 3600, 1.0), ("fresh", -600, 2.0), ("other", -4, 3.0))
        assert (store.stored("fresh", -600), store.stored("other", -4)) == (2.0, 3.0)
        assert sum(store.rejected().values()) == 1


def test_victoria_metrics_takes_late_and_repeated_samples(tmp_path: Path) -> None:
    with newest_victoria_metrics(tmp_path) as daemon:
        store = Store(daemon)
        store.write(("late", -20, 1.0))
        store.write(("late", -40, 2.0), ("late", -20, 1.0), ("plain", -10, 2.5))
        store.write(("future", 3 * 3600, 1.0))
        wait_until(lambda: store.stored("plain", -10) == 2.5, 30, "the sample to be searchable")
        assert (store.stored("late", -20), store.stored("late", -40)) == (1.0, 2.0)
        assert store.rejected() == {"future": 1}
