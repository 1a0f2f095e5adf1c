"""One query of the detector between fakes: a runner, what it reads, where its batches go, time moved by hand."""

import threading
from collections import Counter

import numpy as np
from prometheus_client import CollectorRegistry

from anomaly_detector.circumstances import ALONE, Circumstances
from anomaly_detector.cycle import QueryRunner
from anomaly_detector.metrics import Metrics
from anomaly_detector.plan import QueryPlan
from anomaly_detector.sink.wire import Batch
from tests.fakes.clock import FakeClock
from tests.fakes.detector_plans import plan
from tests.fakes.prom_api import FakePromApi

NOW_S = 1_763_700_005.0
STEP_S = 60.0
RANDOM = np.random.default_rng(4)
SMALL = "{m: {class: seasonal_robust, fit_window: 2d, warmup: 1d}}"


class Box:
    """An outbox that keeps what it is given."""

    def __init__(self, *, wants_pages: bool = False) -> None:
        self.wants_pages = wants_pages
        self.batches: list[Batch] = []

    def offer(self, batch: Batch) -> None:
        self.batches.append(batch)

    def times(self) -> list[float]:
        return [batch.time_ms / 1000 for batch in self.batches]


class Query:
    """A runner, its fakes, and time moved by hand."""

    def __init__(
        self,
        api: FakePromApi,
        *,
        the_plan: QueryPlan | None = None,
        wants_pages: bool = False,
        given: Circumstances = ALONE,
    ) -> None:
        self.api, self.box, self.clock = api, Box(wants_pages=wants_pages), FakeClock()
        self.registry = CollectorRegistry()
        self.stop = threading.Event()
        self.room = 1000
        self.runner = QueryRunner(
            the_plan or plan("expr: up, step: 60s", models=SMALL),
            api=api,  # type: ignore[arg-type]  # the fake offers what a runner uses
            outbox=self.box,
            metrics=Metrics(self.registry),
            clock=self.clock,
            reads=threading.Semaphore(2),
            room=lambda _alias: self.room,
            given=given,
        )

    def cycle(self, *, after_s: float = 0.0) -> float:
        self.api.now_s += after_s
        self.clock.advance(after_s)
        return self.runner.attempt(self.stop)

    def end(self) -> None:
        self.stop.set()
        self.runner.run(self.stop)

    def failures(self) -> Counter[str]:
        samples = [sample for metric in self.registry.collect() for sample in metric.samples]
        failed = [one for one in samples if one.name == "heronwatch_detector_read_failures_total"]
        return Counter({one.labels["reason"]: int(one.value) for one in failed})


def noise(_time_s: float) -> float:
    return float(RANDOM.normal(100, 2))


def confidence(query: Query) -> float:
    state = query.runner.state
    assert state is not None
    (row,) = [row for row, labels in enumerate(state.table.labels) if labels == (("n", "b"),)]
    return float(state.lanes[0].state["seen_s"][row]) / 86_400
