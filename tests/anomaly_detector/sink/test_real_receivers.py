"""The receiver's rules on the real ones: nothing wedges them, and no good sample is lost with a bad one."""

import json
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import urlopen

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from anomaly_detector.config import Target
from anomaly_detector.metrics import Metrics
from anomaly_detector.sink.remote_write import Receiver
from anomaly_detector.sink.wire import STALE, Template, encode_labels, encode_series, join
from heronwatch.clock import SystemClock
from heronwatch.values import HttpUrl
from tests.fakes.daemons import Daemon, prometheus, victoria_metrics, wait_until

pytestmark = pytest.mark.prometheus
NO_SCRAPES = "scrape_configs: []"


class Store:
    """A real store and a receiver that writes to it, one batch at a time."""

    def __init__(self, daemon: Daemon, *, lag_s: float = 0.0) -> None:
        self.daemon, self.lag_s = daemon, lag_s
        self.registry = CollectorRegistry()
        self.now_s = float(int(time.time()))
        target = Target(datasource_url=HttpUrl.parse(daemon.url))
        self._receiver = Receiver(target, capacity=10_000, clock=SystemClock(), metrics=Metrics(self.registry))

    def write(self, *samples: tuple[str, float, float]) -> None:
        """Write (series, seconds from now, value) in one request."""
        parts = []
        for name, at_s, value in samples:
            template = Template([encode_series(encode_labels({"__name__": "written", "n": name}.items()))])
            parts.append(template.render(np.array([0]), np.array([value]), round((self.now_s + at_s) * 1000)))
        self._receiver._deliver(join(parts, max(part.time_ms for part in parts)))
        while len(self._receiver):
            assert self._receiver._deliver(self._receiver._take())

    def stored(self, name: str, at_s: float) -> float | None:
        """The value of a series at a moment; samples up to 5 s older count."""
        query = urlencode({"query": f'last_over_time(written{{n="{name}"}}[5s])', "time": self.now_s + at_s})
        with urlopen(f"{self.daemon.url}/api/v1/query?{query}", timeout=10) as answer:
            result = json.loads(answer.read())["data"]["result"]
        return float(result[0]["value"][1]) if result else None

    def rejected(self) -> dict[str, float]:
        samples = [sample for metric in self.registry.collect() for sample in metric.samples]
        name = "heronwatch_detector_samples_rejected_total"
        return {one.labels["reason"]: one.value for one in samples if one.name == name}


@contextmanager
def victoria_store(tmp_path: Path) -> Iterator[Store]:
    with victoria_metrics(tmp_path) as daemon:
        yield Store(daemon)


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with prometheus(tmp_path_factory.mktemp("store"), NO_SCRAPES) as one:
        yield one


@pytest.fixture
def store(daemon: Daemon) -> Store:
    return Store(daemon)


def test_values_arrive(store: Store) -> None:
    store.write(("plain", -30, 1.5))
    assert store.stored("plain", -30) == 1.5


def test_a_poisoned_batch_loses_only_the_poison(store: Store) -> None:
    store.write(("old", -20, 1.0))
    store.write(*((f"good{number}", -10, float(number)) for number in range(40)), ("old", -40, 2.0), ("good", -10, 7.0))
    assert [store.stored(f"good{number}", -10) for number in (0, 20, 39)] == [0.0, 20.0, 39.0]
    assert store.stored("good", -10) == 7.0
    assert store.rejected() == {"out_of_order": 1}


GOOD = [(f"fine{number}", -10.0, float(number)) for number in range(60)]


def spoil(store: Store) -> None:
    """Write good samples between a repeat, another value, an older and an ancient one; the future; later ones."""
    store.write(("repeat", -20, 1.0), ("other", -20, 1.0), ("older", -20, 1.0))
    bad = [("repeat", -20.0, 1.0), ("other", -20.0, 5.0), ("older", -50.0, 2.0), ("ancient", -3 * 3600.0, 1.0)]
    batch = [*GOOD[:20], *bad[:3], *GOOD[20:41], *bad[3:], *GOOD[41:]]
    store.write(*batch)
    store.write(("future", 3 * 3600, 1.0))
    store.write(*((name, at_s + 5, value + 1) for name, at_s, value in GOOD))


def good_ones(store: Store, later_s: float = 0.0) -> list[float | None]:
    return [store.stored(name, at_s + later_s) for name, at_s, _ in GOOD]


def test_one_batch_of_everything_costs_what_is_bad_only(store: Store) -> None:
    spoil(store)
    assert good_ones(store) == [value for *_, value in GOOD]
    assert good_ones(store, 5.0) == [value + 1 for *_, value in GOOD]
    assert store.stored("other", -20) == 1.0
    assert store.rejected() == {"out_of_order": 1, "duplicate": 1, "out_of_bounds": 1, "future": 1}


def test_however_many_are_bad_no_good_one_is_lost(store: Store) -> None:
    """A foreign writer was ahead with half of our series."""
    numbers = range(200)
    ahead = random.Random(1).sample(numbers, 100)
    store.write(*((f"many{number}", -2, 9.0) for number in ahead))
    for at_s in (-10, -8):
        store.write(*((f"many{number}", at_s, float(at_s)) for number in numbers))
        good = [store.stored(f"many{number}", at_s) for number in numbers if number not in ahead]
        assert good == [at_s] * 100
    assert store.rejected() == {"out_of_order": 200}


def test_the_same_again_is_taken_and_another_value_is_given_up(store: Store) -> None:
    store.write(("twice", -15, 1.0))
    store.write(("twice", -15, 1.0), ("beside", -15, 2.0))
    assert store.rejected() == {}
    store.write(("twice", -15, 9.0), ("beside2", -15, 3.0))
    assert (store.stored("twice", -15), store.stored("beside2", -15)) == (1.0, 3.0)
    assert store.rejected()["duplicate"] == 1


def test_samples_far_too_old_do_not_wedge_the_queue(store: Store) -> None:
    store.write(("fresh", -5, 1.0))
    store.write(("ancient", -3 * 3600, 1.0), ("fresh", -4, 2.0))
    assert store.stored("fresh", -4) == 2.0
    assert store.rejected()["out_of_bounds"] == 1


def test_a_stale_marker_ends_a_series(store: Store) -> None:
    store.write(("ending", -8, 1.0))
    store.write(("ending", -7, float(STALE)))
    query = urlencode({"query": 'written{n="ending"}', "time": store.now_s - 6})
    with urlopen(f"{store.daemon.url}/api/v1/query?{query}", timeout=10) as answer:
        assert json.loads(answer.read())["data"]["result"] == []


def test_a_sample_from_the_future_never_reaches_it(store: Store) -> None:
    """On 2.42 it would end all ingestion until the clock is there; we ask the receiver what time it is."""
    store.write(("future", 3 * 3600, 1.0))
    assert store.rejected()["future"] == 1
    store.write(("after", -3, 5.0))
    assert store.stored("after", -3) == 5.0
    assert store.stored("future", 3 * 3600) is None


def test_with_an_out_of_order_window_too_old_is_still_permanent(tmp_path: Path) -> None:
    config = f"{NO_SCRAPES}\nstorage: {{tsdb: {{out_of_order_time_window: 2h}}}}"
    with prometheus(tmp_path, config) as daemon:
        store = Store(daemon)
        store.write(("fresh", -5, 1.0))
        store.write(("ancient", -5 * 3600, 1.0), ("other", -4, 2.0))  # 2.42 answers 500 "too old sample"
        assert store.stored("other", -4) == 2.0
        assert sum(store.rejected().values()) == 1


def test_victoria_metrics_takes_what_we_write(tmp_path: Path) -> None:
    with victoria_store(tmp_path) as store:
        store.write(("plain", -30, 1.5), ("old", -20, 1.0))
        store.write(("old", -40, 2.0), ("plain", -10, 2.5))
        spoil(store)
        wait_until(lambda: None not in good_ones(store, 5.0), 20, "the samples to be searchable")
        assert (store.stored("plain", -30), store.stored("plain", -10)) == (1.5, 2.5)
        assert good_ones(store) == [value for *_, value in GOOD]
        assert store.rejected() == {"future": 1}
