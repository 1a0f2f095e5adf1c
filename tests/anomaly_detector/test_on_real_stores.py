"""A detector beside a real store, and everything that spoils one: it is never wedged, and loses no good sample.

The same scenes run on the newest stores in tests/e2e/test_newest_detector.py.
"""

import itertools
import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Self

import pytest
from prometheus_client import CollectorRegistry

from anomaly_detector.metrics import Metrics, StatusCollector
from anomaly_detector.service import Detector
from tests.anomaly_detector.test_end_to_end import plain_prometheus
from tests.fakes.clock import FakeClock
from tests.fakes.daemons import Daemon, running, victoria_metrics, wait_until
from tests.fakes.detector_plans import config
from tests.fakes.processes import http_ok
from tests.fakes.pushed_series import fed, number, samples

pytestmark = [pytest.mark.prometheus, pytest.mark.timeout(120)]
Start = Callable[[Path], AbstractContextManager[Daemon]]
DAY_S = 86_400.0
CONFIG = """
reader: {{datasource_url: '{url}', latency_offset: {offset}, queries: {{level: {{expr: level, step: 1s}}}}}}
models: {{m: {{warmup: 5m, fit_window: 1h}}}}
writer: {{targets: [{{datasource_url: '{url}'}}]}}
settings: {settings}
"""


class WrongClock(FakeClock):
    """The time of day is off; what passes is right."""

    def __init__(self, off_s: float) -> None:
        super().__init__()
        self._off_s = off_s

    def now(self) -> float:
        return time.time() + self._off_s

    def monotonic(self) -> float:
        return time.monotonic()


class Scene:
    """A detector at work, and its metrics."""

    def __init__(self, store: Daemon, *, off_s: float = 0.0, settings: str = "{}", text: str = "") -> None:
        self.store = store
        self.registry = CollectorRegistry()
        offset = "6s" if "victoria" in store.name else "2s"  # its newest points are not settled before
        text = text or CONFIG.format(url=store.url, settings=settings, offset=offset)
        self.detector = Detector(config(text), clock=WrongClock(off_s), metrics=Metrics(self.registry))
        self.registry.register(StatusCollector(self.detector.status))

    def __enter__(self) -> Self:
        self.detector.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.detector.stop()

    def metric(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(f"heronwatch_detector_{name}", labels) or 0.0

    def scores(self, *, seconds: int = 60, ahead_s: float = 0.0) -> dict[str, list[float]]:
        """When each series has a score."""
        found = samples(self.store, "anomaly_score", until_s=time.time() + ahead_s, seconds=seconds)
        return {name: [at for at, _ in series] for name, series in found.items()}

    def wait_for(self, *names: str, after_s: float = 0.0, timeout_s: float = 40.0) -> None:
        """Wait until these series have scores after an instant."""

        def there() -> bool:
            scores = self.scores()
            return all(max(scores.get(name, [0.0])) > after_s for name in names)

        wait_until(there, timeout_s, f"scores of {names} after {after_s}")

    def wait_for_calm(self) -> None:
        wait_until(lambda: not self.detector.not_ready(), 30, "everything to work")
        wait_until(lambda: self.metric("queue_samples") < 10, 30, "the queue to be empty")


@pytest.fixture(
    params=[plain_prometheus, pytest.param(victoria_metrics, marks=pytest.mark.long)],
    ids=["prometheus", "victoriametrics"],
)
def start(request: pytest.FixtureRequest) -> Start:
    found: Start = request.param
    return found


def gaps(times: list[float]) -> list[float]:
    """Distances of instants that are not one step; VictoriaMetrics keeps a sample as often as it gets it."""
    times = sorted(set(times))
    return [round(b - a, 3) for a, b in itertools.pairwise(times) if abs(b - a - 1) > 0.01]


def test_a_foreign_score_ahead_of_ours_costs_its_own_series_only(tmp_path: Path, start: Start) -> None:
    """Rejected batches: another writer's sample stands in the future of one of our series."""
    with start(tmp_path) as store, fed(store, a=5.0, b=6.0, c=7.0) as feed, Scene(store, off_s=DAY_S) as scene:
        scene.wait_for("a", "b", "c")
        began_s = time.time()
        ahead_s = float(int(began_s) + 4)
        assert feed.push("anomaly_score", 9.0, ahead_s, n="a", model_alias="m", **{"for": "level"}) < 300
        scene.wait_for("a", "b", "c", after_s=ahead_s + 2)
        scene.wait_for_calm()
        scores = scene.scores()
        assert gaps(scores["b"]) == gaps(scores["c"]) == []
        rejected = sum(scene.metric("samples_rejected_total", reason=r) for r in ("out_of_order", "duplicate"))
        if "victoria" not in store.name:  # it takes samples in any order
            assert 2 <= rejected <= 6
        assert scene.metric("samples_rejected_total", reason="queue_full") == 0
        assert max(max(times) for times in scores.values()) <= number(store, "time()")


def test_series_from_the_past_and_the_future_move_no_score(tmp_path: Path, start: Start) -> None:
    """Input samples far ahead and far back; a local clock that is a day behind. Nothing is written ahead of time."""
    with start(tmp_path) as store, fed(store, a=5.0, b=6.0) as feed, Scene(store, off_s=-DAY_S) as scene:
        # Prometheus looks back for minutes; VictoriaMetrics for what is usual of a series: within latency_offset
        feed.late_s["slow"], feed.values["slow"] = 2.0 if "victoria" in store.name else 10.0, 7.0
        scene.wait_for("a", "b", "slow")
        now_s = time.time()
        feed.push("level", 50.0, now_s + 1800, n="ahead")
        feed.push("level", 50.0, now_s + 1800, n="b")  # from here on a Prometheus refuses the true samples of b
        feed.push("level", 50.0, now_s - 1800, n="late")
        feed.push("level", 50.0, now_s - 20, n="a")
        scene.wait_for("a", "slow", after_s=now_s + 4)
        scene.wait_for_calm()
        found = scene.scores(seconds=3600, ahead_s=3590)
        server_s = number(store, "time()")
        assert max(max(times) for times in found.values()) <= server_s
        assert gaps(found["a"]) == gaps(found["slow"]) == []  # it is judged by what is there
        assert "ahead" not in found


@pytest.mark.long
def test_two_writers_of_the_same_scores_harm_each_other_not_at_all(tmp_path: Path, start: Start) -> None:
    """Duplicates: a second detector of the same configuration, as a mistaken roll-out leaves it."""
    with start(tmp_path) as store, fed(store, a=5.0, b=6.0), Scene(store) as first, Scene(store) as second:
        first.wait_for("a", "b")
        then_s = time.time()
        first.wait_for("a", "b", after_s=then_s + 4)
        first.wait_for_calm()
        second.wait_for_calm()
        scores = first.scores()
        assert gaps(scores["a"]) == gaps(scores["b"]) == []


@pytest.mark.long
def test_series_come_and_go(tmp_path: Path, start: Start) -> None:
    """Churn: what ends is ended by a stale marker, what comes is scored, and the others notice nothing."""
    with start(tmp_path) as store, fed(store, a=5.0, old=6.0) as feed, Scene(store) as scene:
        scene.wait_for("a", "old")
        ended = "old"
        for fresh in ("new", "newer"):
            feed.end(ended)
            feed.values[fresh] = 7.0
            scene.wait_for(fresh)
            wait_until(lambda: math.isnan(number(store, f'anomaly_score{{n="{ended}"}}')), 20, "its score to end")  # noqa: B023
            ended = fresh
        assert number(store, 'anomaly_score{n="a"}') == 0
        assert gaps(scene.scores()["a"]) == []
        scene.wait_for_calm()


TWO = CONFIG.replace("queries: {{", "queries: {{other: {{expr: '{expr}', step: 1s}}, ")


@pytest.mark.long
def test_a_reload_of_one_query_leaves_the_other_alone(tmp_path: Path, start: Start) -> None:
    """What one has learnt and writes goes on without a gap; the outputs of the other, as it was, end."""

    def text(expr: str) -> str:
        return TWO.format(url=store.url, offset="6s" if "victoria" in store.name else "2s", settings="{}", expr=expr)

    def scored() -> list[float]:
        found = samples(store, 'anomaly_score{for="level"}', until_s=time.time(), seconds=60)
        return [at for at, _ in found.get("a", [])]

    with start(tmp_path) as store, fed(store, a=5.0), Scene(store, text=text("level * 2")) as scene:
        wait_until(lambda: number(store, 'count(anomaly_score{n="a"})') == 2, 40, "scores of both queries")
        (kept,) = [runner for alias, runner in scene.detector._runners.items() if alias == "level"]
        learnt = kept.state
        scene.detector.reload(config(text("level * 3 > 1e9")))
        then_s = time.time()
        wait_until(lambda: max(scored()) > then_s + 2, 40, "scores after the reload")
        wait_until(lambda: math.isnan(number(store, 'anomaly_score{for="other"}')), 40, "the other's score to end")
        assert scene.detector._runners["level"] is kept
        assert kept.state is learnt
        assert gaps(scored()) == []


def again(store: Daemon) -> AbstractContextManager[Daemon]:
    """Start a stopped store with its data, at its place."""
    command = [str(word) for word in store.process.args]  # type: ignore[union-attr]
    path = "/health" if "victoria" in store.name else "/-/ready"
    return running(
        store.name, command, directory=store.directory, port=store.port, ready=lambda d: http_ok(f"{d.url}{path}")
    )


@pytest.mark.long
def test_restarts_of_both_leave_no_gap_that_could_be_filled(tmp_path: Path, start: Start) -> None:
    """The store is killed and comes back, then the detector stops and starts anew from its snapshot."""
    settings = f"{{state_dir: {tmp_path}/state}}"
    with start(tmp_path) as store, fed(store, a=5.0), Scene(store, settings=settings) as scene:
        scene.wait_for("a")
        store.process.kill()
        store.process.wait()
        wait_until(lambda: scene.detector.not_ready() != [], 20, "the loss to be noticed")
        with again(store) as back, fed(back, a=5.0):
            scene.wait_for("a", after_s=time.time())
            scene.wait_for_calm()
            scene.detector.stop()
            stopped_s = time.time()
            wait_until(lambda: number(back, "time()") > stopped_s + 3, 20, "some steps to pass")
            with Scene(back, settings=settings) as next_scene:
                next_scene.wait_for("a", after_s=stopped_s + 3)
                assert next_scene.metric("snapshots_total", action="load", outcome="done") == 1
                times = [at for at in next_scene.scores()["a"] if at > stopped_s - 2]
                assert gaps(times) == []
