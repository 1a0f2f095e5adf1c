"""Reload: what is untouched keeps running, what fits keeps what it learnt, what is gone ends."""

import socket
import threading
import time
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path

import cramjam
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


def test_what_waits_outlives_a_new_credential(detector: Detector) -> None:
    template = Template([encode_series(encode_labels({"n": "1"}.items()))])
    now_ms = round(time.time() * 1000) - 60_000

    def writer(token: str, url: str) -> str:
        return f"{{targets: [{{datasource_url: '{url}', bearer_token: {token}}}]}}"

    with canned_http(Canned(status=401, date=formatdate(usegmt=True))) as server:
        detector.reload(config(text(writer=writer("old-token-of-ours", server.url))))
        for step in range(3):
            detector.offer(template.render(np.array([0]), np.zeros(1), now_ms + step))
        wait_until(lambda: any(asked.method == "POST" for asked in server.asked), what="a refusal")
        server.answers[:] = [Canned(status=204, date=formatdate(usegmt=True))]
        refused = len(server.asked)
        detector.reload(config(text(writer=writer("new-token-of-ours", server.url))))
        wait_until(lambda: detector.status().queued_samples == 0 and server.asked[-1].method == "POST", what="the rest")
        wait_until(lambda: sum(one.method == "POST" for one in server.asked[refused:]) == 3, what="three batches")
        sent = [one for one in server.asked[refused:] if one.method == "POST"]
    assert {one.headers["Authorization"] for one in sent} == {"Bearer new-token-of-ours"}
    assert [one.body for one in sent] == [
        template.render(np.array([0]), np.zeros(1), now_ms + step).compressed() for step in range(3)
    ]


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


def test_a_server_that_hangs_holds_up_neither_a_reload_nor_the_end() -> None:
    queries = ", ".join(f"q{number}: {{expr: up}}" for number in range(6))
    with socket.create_server(("127.0.0.1", 0)) as deaf:  # connects, and never answers
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        reader = f"reader: {{datasource_url: '{url}', timeout: 50s, queries: {{{queries}}}}}\n"
        detector = Detector(config(reader), clock=SystemClock(), metrics=Metrics(CollectorRegistry()))
        began = time.monotonic()
        detector.start()
        detector.reload(config(reader + "settings: {timezone: Europe/Berlin}\n"))
        detector.stop()
        assert time.monotonic() - began < 20


def test_the_memory_budget_is_shared_as_well(detector: Detector) -> None:
    per_series = detector._runners["a"].plan.bytes_per_series
    state = QueryState(detector._runners["b"].plan, last_s=0.0)
    state.table.extend([(("n", str(number)),) for number in range(30)])
    state.make_room()
    detector._runners["b"].state = state
    detector.reload(config(text(settings=f"{{max_state_bytes: {100 * per_series}B}}")))
    assert (detector._room("a"), detector._room("b")) == (70, 100)


def test_a_query_that_is_gone_ends_its_series_and_one_that_goes_on_does_not() -> None:
    with canned_http(Canned(status=204, date="Fri, 21 Nov 2036 10:00:00 GMT")) as server:
        writer = f"{{targets: [{{datasource_url: '{server.url}'}}]}}"
        running = Detector(config(text(writer=writer)), clock=SystemClock(), metrics=Metrics(CollectorRegistry()))
        running.start()
        for alias in "ab":
            state = QueryState(running._runners[alias].plan, last_s=NOW_MS / 1000)
            state.table.add((("n", alias),))
            state.make_room()
            state.live[0] = True
            running._runners[alias].state = state
            running._runners[alias]._outgoing.follow(state.table)
        running.reload(config(text(a="expr: up, max_series: 9", b="", writer=writer)))
        wait_until(lambda: any(asked.method == "POST" for asked in server.asked), 10, "the stale marker")
        posts = [bytes(cramjam.snappy.decompress_raw(a.body)) for a in server.asked if a.method == "POST"]
        running.stop()
    assert len(posts) == 1
    assert posts[0].count(bytes.fromhex("020000000000f07f")) == 1
    assert b"\x0a\x01n\x12\x01b" in posts[0]


def test_a_receiver_that_is_away_keeps_nothing_from_the_others() -> None:
    date = "Fri, 21 Nov 2036 10:00:00 GMT"
    with canned_http(Canned(status=503, date=date)) as away, canned_http(Canned(status=204, date=date)) as there:
        targets = ", ".join(f"{{datasource_url: '{one.url}'}}" for one in (away, there))
        writer = f"{{queue_capacity: 4, targets: [{targets}]}}"
        registry = CollectorRegistry()
        running = Detector(config(text(writer=writer)), clock=SystemClock(), metrics=Metrics(registry))
        running.start()
        template = Template([encode_series(encode_labels({"n": str(number)}.items())) for number in range(2)])
        for step in range(6):
            running.offer(template.render(np.arange(2), np.zeros(2), NOW_MS + 1000 * step))
            wait_until(lambda: len(running._receivers.all[1]) == 0, 10, "the second to be written to")
        wait_until(lambda: sum(asked.method == "POST" for asked in there.asked) == 6, 10, "six batches")
        assert 0 < len(running._receivers.all[0]) <= 4
        assert (
            registry.get_sample_value("heronwatch_detector_samples_rejected_total", {"reason": "queue_full"}) or 0
        ) >= 6
        running.stop()


def test_of_two_with_one_lease_one_leads_and_the_other_follows(tmp_path: Path) -> None:
    def make() -> Detector:
        the = config(text(settings=f"{{lease_file: {tmp_path}/lease}}"))
        return Detector(the, clock=SystemClock(), metrics=Metrics(CollectorRegistry()))

    first, second = make(), make()
    first.start()
    second.start()
    assert (first.status().leads, second.status().leads) == (True, False)
    runner = second._runners["a"]
    first.stop()
    wait_until(lambda: second.status().leads, 10, "the second to lead")
    second.reload(config(text(settings="{standby: true}")))
    assert not second.status().leads
    second.reload(config(text()))
    assert second.status().leads
    assert second._runners["a"] is runner  # who writes is no matter of a query
    second.stop()


def test_a_lease_that_cannot_be_had_is_not_ready(tmp_path: Path) -> None:
    the = config(text(settings=f"{{lease_file: {tmp_path}/none/lease}}"))
    running = Detector(the, clock=SystemClock(), metrics=Metrics(CollectorRegistry()))
    running.start()
    assert any("lease" in reason for reason in running.not_ready())
    running.stop()


def test_marks_are_read_and_change_on_reload() -> None:
    silences = (
        b'[{"id":"1","matchers":[{"name":"instance","value":"sw1","isRegex":false,"isEqual":true}],'
        b'"startsAt":"2025-11-21T09:00:00Z","endsAt":"2025-11-21T11:00:00Z"}]'
    )
    with canned_http(Canned(body=silences, date="Fri, 21 Nov 2025 10:00:00 GMT")) as server:
        marks = f"marks: {{alertmanagers: [{{url: '{server.url}'}}]}}\n"
        running = Detector(config(text() + marks), clock=SystemClock(), metrics=Metrics(CollectorRegistry()))
        running.start()
        before = dict(running._runners)
        assert [pause.match["instance"].match("sw1") is not None for pause in running._beside.pauses()] == [True]
        running.reload(config(text()))
        assert running._beside.pauses() == ()
        running.reload(config(text() + marks))
        assert len(running._beside.pauses()) == 1
        assert running._runners == before
        running.stop()
        assert {asked.path for asked in server.asked} == {"/api/v2/silences"}
