"""Reload: what is untouched keeps running, what fits keeps what it learnt, what is gone ends."""

import threading
from collections.abc import Iterator

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from anomaly_detector.metrics import Metrics, StatusCollector
from anomaly_detector.query_state import QueryState
from anomaly_detector.service import Detector
from anomaly_detector.sink.wire import Template, encode_labels, encode_series
from heronwatch.clock import SystemClock
from tests.fakes.canned_http import Canned, canned_http
from tests.fakes.daemons import wait_until
from tests.fakes.detector_plans import NOWHERE, config

NOW_MS = 1_763_700_000_000


def text(a: str = "expr: up", b: str = "expr: up", *, writer: str = "{}", settings: str = "{}") -> str:
    queries = ", ".join(f"{alias}: {{{inside}}}" for alias, inside in (("a", a), ("b", b)) if inside)
    return f"reader: {{datasource_url: '{NOWHERE}', queries: {{{queries}}}}}\nwriter: {writer}\nsettings: {settings}\n"


@pytest.fixture
def detector() -> Iterator[Detector]:
    running = Detector(config(text()), clock=SystemClock(), metrics=Metrics(CollectorRegistry()))
    running.start()
    yield running
    running.stop()


def test_an_untouched_query_keeps_running(detector: Detector) -> None:
    before = dict(detector._runners)
    detector.reload(config(text(b="expr: up, step: 30s")))
    assert detector._runners["a"] is before["a"]
    assert detector._runners["b"] is not before["b"]
    assert detector._running["a"].thread.is_alive()


def test_a_query_whose_state_still_fits_keeps_it(detector: Detector) -> None:
    learnt = QueryState(detector._runners["a"].plan, last_s=0.0)
    detector._runners["a"].state = learnt
    detector.reload(config(text(a="expr: up, page: true")))
    assert detector._runners["a"].state is learnt
    detector.reload(config(text(a="expr: down")))
    assert detector._runners["a"].state is None


def test_a_query_that_is_gone_ends_and_leaves_no_metric(detector: Detector) -> None:
    running = detector._running["b"]
    detector.reload(config(text(b="")))
    assert not running.thread.is_alive()
    assert [one.query for one in detector.status().queries] == ["a"]


def test_queries_outlive_a_change_of_receivers(detector: Detector) -> None:
    before = detector._runners["a"]
    assert detector.wants_pages
    template = Template([encode_series(encode_labels({"n": "1"}.items()))])
    with canned_http(Canned(status=204, date="Fri, 21 Nov 2025 10:00:00 GMT")) as server:
        detector.reload(config(text(writer=f"{{targets: [{{datasource_url: '{server.url}'}}]}}")))
        assert detector._runners["a"] is before
        assert not detector.wants_pages
        detector.offer(template.render(np.array([0]), np.zeros(1), NOW_MS))
        wait_until(lambda: any(asked.method == "POST" for asked in server.asked), what="the batch")


def test_batches_are_cut_to_size() -> None:
    with canned_http(Canned(status=204, date="Fri, 21 Nov 2025 10:00:00 GMT")) as server:
        writer = f"{{max_samples_per_send: 4, targets: [{{datasource_url: '{server.url}'}}]}}"
        running = Detector(config(text(writer=writer)), clock=SystemClock(), metrics=Metrics(CollectorRegistry()))
        template = Template([encode_series(encode_labels({"n": str(number)}.items())) for number in range(10)])
        running.offer(template.render(np.arange(10), np.zeros(10), NOW_MS))
        assert running.status().queued_samples == 10
        running.start()
        wait_until(lambda: sum(asked.method == "POST" for asked in server.asked) == 3, what="three requests")
        running.stop()


def test_series_of_all_queries_share_one_budget(detector: Detector) -> None:
    for alias, count in (("a", 30), ("b", 50)):
        state = QueryState(detector._runners[alias].plan, last_s=0.0)
        for number in range(count):
            state.table.add((("n", str(number)),))
        detector._runners[alias].state = state
    detector.reload(config(text(settings="{max_series: 100}")))
    assert (detector._room("a"), detector._room("b")) == (50, 70)


def test_gauges_show_what_runs_now(detector: Detector) -> None:
    registry = CollectorRegistry()
    registry.register(StatusCollector(detector.status))
    assert registry.get_sample_value("heronwatch_detector_series", {"query": "b"}) == 0
    detector.reload(config(text(b="")))
    assert registry.get_sample_value("heronwatch_detector_series", {"query": "b"}) is None
    assert registry.get_sample_value("heronwatch_detector_queue_samples") == 0


def test_no_thread_is_left_behind() -> None:
    before = set(threading.enumerate())
    running = Detector(config(text()), clock=SystemClock(), metrics=Metrics(CollectorRegistry()))
    running.start()
    running.stop()
    # a cancelled timer's thread ends a moment after its cancellation
    wait_until(lambda: set(threading.enumerate()) <= before, 10, "every thread to end")
