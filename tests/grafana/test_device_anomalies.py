"""The shipped detector configurations name their traffic queries as the band's panel expects them."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from grafana.dashboards_src.device_anomalies import ACTUAL

ROOT = Path(__file__).parents[2]
SHIPPED = ["docs/examples/detector.yml", "deploy/compose/detector.yml"]


def traffic_queries(path: str) -> dict[str, Any]:
    queries = yaml.safe_load((ROOT / path).read_text())["reader"]["queries"]
    return {alias: query for alias, query in queries.items() if "Octets" in query["expr"]}


@pytest.mark.parametrize("path", SHIPPED)
def test_the_band_of_shipped_traffic_queries_is_drawn_with_the_series(path: str) -> None:
    found = traffic_queries(path)
    assert found
    assert set(found) <= set(ACTUAL)
    assert all({"yhat", "yhat_lower", "yhat_upper"} <= set(query["provide_series"]) for query in found.values())


@pytest.mark.parametrize("alias", ACTUAL)
def test_the_series_beside_the_band_is_what_the_query_reads(alias: str) -> None:
    recording = ACTUAL[alias]
    metric = recording.split(":")[1]
    assert metric in traffic_queries("deploy/compose/detector.yml")[alias]["expr"]
