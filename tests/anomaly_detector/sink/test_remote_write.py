"""One receiver: its queue, its clock, and what happens when it refuses."""

import threading
from collections.abc import Iterator
from email.utils import formatdate

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from anomaly_detector.config import Target
from anomaly_detector.metrics import Metrics
from anomaly_detector.sink.remote_write import Receiver, ReceiverClock
from anomaly_detector.sink.wire import Batch, Template, encode_labels, encode_series
from heronwatch.clock import SystemClock
from heronwatch.values import HttpUrl
from tests.fakes.canned_http import Canned, CannedServer, canned_http
from tests.fakes.daemons import wait_until

NOW_S = 1_763_700_000


def batch_of(count: int = 3, *, time_s: float = NOW_S, name: str = "n") -> Batch:
    series = [encode_series(encode_labels({name: str(number)}.items())) for number in range(count)]
    return Template(series).render(np.arange(count), np.zeros(count), round(time_s * 1000))


def at(time_s: float) -> str:
    return formatdate(time_s, usegmt=True)


class Sending:
    """A receiver in a thread of its own, and what it counted."""

    def __init__(self, server: CannedServer, *, capacity: int = 1000) -> None:
        self.registry = CollectorRegistry()
        self.receiver = Receiver(
            Target(datasource_url=HttpUrl.parse(server.url)),
            capacity=capacity,
            clock=SystemClock(),
            metrics=Metrics(self.registry),
        )
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self.receiver.run, args=(self._stop,))

    def start(self) -> "Sending":
        self._thread.start()
        return self

    def stop(self) -> None:
        self._stop.set()
        self.receiver.wake()
        self._thread.join(10)
        assert not self._thread.is_alive()

    def count(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(f"heronwatch_detector_{name}_total", labels) or 0.0


@pytest.fixture
def sending() -> Iterator[list[Sending]]:
    started: list[Sending] = []
    yield started
    for one in started:
        one.stop()


def test_batches_arrive_in_order_as_remote_write(sending: list[Sending]) -> None:
    with canned_http(Canned(status=204, date=at(NOW_S + 5))) as server:
        sending.append(Sending(server).start())
        for step in range(3):
            sending[0].receiver.offer(batch_of(time_s=NOW_S + step))
        wait_until(lambda: sending[0].count("samples_written") == 9, what="nine samples")
        probe, *posts = server.asked
    assert (probe.method, probe.path) == ("GET", "/api/v1/write")  # asks for the Date header before the first sample
    assert [post.method for post in posts] == ["POST"] * 3
    assert posts[0].headers["Content-Encoding"] == "snappy"
    assert posts[0].headers["Content-Type"] == "application/x-protobuf"
    assert posts[0].headers["X-Prometheus-Remote-Write-Version"] == "0.1.0"
    assert posts[0].body == batch_of().compressed()


def test_a_sample_from_the_receiver_s_future_is_never_sent(sending: list[Sending]) -> None:
    with canned_http(Canned(status=204, date=at(NOW_S - 3600))) as server:
        sending.append(Sending(server).start())
        sending[0].receiver.offer(batch_of())
        wait_until(lambda: sending[0].count("samples_rejected", reason="future") == 3, what="three samples given up")
        assert {asked.method for asked in server.asked} == {"GET"}
        assert "behind that of the server that is read: nothing is written" in sending[0].receiver.trouble


def test_a_receiver_whose_clock_was_wrong_once_is_asked_again(sending: list[Sending]) -> None:
    """One node behind a balancer, a machine before its first NTP answer, this machine after it was suspended."""
    with canned_http(Canned(date=at(NOW_S - 3600)), Canned(status=204, date=at(NOW_S + 5))) as server:
        sending.append(Sending(server).start())
        sending[0].receiver.offer(batch_of())
        wait_until(lambda: sending[0].count("samples_written") == 3, what="three samples")
        assert [asked.method for asked in server.asked] == ["GET", "GET", "POST"]
        assert sending[0].count("samples_rejected", reason="future") == 0


def test_a_sample_a_little_ahead_waits_until_the_receiver_is_there(sending: list[Sending]) -> None:
    with canned_http(Canned(status=204, date=at(NOW_S))) as server:
        sending.append(Sending(server).start())
        sending[0].receiver.offer(batch_of(time_s=NOW_S + 1.4))
        wait_until(lambda: sending[0].count("samples_written") == 3, what="three samples")
        assert sending[0].count("samples_rejected", reason="future") == 0


def test_without_a_date_header_nothing_is_held_back(sending: list[Sending]) -> None:
    with canned_http(Canned(status=204, date=None)) as server:
        sending.append(Sending(server).start())
        sending[0].receiver.offer(batch_of())
        wait_until(lambda: sending[0].count("samples_written") == 3, what="three samples")


@pytest.mark.parametrize(
    ("status", "reason"), [(503, "unavailable"), (429, "throttled"), (401, "denied"), (500, "unavailable")]
)
def test_what_fails_for_now_is_sent_again(sending: list[Sending], status: int, reason: str) -> None:
    date = at(NOW_S + 5)
    with canned_http(Canned(date=date), Canned(status=status, date=date), Canned(status=204, date=date)) as server:
        sending.append(Sending(server).start())
        sending[0].receiver.offer(batch_of())
        wait_until(lambda: sending[0].count("samples_written") == 3, what="three samples")
        wait_until(lambda: sending[0].receiver.trouble == "", what="no trouble any more")
        assert sending[0].count("write_failures", reason=reason) == 1
        assert server.asked[1].body == server.asked[2].body


def test_trouble_says_why(sending: list[Sending]) -> None:
    with canned_http(Canned(status=503, body=b"maintenance", date=at(NOW_S + 5))) as server:
        sending.append(Sending(server).start())
        sending[0].receiver.offer(batch_of())
        wait_until(lambda: sending[0].receiver.trouble, what="trouble")
        assert sending[0].receiver.trouble == "HTTP 503: maintenance"
        wait_until(lambda: len(sending[0].receiver) == 3, what="the samples back in the queue")


def test_rejected_samples_are_given_up_and_counted(sending: list[Sending]) -> None:
    with canned_http(Canned(status=400, body=b"out of order sample", date=at(NOW_S + 5))) as server:
        sending.append(Sending(server).start())
        sending[0].receiver.offer(batch_of())
        wait_until(
            lambda: sending[0].count("samples_rejected", reason="out_of_order") == 3, what="three samples given up"
        )
        assert len(server.asked) == 1 + 5  # the clock; then 3, 1, 2, 1, 1


def test_a_fault_of_ours_costs_one_batch_only(sending: list[Sending]) -> None:
    broken = Batch(body=None, bounds=np.arange(3), time_ms=NOW_S * 1000)  # type: ignore[arg-type]  # on purpose
    with canned_http(Canned(status=204, date=at(NOW_S + 5))) as server:
        sending.append(Sending(server).start())
        sending[0].receiver.offer(broken)
        sending[0].receiver.offer(batch_of())
        wait_until(lambda: sending[0].count("samples_written") == 3, what="three samples")
        assert sending[0].count("samples_rejected", reason="internal") == 2


def test_who_was_refused_travels_apart_from_then_on(sending: list[Sending]) -> None:
    date = at(NOW_S + 5)
    refusal = Canned(status=400, body=b"out of order sample", date=date)
    taken = Canned(status=204, date=date)
    # the clock; of four series the second half, and in it the last one, is refused; then all are taken
    answers = [taken, refusal, taken, refusal, taken, refusal, taken]
    with canned_http(*answers) as server:
        sending.append(Sending(server).start())
        sending[0].receiver.offer(batch_of(4))
        wait_until(lambda: sending[0].count("samples_rejected", reason="out_of_order") == 1, what="one given up")
        sending[0].receiver.offer(batch_of(4, time_s=NOW_S + 1))
        wait_until(lambda: sending[0].count("samples_written") == 3 + 4, what="seven samples")
        again = [len(asked.body) for asked in server.asked[6:]]
    assert len(again) == 2
    assert again[0] > again[1]


def test_over_capacity_the_oldest_go() -> None:
    with canned_http(Canned(status=503)) as server:
        idle = Sending(server, capacity=7)
        for step in range(4):
            idle.receiver.offer(batch_of(time_s=NOW_S + step))
    assert len(idle.receiver) == 6
    assert idle.count("samples_rejected", reason="queue_full") == 6


def test_what_is_queued_at_the_end_gets_one_try() -> None:
    with canned_http(Canned(status=204, date=at(NOW_S + 5))) as server:
        idle = Sending(server)
        idle.receiver.offer(batch_of())
        idle.start().stop()
    assert idle.count("samples_written") == 3


def test_receiver_clock_goes_on_between_answers() -> None:
    clock = ReceiverClock()
    assert clock.ahead_s(NOW_S * 1000, monotonic=50.0) == 0
    clock.heard("not a date", 50.0)
    assert clock.offset_s is None
    clock.heard(at(NOW_S), 50.0)
    assert clock.ahead_s((NOW_S + 10) * 1000, monotonic=50.0) == pytest.approx(10.0)
    assert clock.ahead_s((NOW_S + 10) * 1000, monotonic=60.0) == pytest.approx(0.0)
