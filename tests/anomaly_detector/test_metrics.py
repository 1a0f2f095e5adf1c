"""What the detector tells of its queries: rules and dashboards use it."""

import pytest
from prometheus_client import CollectorRegistry

from anomaly_detector.metrics import QueryStatus, Status, StatusCollector
from tests.fakes.detector_query import Query
from tests.fakes.prom_api import FakePromApi

NEW = QueryStatus(query="new", series=0, last_success_s=0.0, state_bytes=0, step_s=3600.0, latency_s=30.0)
GOOD = QueryStatus(query="good", series=7, last_success_s=5e8, state_bytes=9, lag_s=4.0, reason="ok")
AWAY = QueryStatus(query="away", series=7, last_success_s=5e8, state_bytes=9, lag_s=90.0, reason="rejected", failures=2)


@pytest.mark.parametrize(
    ("name", "of_queries"),
    [
        ("series", {"new": 0, "good": 7, "away": 7}),
        ("last_success_timestamp_seconds", {"good": 5e8, "away": 5e8}),
        ("lag_seconds", {"good": 4, "away": 90}),
        ("lag_usual_seconds", {"new": 3630, "good": 0, "away": 0}),
        ("query_works", {"good": 1, "away": 0}),
    ],
)
def test_of_each_query_what_it_knows(name: str, of_queries: dict[str, float]) -> None:
    registry = CollectorRegistry()
    registry.register(StatusCollector(lambda: Status(queries=(NEW, GOOD, AWAY), queued_samples=3)))
    samples = [one for metric in registry.collect() for one in metric.samples]
    assert {
        one.labels["query"]: one.value for one in samples if one.name == f"heronwatch_detector_{name}"
    } == of_queries


def test_a_query_tells_its_step_and_its_latency() -> None:
    status = Query(FakePromApi(0.0)).runner.status()
    assert (status.step_s, status.latency_s) == (60.0, 2.0)
