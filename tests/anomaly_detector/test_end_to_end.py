"""The whole way on a real Prometheus: a week of traffic, a drift of one uplink, a score above 1 for it alone."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
from prometheus_client import CollectorRegistry

from anomaly_detector.metrics import Metrics
from anomaly_detector.service import Detector
from heronwatch.clock import SystemClock
from tests.fakes.daemons import Daemon, free_port, prometheus, victoria_metrics, wait_until
from tests.fakes.detector_plans import config
from tests.fakes.pushed_series import Feed, fed, number
from tests.fakes.traffic import METRIC, Traffic, backfilled_prometheus, exporter, history_times

INTERFACES = ("uplink", "a", "b", "c")
FIRST_ABOVE = 'min_over_time((timestamp(anomaly_score{{ifName="uplink"}} > 1) >= {since_s:.3f})[2m:1s])'


class Pace:
    """How fast the scene plays: the demo's pace, or five times that with every ratio kept."""

    def __init__(self, scale: float) -> None:
        self.scrape_s, self.step_s, self.window_s = 5 / scale, 15 / scale, 120 / scale
        self.history_s, self.days = 60 / scale, 7 / min(scale, 2)
        self.settle_s, self.limit_s = 60 / scale, 60 / scale


@contextmanager
def detector(text: str) -> Iterator[Detector]:
    registry = CollectorRegistry()
    running = Detector(config(text), clock=SystemClock(), metrics=Metrics(registry))
    running.start()
    try:
        yield running
    finally:
        running.stop()


def values(store: Daemon, expr: str, label: str = "ifName") -> dict[str, float]:
    with urlopen(f"{store.url}/api/v1/query?{urlencode({'query': expr})}", timeout=10) as answer:
        result = json.loads(answer.read())["data"]["result"]
    return {one["metric"].get(label, ""): float(one["value"][1]) for one in result}


@pytest.mark.parametrize(
    "pace",
    [
        pytest.param(Pace(5), marks=[pytest.mark.prometheus, pytest.mark.timeout(150)]),
        pytest.param(Pace(1), marks=[pytest.mark.prometheus, pytest.mark.long, pytest.mark.timeout(600)]),
    ],
    ids=["fast", "unscaled"],
)
def test_a_drifting_uplink_scores_above_1_and_its_siblings_do_not(tmp_path: Path, pace: Pace) -> None:
    traffic = Traffic(INTERFACES)
    times = history_times(
        time.time(), days=pace.days, every_s=pace.history_s, fine_s=pace.scrape_s, fine_for_s=3 * pace.window_s
    )
    past = traffic.past(times)
    with exporter(traffic) as address:
        scrape = (
            f"global: {{scrape_interval: {pace.scrape_s:g}s}}\n"
            "scrape_configs: [{job_name: snmp, static_configs:"
            f" [{{targets: ['{address}'], labels: {{instance: sw1}}}}]}}]\n"
        )
        with backfilled_prometheus(tmp_path, scrape, past) as store, detector(traffic_config(store, pace)) as running:
            wait_until(lambda: not running.not_ready(), 60, "the query to work")
            wait_until(lambda: calm(store, pace), 4 * pace.window_s + 20, "quiet scores of all four interfaces")
            traffic.factor["uplink"] = 3.0
            drifted_s = time.time()
            wait_until(
                lambda: values(store, "anomaly_score")["uplink"] > 1, pace.limit_s + 5, "the uplink's score above 1"
            )
            # an instant of the data: how busy this machine is does not count
            first_s = number(store, FIRST_ABOVE.format(since_s=drifted_s))
            scores = values(store, "anomaly_score")
            assert all(scores[name] < 1 for name in INTERFACES[1:]), scores
            assert first_s < drifted_s + pace.limit_s
            assert values(store, f"rate({METRIC}[{pace.window_s:g}s]) * 8 > yhat_upper").keys() <= {"uplink"}
            assert set(
                values(store, 'anomaly_score{for="traffic",model_alias="seasonal",job="snmp",instance="sw1"}')
            ) == set(INTERFACES)
            assert values(store, "yhat_upper")["a"] > values(store, "yhat")["a"] > values(store, "yhat_lower")["a"]
            assert "for" not in values(store, METRIC)


def traffic_config(store: Daemon, pace: Pace) -> str:
    return (
        f"reader: {{datasource_url: '{store.url}', latency_offset: 0, queries: {{traffic: {{"
        f"expr: 'rate({METRIC}[{pace.window_s:g}s]) * 8', step: {pace.step_s:g}s,"
        " provide_series: [anomaly_score, yhat, yhat_lower, yhat_upper]}}}\n"
        "models: {seasonal: {class: seasonal_robust, fit_window: 7d}}\n"
        f"writer: {{targets: [{{datasource_url: '{store.url}'}}]}}\n"
    )


def calm(store: Daemon, pace: Pace) -> bool:
    """All four have quiet scores, and every rate's window is full of live scrapes."""
    scores = values(store, "anomaly_score")
    scrapes = values(store, f"count_over_time(up[{pace.window_s:g}s])", "job").get("snmp", 0)
    return (
        set(scores) == set(INTERFACES) and max(scores.values()) < 0.7 and scrapes > 0.9 * pace.window_s / pace.scrape_s
    )


def steady(store: Daemon) -> AbstractContextManager[Feed]:
    """Two steady series pushed by the test, so that a store without scrapes has something to read."""
    return fed(store, a=5.0, b=6.0)


@contextmanager
def plain_prometheus(tmp_path: Path) -> Iterator[Daemon]:
    with prometheus(tmp_path, "scrape_configs: []") as store:
        yield store


@pytest.mark.prometheus
@pytest.mark.parametrize("start", [plain_prometheus, victoria_metrics], ids=["prometheus", "victoriametrics"])
def test_new_series_score_0_with_a_confidence_below_1(
    tmp_path: Path, start: Callable[[Path], Iterator[Daemon]]
) -> None:
    with start(tmp_path) as store, steady(store):  # type: ignore[attr-defined]
        text = (
            f"reader: {{datasource_url: '{store.url}', queries: {{level: {{expr: level, step: 1s}}}}}}\n"
            f"writer: {{targets: [{{datasource_url: '{store.url}'}}]}}\n"
        )
        told: dict[str, dict[str, float]] = {}

        def both(name: str) -> bool:
            told[name] = values(store, name, "n")
            return told[name].keys() == {"a", "b"}

        with detector(text):
            wait_until(lambda: both("anomaly_score"), 45, "scores")  # VictoriaMetrics shows a new series after 10 s
            wait_until(lambda: both("anomaly_confidence > 0"), 45, "confidences")
            assert told["anomaly_score"] == {"a": 0, "b": 0}
            assert max(told["anomaly_confidence > 0"].values()) < 1


@pytest.mark.prometheus
@pytest.mark.timeout(120)
def test_a_store_that_goes_away_and_comes_back(tmp_path: Path) -> None:
    port = free_port()
    with prometheus(tmp_path, "scrape_configs: []", port=port) as store, steady(store):
        text = (
            f"reader: {{datasource_url: '{store.url}', queries: {{level: {{expr: level, step: 1s}}}}}}\n"
            f"writer: {{targets: [{{datasource_url: '{store.url}'}}]}}\n"
            f"settings: {{state_dir: '{tmp_path}/state'}}\n"
        )
        with detector(text) as running:
            wait_until(lambda: not running.not_ready() and values(store, "anomaly_score", "n"), 20, "scores")
            store.stop()
            wait_until(lambda: any("no connection" in one for one in running.not_ready()), 20, "the loss to be noticed")
            with prometheus(tmp_path, "scrape_configs: []", port=port) as again, steady(again):
                wait_until(lambda: not running.not_ready(), 60, "reading and writing again")
                wait_until(lambda: values(again, "anomaly_score", "n"), 20, "scores again")
