"""The detector's metrics about itself (names are a contract: rules and dashboards use them)."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager

import msgspec
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Summary
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from anomaly_detector.grouping.metrics import PastStatus, past_metrics

PREFIX = "heronwatch_detector"
STAGES = ("fetch", "decode", "score", "encode", "write")


class HardlyStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How many series of a query can hardly alarm; of some of them, which, their band and what they were seen at."""

    count: int = 0
    series: tuple[str, ...] = ()


class QueryStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What a query tells about itself; `last_success_s` is Unix time by the server's clock, 0 before the first.

    `lag_s` is how old the instant last scored is, by the server's clock; None before the first. It may be a step and
    `latency_s` old while all is well. `trouble` is why it
    does not work, "" when it does, `reason` how the last read went (`ok`, or a reason of the read failures, "" before
    the first), `failures` how many have failed since one worked. `warming` is the share of its series that warm up,
    `devices_known` whether devices can be scored (None where there are none), `past` what is done with their past.
    `hardly` are those series that can hardly alarm.
    """

    query: str
    series: int
    last_success_s: float
    state_bytes: int
    lag_s: float | None = None
    step_s: float = 0.0
    latency_s: float = 0.0
    trouble: str = ""
    reason: str = ""
    failures: int = 0
    warming: float = 0.0
    devices_known: bool | None = None
    past: PastStatus | None = None
    hardly: HardlyStatus = HardlyStatus()


class ReceiverStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What a receiver tells: samples that wait, of how many that may; `stored_s` is the newest instant it has stored.

    `trouble` is why it takes nothing, "" when it does.
    """

    receiver: str
    queued: int
    capacity: int
    stored_s: float
    trouble: str = ""


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """What the whole service tells at one moment."""

    queries: tuple[QueryStatus, ...]
    queued_samples: int
    leads: bool = True
    receivers: tuple[ReceiverStatus, ...] = ()


class Metrics:
    """Counters that the threads increase."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self.cycles = self._counter("cycles", "Cycles run: one query, one step.")
        self.cycle_seconds = Histogram(
            f"{PREFIX}_cycle_duration_seconds", "How long one cycle took, reading included.", registry=registry
        )
        self.stages = Summary(
            f"{PREFIX}_stage_duration_seconds",
            "How long fetching, decoding, scoring, encoding and writing took.",
            ("stage",),
            registry=registry,
        )
        for stage in STAGES:
            self.stages.labels(stage)
        self._count_reading()
        self._count_writing()
        self._count_marks()

    def _count_reading(self) -> None:
        self.missed = self._counter(
            "missed_instants",
            "Instants without written scores: judged too late for any receiver, or given up as too long ago.",
            "query",
            "reason",
        )
        self.read_failures = self._counter("read_failures", "Cycles without a usable answer.", "query", "reason")
        self.unusable = self._counter("unusable_samples", "Input samples that are NaN or infinite.", "query")

    def _count_writing(self) -> None:
        self.written = self._counter("samples_written", "Samples that a receiver stored.")
        self.rejected = self._counter("samples_rejected", "Samples given up, by reason.", "reason")
        self.write_failures = self._counter("write_failures", "Writes to be tried again, by reason.", "reason")
        self.snapshots = self._counter("snapshots", "Snapshots, by what was done and how it went.", "action", "outcome")

    def _count_marks(self) -> None:
        self.marks_failures = self._counter(
            "marks_failures", "Readings of incidents, maintenance or silences that failed.", "source", "reason"
        )
        self.marks = Gauge(
            f"{PREFIX}_marks",
            "Pauses that the marks of a server mean, past ones included.",
            ("server",),
            registry=self._registry,
        )

    def _counter(self, name: str, words: str, *labels: str) -> Counter:
        return Counter(f"{PREFIX}_{name}", words, labels, registry=self._registry)

    def timed(self, stage: str, /) -> AbstractContextManager[object]:
        """Measure one of STAGES: `with metrics.timed("fetch"): ...`."""
        return self.stages.labels(stage).time()


class StatusCollector(Collector):
    """Exposes what is true now: a query that is gone leaves nothing behind."""

    def __init__(self, status: Callable[[], Status]) -> None:
        self._status = status

    def describe(self) -> Iterable[Metric]:
        """Return nothing: asking for the status at registration would be too early."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield the gauges of this moment."""
        status = self._status()
        yield from _of_queries(status.queries)
        yield from past_metrics(one.past for one in status.queries if one.past is not None)
        queued = GaugeMetricFamily(f"{PREFIX}_queue_samples", "Samples waiting to be written.")
        queued.add_metric((), status.queued_samples)
        yield queued
        leads = GaugeMetricFamily(f"{PREFIX}_leads", "Whether scores are written; 0 for a stand-by.")
        leads.add_metric((), status.leads)
        yield leads


def _of_queries(queries: Sequence[QueryStatus]) -> Iterator[Metric]:
    """Yield the gauges with the label `query`; one has a value only for queries that know it."""
    yield _gauge("series", "Series that a query knows.", {one.query: one.series for one in queries})
    words = "Instant last scored, by the server's clock."
    newest = {one.query: one.last_success_s for one in queries if one.last_success_s}
    yield _gauge("last_success_timestamp_seconds", words, newest)
    yield _gauge("state_bytes", "Size of what a query has learnt.", {one.query: one.state_bytes for one in queries})
    words = "Age of the instant last scored, by the server's clock."
    yield _gauge("lag_seconds", words, {one.query: one.lag_s for one in queries if one.lag_s is not None})
    words = "How old that instant may be while all is well: a step and latency_offset."
    yield _gauge("lag_usual_seconds", words, {one.query: one.step_s + one.latency_s for one in queries})
    words = "Whether the newest reading of a query worked: 0 from one that failed until one that works."
    yield _gauge("query_works", words, {one.query: not one.failures for one in queries if one.reason})


def _gauge(name: str, words: str, values: Mapping[str, float]) -> Metric:
    """Return a gauge of this moment, by query."""
    out = GaugeMetricFamily(f"{PREFIX}_{name}", words, labels=("query",))
    for query, value in values.items():
        out.add_metric((query,), value)
    return out
