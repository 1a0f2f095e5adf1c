"""A minute of the detector with a real store: fetch, decode, score, encode, write; each stage by the clock.

The parts are those that serve: PromApi reads, QueryState and its default model judge, Outputs and the template encode,
a Session posts. The store and we share the machine, so fetch and write hold its work as well as ours. `churned` is the
encoding of a minute in which ten series went and ten came. `resident` is what the whole process has grown by.
"""

import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from statistics import median

import numpy as np

from anomaly_detector.config import Config, Target
from anomaly_detector.instant import judge
from anomaly_detector.plan import QueryPlan, plans
from anomaly_detector.query_state import QueryState
from anomaly_detector.session import Session
from anomaly_detector.sink.outputs import Outputs
from anomaly_detector.sink.remote_write import HEADERS
from anomaly_detector.sink.series import Identity
from anomaly_detector.sink.wire import Batch, Template, encode_labels, encode_series
from anomaly_detector.source.prom_api import PromApi
from benchmarks.detector_labels import STEP_S, labels
from heronwatch.config import loads
from heronwatch.values import HttpUrl
from tests.fakes.daemons import Daemon, prometheus, victoria_metrics

STORES = {
    "prometheus": lambda folder: prometheus(folder, "scrape_configs: []"),
    "victoriametrics": victoria_metrics,
}
CHURN = 10  # series
STAGES = ("fetch", "decode", "score", "encode", "write")
COMPUTED = ("decode", "score", "encode")  # what is ours alone
SENT_AT_ONCE = 5000  # as `writer.max_samples_per_send`
LATE_S = 1800.0  # the first minute is this old: Prometheus takes new series up to an hour back
SMALL_ANSWER = 1 << 20


class Stopwatch:
    """Seconds of each stage by the wall clock, and those of CPU of this process over all of them."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(STAGES, 0.0)
        self.cpu_s = 0.0

    def __call__(self, stage: str, /) -> AbstractContextManager[object]:
        """Measure a stage."""
        return self._running(stage)

    @contextmanager
    def _running(self, stage: str) -> Iterator[None]:
        began, cpu = time.perf_counter(), time.process_time()
        yield
        self.seconds[stage] += time.perf_counter() - began
        self.cpu_s += time.process_time() - cpu


def measure(series: int, rounds: int, *, store: str) -> dict[str, float]:
    """Return the median seconds of each stage, `whole`, and `cpu`, of a minute with so many series.

    `first` is the minute that meets every series anew, `churned` see above, `resident` bytes of memory a series.
    """
    with tempfile.TemporaryDirectory() as folder, STORES[store](Path(folder)) as daemon:
        minutes = Minutes(daemon, series)
        before = resident_bytes()
        first = minutes.pass_by(0)["whole"]
        taken = [minutes.pass_by(number) for number in range(1, rounds + 1)]
        resident = (resident_bytes() - before) / series
        churned = minutes.churned()
    medians = {name: median(one[name] for one in taken) for name in taken[0]}
    return medians | {"first": first, "churned": churned, "resident": resident}


def resident_bytes() -> int:
    """Return what this process holds in memory (Linux)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


class Minutes:
    """A query over `series` interfaces that a Prometheus holds, and us beside it."""

    def __init__(self, daemon: Daemon, series: int) -> None:
        self._plan, self._flush = plan_for(daemon.url), "victoria" in daemon.name
        self._state = QueryState(self._plan, last_s=0.0)
        self._outputs = Outputs(Identity("traffic", "default"), ("anomaly_score",))
        self._session = Session(Target(datasource_url=HttpUrl.parse(daemon.url)))
        self._input = Template([_input_series(number) for number in range(series)])
        self._first_s = (time.time() - LATE_S) // STEP_S * STEP_S
        self._random = np.random.default_rng(1)

    def pass_by(self, number: int) -> dict[str, float]:
        """Let devices write a minute's samples, then do what the detector does about them."""
        time_s, count = self._first_s + number * STEP_S, len(self._input)
        values = self._random.normal(1e6, 3e4, count)
        self._write(self._input.render(np.arange(count), values, round(time_s * 1000)))
        watch = Stopwatch()
        api = PromApi(self._plan.reader, timed=watch)
        matrix = api.query_range(self._plan.query.expr, np.array([time_s]), step_s=STEP_S, max_series=count)
        api.close()
        assert len(matrix.keys) == count
        with watch("decode"):
            rows = self._state.rows(matrix, max_series=count)
        with watch("score"):
            (judged,) = judge(self._state, self._plan, rows, matrix.values[0], time_s)
        with watch("encode"):
            self._outputs.follow(self._state.table.labels, self._state.table.version)
            bodies = [part.compressed() for part in self._outputs.batch(judged).parts(SENT_AT_ONCE)]
        with watch("write"):
            self._post(bodies)
        return {**watch.seconds, "whole": sum(watch.seconds.values()), "cpu": watch.cpu_s}

    def churned(self) -> float:
        """Return the seconds of encoding a minute in which some series went and others came."""
        table = self._state.table
        table.forget(np.arange(len(table)) < CHURN)
        rows = np.concatenate([table.extend([(("new", str(number)),)]) for number in range(CHURN)])
        (judged,) = judge(self._state, self._plan, rows, np.ones(CHURN), self._state.last_s + STEP_S)
        began = time.perf_counter()
        self._outputs.follow(table.labels, table.version)
        self._outputs.batch(judged)
        return time.perf_counter() - began

    def _write(self, batch: Batch) -> None:
        self._post([part.compressed() for part in batch.parts(SENT_AT_ONCE)])
        if self._flush:  # VictoriaMetrics shows what it took only after a while
            self._session.get("/internal/force_flush", max_bytes=SMALL_ANSWER)

    def _post(self, bodies: list[bytes]) -> None:
        for body in bodies:
            answer = self._session.post("/api/v1/write", body, headers=HEADERS, max_bytes=SMALL_ANSWER)
            if answer.status != 204:
                raise RuntimeError(f"not written: {answer.body[:200]!r}")


def plan_for(url: str) -> QueryPlan:
    """Return one query over everything, warm at once: the live state, scores alone."""
    text = (
        f"reader: {{datasource_url: '{url}', queries: {{traffic: {{expr: traffic, step: 60s}}}}}}\n"
        "models: {default: {class: bank, warmup: 1s}}\n"
    )
    (plan,) = plans(loads(text, Config, env={}).value)
    return plan


def _input_series(number: int) -> bytes:
    return encode_series(encode_labels((("__name__", "traffic"), *labels(number).items())))
