"""House rules for every committed dashboard, after those of Grafana's dashboard-linter."""

import json
import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from grafana.dashboards_src.expressions import expressions, panels, variables_in
from grafana.dashboards_src.frame import PROMETHEUS_UID

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "grafana/dashboards").rglob("*.json"))
BOARDS = {path.stem: json.loads(path.read_text()) for path in FILES}
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
LEADING_VARIABLES = ["datasource", "site", "job", "instance"]
# panels about the whole monitoring, for which no device can be chosen (board, panel): why
WITHOUT_DEVICE = {
    ("heronwatch-home", 6): "incidents carry no device label",
    ("heronwatch-home", 14): "the exporter counts by module, without targets",
    ("heronwatch-home", 15): "the detector about itself",
    ("heronwatch-home", 16): "the webhook about itself",
    ("heronwatch-home", 17): "Prometheus about itself",
    **{("heronwatch-oncall", number): "the webhook about itself" for number in range(1, 16)},
    **{("heronwatch-detector", number): "the detector about itself" for number in range(1, 21)},
    ("heronwatch-anomalies", 14): "a site has no device of its own; it follows the chosen sites",
    ("heronwatch-network-fleet", 21): "the exporter counts by module, without targets",
    ("heronwatch-network-fleet", 22): "the exporter counts by module, without targets",
    ("heronwatch-network-fleet", 23): "the exporter counts by module, without targets",
    ("heronwatch-network-fleet", 24): "the exporter about itself",
    ("heronwatch-network-fleet", 25): "the exporter about itself",
    ("heronwatch-network-fleet", 26): "the exporter about itself",
}
# panels whose values may be below zero (board, panel): why
SIGNED = {
    ("heronwatch-home", 18): "a meter that feeds back",
    ("heronwatch-device", 22): "a meter that feeds back",
    ("heronwatch-power", 18): "a meter that feeds back",
}

each_board = pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)


def all_panels() -> Iterator[tuple[str, dict[str, Any]]]:
    for uid, board in BOARDS.items():
        for panel in panels(board):
            yield uid, panel


each_panel = pytest.mark.parametrize(
    ("uid", "panel"), list(all_panels()), ids=lambda value: value if isinstance(value, str) else value["id"]
)


def strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)


def test_there_are_dashboards() -> None:
    wanted = {"home", "network-fleet", "device", "interface", "power"}
    assert {f"heronwatch-{name}" for name in wanted} <= set(BOARDS)


@each_board
def test_identity(board: dict[str, Any]) -> None:
    assert re.fullmatch(r"heronwatch-[a-z-]{1,29}", board["uid"])
    assert board["uid"] == next(uid for uid, other in BOARDS.items() if other is board), "the file is named by the uid"
    assert board["id"] is None
    assert board["editable"] is False
    assert board["tags"][0] == "heronwatch"
    assert len(board["tags"]) > 1
    assert board["schemaVersion"] == 42


@each_board
def test_variables(board: dict[str, Any]) -> None:
    listed = board["templating"]["list"]
    assert [variable["name"] for variable in listed][: len(LEADING_VARIABLES)] == LEADING_VARIABLES
    assert listed[0]["current"]["value"] == PROMETHEUS_UID
    assert listed[-1]["type"] == "adhoc"
    for variable in listed:
        assert variable["label"]
        if variable["type"] == "query":
            assert variable["refresh"] == 2, "read again when the time range changes"
            assert variable["multi"]
            assert variable["includeAll"]
            assert variable["datasource"] == DATASOURCE


@each_board
def test_every_used_variable_is_defined_and_every_defined_one_used(board: dict[str, Any]) -> None:
    defined = {variable["name"] for variable in board["templating"]["list"] if variable["type"] != "adhoc"}
    used = {name for text in strings(board) for name in variables_in(text) if not name.startswith("__")}
    assert used == defined


@each_board
def test_panel_ids_are_unique(board: dict[str, Any]) -> None:
    ids = [panel["id"] for panel in board["panels"]] + [
        inner["id"] for panel in board["panels"] for inner in panel.get("panels", [])
    ]
    assert len(ids) == len(set(ids))
    assert all(isinstance(number, int) and number > 0 for number in ids)


@each_board
def test_panels_do_not_overlap(board: dict[str, Any]) -> None:
    open_panels = [panel["gridPos"] for panel in board["panels"]]
    for collapsed in [panel["panels"] for panel in board["panels"] if panel.get("panels")]:
        assert not any(overlap(a["gridPos"], b["gridPos"]) for a, b in combinations(collapsed, 2))
    assert not any(overlap(a, b) for a, b in combinations(open_panels, 2))
    assert all(place["x"] + place["w"] <= 24 for place in open_panels)


def overlap(a: dict[str, int], b: dict[str, int]) -> bool:
    return (
        a["x"] < b["x"] + b["w"] and b["x"] < a["x"] + a["w"] and a["y"] < b["y"] + b["h"] and b["y"] < a["y"] + a["h"]
    )


@each_board
def test_first_row_is_open(board: dict[str, Any]) -> None:
    assert board["panels"][0]["type"] == "row"
    assert board["panels"][0]["collapsed"] is False


@each_board
def test_annotations(board: dict[str, Any]) -> None:
    notes = board["annotations"]["list"]
    assert {note["name"] for note in notes} == {"Critical alerts", "Warnings", "Anomalies", "Restarts"}
    assert all(note["datasource"] == DATASOURCE for note in notes)


@each_board
def test_links_lead_somewhere(board: dict[str, Any]) -> None:
    targets = {found for text in strings(board) for found in re.findall(r"^/d/([\w-]+)", text)}
    assert targets <= set(BOARDS)
    assert board["links"][0]["tags"] == ["heronwatch"]
    assert board["links"][0]["includeVars"]
    assert board["links"][0]["keepTime"]


@each_panel
def test_panel_says_what_it_is(uid: str, panel: dict[str, Any]) -> None:
    assert panel["title"]
    assert len(panel["description"]) > 20
    assert panel["datasource"] == DATASOURCE
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["fieldConfig"]["defaults"]["noValue"]
    assert panel["targets"]


@each_panel
def test_targets(uid: str, panel: dict[str, Any]) -> None:
    references = [target["refId"] for target in panel["targets"]]
    assert len(references) == len(set(references))
    for target in panel["targets"]:
        assert target["datasource"] == DATASOURCE
        if re.search(r"\b(rate|increase)\(", target["expr"]):
            assert "[$__rate_interval]" in target["expr"]
        assert "irate(" not in target["expr"]


@each_panel
def test_panel_follows_the_chosen_devices(uid: str, panel: dict[str, Any]) -> None:
    for target in panel["targets"]:
        follows = {"instance", "site"} <= variables_in(target["expr"])
        assert follows is ((uid, panel["id"]) not in WITHOUT_DEVICE)


@each_panel
def test_graph_starts_at_zero_unless_it_is_mirrored_or_a_band(uid: str, panel: dict[str, Any]) -> None:
    if panel["type"] != "timeseries":
        return
    shown = json.dumps(panel["fieldConfig"]["overrides"])
    mirrored_or_band = "negative-Y" in shown or "fillBelowTo" in shown
    may_be_negative = mirrored_or_band or (uid, panel["id"]) in SIGNED
    assert (panel["fieldConfig"]["defaults"].get("min") == 0) is not may_be_negative


def test_alerts_and_silences_lead_to_boards_that_exist() -> None:
    rules = " ".join(path.read_text() for path in (ROOT / "prometheus/rules").glob("*.yml"))
    assert set(re.findall(r"dashboard_url: /d/([\w-]+)", rules)) <= set(BOARDS)


def test_a_description_names_only_alerts_that_exist() -> None:
    rules = " ".join(path.read_text() for path in (ROOT / "prometheus/rules").glob("*.yml"))
    alerts = set(re.findall(r"- alert: (\w+)", rules))
    families = (
        "Device|Site|Interface|Uplink|Ups|Pdu|Anomaly|Scrape|Detector|Webhook|Ingest|Storage|Sensor|Temperature|Room"
        "|Humidity|Fan|PowerSupply|Component"
    )
    named = {
        word for _, panel in all_panels() for word in re.findall(rf"\b(?:{families})[A-Z]\w+", panel["description"])
    }
    assert named
    assert named <= alerts


def test_every_expression_names_its_place() -> None:
    places = [(item.board, item.place) for board in BOARDS.values() for item in expressions(board)]
    assert len(places) == len(set(places))
