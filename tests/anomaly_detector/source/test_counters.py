"""Counters that only the server's metadata knows: refused where they are read, with the rate to use."""

from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import pytest

from anomaly_detector.errors import RawCounterError
from anomaly_detector.online import answered
from anomaly_detector.source.counters import AGAIN_S, CounterWary, is_counter
from anomaly_detector.source.matrix import Matrix
from tests.fakes.canned_http import Canned, canned_http
from tests.fakes.daemons import Daemon, prometheus, wait_until
from tests.fakes.detector_plans import config, plan

EMPTY = b'{"status":"success","data":{"resultType":"matrix","result":[]}}'
NO_METADATA = b'{"status":"success","data":{}}'  # VictoriaMetrics 1.79, and Prometheus before its first scrape
COUNTER = b'{"status":"success","data":{"octets":[{"type":"counter","help":"","unit":""}]}}'
EXPOSITION = """# TYPE octets counter
octets 1e6
# TYPE fan_count gauge
fan_count 3
# TYPE temperature gauge
temperature 21
"""


def body_of(url: str) -> bytes:
    with urlopen(url, timeout=20) as answer:
        return bytes(answer.read())


def read(api: CounterWary, expr: str) -> Matrix:
    return api.query_range(expr, np.array([60.0]), step_s=60, max_series=5)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Daemon]:
    """A Prometheus that scrapes a counter whose name does not tell, and gauges."""
    with canned_http(Canned(body=EXPOSITION.encode(), headers={"Content-Type": "text/plain; version=0.0.4"})) as target:
        place = target.url.removeprefix("http://")
        scrape = (
            "global: {scrape_interval: 1s}\n"
            f"scrape_configs: [{{job_name: box, static_configs: [{{targets: ['{place}']}}]}}]\n"
        )
        with prometheus(tmp_path, scrape) as daemon:
            wait_until(lambda: b"octets" in body_of(f"{daemon.url}/api/v1/metadata"), 20, "a scrape")
            yield daemon


def test_a_real_server_tells_counters_from_the_rest(store: Daemon) -> None:
    queries = {
        "raw": "expr: octets",
        "sum": """expr: "sum by (instance) ({__name__='octets'})" """,
        "allowed": "expr: octets, allow_counter: true",
        "rate": "expr: 'rate(octets[1m])'",
        "gauge": "expr: temperature",
        "fans": "expr: fan_count, allow_counter: true",
    }
    told = ", ".join(f"{name}: {{{query}}}" for name, query in queries.items())
    text = f"reader: {{datasource_url: '{store.url}', latency_offset: 0, sampling_period: 1s, queries: {{{told}}}}}"
    faults = {one.query: str(one) for one in answered(config(text)) if one.fault}
    says = "'octets' is a counter by the server's metadata, so it only ever rises: use rate"
    otherwise = "(or allow_counter: true if it is none)"
    assert faults == {
        "raw": f"reader.queries.raw: {says}(octets[5m]) {otherwise}",
        "sum": f"reader.queries.sum: {says}({{__name__='octets'}}[5m]) {otherwise}",
    }


def test_a_server_that_learns_of_a_counter_later_is_asked_again() -> None:
    now = [0.0]
    answers = [Canned(body=NO_METADATA), Canned(body=EMPTY), Canned(body=EMPTY), Canned(body=COUNTER)]
    with canned_http(*answers) as server:
        api = CounterWary(plan(url=server.url).reader, "octets", monotonic=lambda: now[0])
        read(api, "octets")
        read(api, "octets")  # not asked about again so soon
        now[0] = AGAIN_S
        with pytest.raises(RawCounterError):
            read(api, "octets")
        api.close()
    assert [one.method for one in server.asked] == ["GET", "POST", "POST", "GET"]


@pytest.mark.parametrize("status", [404, 500])
def test_a_server_without_metadata_is_read_all_the_same(status: int) -> None:
    with canned_http(Canned(status=status), Canned(body=EMPTY)) as server:
        api = CounterWary(plan(url=server.url).reader, "octets")
        assert read(api, "octets").keys == []
        api.close()


@pytest.mark.parametrize(
    ("types", "counts"),
    [
        ({"counter"}, True),
        ({"counter", "unknown"}, True),
        ({"counter", "gauge"}, False),
        ({"gauge"}, False),
        ((), False),
    ],
)
def test_targets_have_to_agree(types: set[str], counts: bool) -> None:
    assert is_counter(frozenset(types)) is counts
