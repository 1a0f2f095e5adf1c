"""Every query of every dashboard, executed on a real Prometheus of the floor version with a past."""

import json
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from grafana.dashboards_src.catalogue import METRICS, RECORDED
from grafana.dashboards_src.expressions import Expression, expressions, filled
from grafana.preview.fleet import SERVER
from grafana.preview.history import lines, openmetrics
from tests.fakes.daemons import Daemon, find_binary, free_port, http_ok, running

ROOT = Path(__file__).parents[2]
HOURS = 4
BOARDS = {path.stem: json.loads(path.read_text()) for path in sorted((ROOT / "grafana/dashboards").rglob("*.json"))}
EXPRESSIONS = [item for board in BOARDS.values() for item in expressions(board)]
# (board, place): why nothing is a right answer
EXPECTED_EMPTY = {
    ("heronwatch-interface", "panel 26 B"): "the past is shorter than a week",
    ("heronwatch-device", "panel 10 E"): "the drifting series is inbound, so the outbound one is not drawn beside it",
    ("heronwatch-anomaly-series", "panel 10 E"): "the same panel",
}
# what shows series of any job, and such that have neither job nor site (board, place)
OF_ANY_JOB = [
    ("heronwatch-home", "panel 8 A"),
    ("heronwatch-anomalies", "panel 6 A"),
    ("heronwatch-anomalies", "variable instance"),
    ("heronwatch-anomaly-series", "panel 3 B"),
    ("heronwatch-anomaly-series", "panel 9 A"),
    ("heronwatch-anomaly-series", "variable instance"),
    ("heronwatch-anomaly-series", "variable series"),
    ("heronwatch-forecast", "panel 4 A"),
    ("heronwatch-forecast", "variable instance"),
]
VALUES = {"datasource": "heronwatch-prometheus", "__rate_interval": "2m", "__range": "3h", "__interval": "30s"}
ALL = {
    uid: {one["name"]: one["allValue"] for one in board["templating"]["list"] if one["type"] == "query"}
    for uid, board in BOARDS.items()
}
"""What each variable of a board stands for when All is chosen, as it is at first."""
each = pytest.mark.parametrize("expression", EXPRESSIONS, ids=lambda item: f"{item.board} {item.place}")


def text_of(expression: Expression) -> str:
    """The expression as Grafana sends it when a board is opened."""
    return filled(expression.text, VALUES | ALL[expression.board])


def names(text: str) -> set[str]:
    """Every metric name in an expression."""
    found: set[str] = set()

    def visit(node: Any) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            found.add(node.name)
        for attribute in ("expr", "lhs", "rhs", "vector_selector", "vs", "args", "param"):
            child = getattr(node, attribute, None)
            for item in child if isinstance(child, list) else [child]:
                if item is not None and type(item).__module__.startswith("promql_parser"):
                    visit(item)

    visit(promql_parser.parse(text))
    return found


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Daemon, int]]:
    folder = tmp_path_factory.mktemp("past")
    end = int(time.time())
    text = folder / "history.om"
    with text.open("w") as output:
        output.writelines(openmetrics(lines(end, HOURS), end, HOURS))
    data = folder / "blocks"
    promtool = [find_binary("promtool", "prometheus"), "tsdb", "create-blocks-from", "openmetrics"]
    subprocess.run([*promtool, str(text), str(data)], check=True, capture_output=True, timeout=50)
    config = folder / "prometheus.yml"
    config.write_text("global: {scrape_interval: 30s}\n")
    port = free_port()
    command = [
        find_binary("prometheus", "prometheus"),
        f"--config.file={config}",
        f"--storage.tsdb.path={data}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with running(
        "prometheus", command, directory=folder, port=port, ready=lambda daemon: http_ok(f"{daemon.url}/-/ready")
    ) as daemon:
        yield daemon, end


def ask(daemon: Daemon, expression: Expression, end: int) -> list[Any]:
    query = text_of(expression)
    if expression.instant:
        path, parameters = "query", {"query": query, "time": end}
    else:
        path, parameters = "query_range", {"query": query, "start": end - 3 * 3600, "end": end, "step": 30}
    url = f"{daemon.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
    with urllib.request.urlopen(url, timeout=20) as answer:
        body = json.load(answer)
    assert body["status"] == "success", body
    return body["data"]["result"]


@each
def test_query_parses_and_uses_known_metrics(expression: Expression) -> None:
    used = names(text_of(expression))
    assert used
    assert used <= set(METRICS)


@each
def test_query_answers_on_the_floor_version(past: tuple[Daemon, int], expression: Expression) -> None:
    daemon, end = past
    result = ask(daemon, expression, end)
    empty_is_right = (expression.board, expression.place) in EXPECTED_EMPTY
    assert bool(result) is not empty_is_right


@pytest.mark.parametrize(("board", "place"), OF_ANY_JOB)
def test_scores_without_a_job_are_shown(past: tuple[Daemon, int], board: str, place: str) -> None:
    daemon, end = past
    (expression,) = [item for item in EXPRESSIONS if (item.board, item.place) == (board, place)]
    assert SERVER["instance"] in {found["metric"].get("instance") for found in ask(daemon, expression, end)}


def test_a_line_of_series_without_a_site_has_a_name(past: tuple[Daemon, int]) -> None:
    daemon, end = past
    (by_site,) = [item for item in EXPRESSIONS if (item.board, item.place) == ("heronwatch-anomalies", "panel 9 A")]
    named = [found["metric"].get("site") for found in ask(daemon, by_site, end)]
    assert None not in named
    assert "no site" in named


def test_every_exception_names_a_query_that_exists() -> None:
    assert set(EXPECTED_EMPTY) <= {(item.board, item.place) for item in EXPRESSIONS}


@cache
def rules() -> list[dict[str, Any]]:
    files = [path.read_text() for path in sorted((ROOT / "prometheus/rules").glob("*.yml"))]
    groups = [group for text in files for group in yaml.load(text, Loader=yaml.CSafeLoader)["groups"]]
    return [rule for group in groups for rule in group["rules"]]


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.get("alert") or rule["record"])
def test_rule_uses_known_metrics(rule: dict[str, Any]) -> None:
    assert names(rule["expr"]) - {""} <= set(METRICS)


def test_catalogue_lists_exactly_the_recorded_series() -> None:
    assert set(RECORDED) == {rule["record"] for rule in rules() if "record" in rule}


def test_catalogue_lists_nothing_that_nobody_uses() -> None:
    used = {name for item in EXPRESSIONS for name in names(text_of(item))}
    used |= {name for rule in rules() for name in names(rule["expr"])}
    assert set(METRICS) - used == set()
