"""Facts about the shipped rules: promtool accepts them, each alert is tested both ways and documented."""

import argparse
import re
import shlex
import subprocess
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
import yaml

from heronwatch.cli import COMMANDS
from tests.fakes.daemons import find_binary

ROOT = Path(__file__).parents[2]
RULES = sorted((ROOT / "prometheus/rules").glob("*.yml"))
RULE_TESTS = sorted((ROOT / "prometheus/rule_tests").glob("*_test.yml"))
SEVERITIES = {"critical", "high", "warning", "info", "none"}
DOMAINS = {"network", "power", "environment", "anomaly", "meta"}
SCOPES = {"site", "device", "interface", "series"}
ALWAYS_FIRES = {"Watchdog"}  # vector(1) has no silent case
RECORDING_NAME = re.compile(r"[a-zA-Z_]+:[a-zA-Z_]+:[a-z0-9_]+")


@cache
def cases_of(path: Path) -> list[dict[str, Any]]:
    """The test groups of one file; read once, for some hundred questions."""
    return yaml.load(path.read_text(), Loader=yaml.CSafeLoader)["tests"]


@cache
def groups(path: Path) -> list[dict[str, Any]]:
    return yaml.load(path.read_text(), Loader=yaml.CSafeLoader)["groups"]


def rules(kind: str) -> list[dict[str, Any]]:
    return [rule for path in RULES for group in groups(path) for rule in group["rules"] if kind in rule]


ALERTS = rules("alert")
RECORDINGS = rules("record")


def expectations(alert: str, *, firing: bool) -> list[str]:
    """Names of the test groups that expect this alert to fire, or to be silent."""
    return [
        group["name"]
        for path in RULE_TESTS
        for group in cases_of(path)
        for case in group.get("alert_rule_test", ())
        if case["alertname"] == alert and bool(case["exp_alerts"]) is firing
    ]


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [find_binary("promtool", "prometheus"), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=50, check=False)


def test_promtool_lint_accepts_every_rule() -> None:
    done = promtool("check", "rules", "--lint=all", "--lint-fatal", *map(str, RULES))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", RULE_TESTS, ids=lambda path: path.stem)
def test_promtool_rule_tests_pass(path: Path) -> None:
    done = promtool("test", "rules", str(path))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("alert", sorted({rule["alert"] for rule in ALERTS}))
def test_alert_has_a_firing_and_a_silent_case(alert: str) -> None:
    assert expectations(alert, firing=True), "no test expects it to fire"
    assert alert in ALWAYS_FIRES or expectations(alert, firing=False), "no test expects it to be silent"


def test_cases_name_alerts_that_exist() -> None:
    known = {rule["alert"] for rule in ALERTS}
    named = {
        case["alertname"]
        for path in RULE_TESTS
        for group in cases_of(path)
        for case in group.get("alert_rule_test", ())
    }
    assert named <= known


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_alert_carries_the_labels_that_routes_rely_on(rule: dict[str, Any]) -> None:
    labels = rule["labels"]
    assert labels["severity"] in SEVERITIES
    assert labels["domain"] in DOMAINS
    assert labels["scope"] in SCOPES
    assert labels["team"]
    assert not any("$value" in value for value in labels.values())


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_alert_explains_itself(rule: dict[str, Any]) -> None:
    notes = rule["annotations"]
    assert set(notes) == {"summary", "description", "runbook_url", "dashboard_url"}
    assert "$value" not in notes["summary"], "a changing number makes each evaluation look like news"
    assert notes["runbook_url"] == f"docs/runbooks/{rule['alert']}.md"
    assert (ROOT / notes["runbook_url"]).is_file()
    assert notes["dashboard_url"].startswith("/d/heronwatch-")


def test_no_runbook_without_an_alert() -> None:
    stems = {path.stem for path in (ROOT / "docs/runbooks").glob("*.md")} - {"README"}
    assert stems == {rule["alert"] for rule in ALERTS}


@cache
def parser_of(service: str) -> argparse.ArgumentParser:
    (entry,) = entry_points(group=COMMANDS, name=service)
    parser = argparse.ArgumentParser(prog=f"heronwatch {service}")
    entry.load().add_arguments(parser)
    return parser


COMMANDS_NAMED = sorted(
    {
        command
        for path in (ROOT / "docs/runbooks").glob("*.md")
        for command in re.findall(r"`heronwatch ([^`\n]+)", path.read_text())
    }
)


@pytest.mark.parametrize("command", COMMANDS_NAMED)
def test_runbooks_name_only_commands_that_our_cli_takes(command: str) -> None:
    service, *arguments = shlex.split(command)
    assert parser_of(service).parse_args(arguments)


@pytest.mark.parametrize("alert", sorted({rule["alert"] for rule in ALERTS if rule["labels"]["domain"] == "anomaly"}))
def test_runbook_of_an_anomaly_names_what_explains_it_and_what_people_may_say(alert: str) -> None:
    text = (ROOT / f"docs/runbooks/{alert}.md").read_text()
    wanted = ("explain", "feedback false-alarm", "feedback incident", "feedback accept")
    assert [word for word in wanted if f"`heronwatch detector {word} " not in text] == []


def test_recording_names_say_level_metric_and_operation() -> None:
    assert not [rule["record"] for rule in RECORDINGS if not RECORDING_NAME.fullmatch(rule["record"])]


def test_an_alert_in_two_rules_has_another_scope_in_each() -> None:
    names = [(rule["alert"], rule["labels"]["scope"]) for rule in ALERTS]
    assert len(names) == len(set(names))


def test_anomalies_page_only_where_a_query_asks_for_it() -> None:
    anomalies = [rule for rule in ALERTS if re.search(r"anomaly_\w*score", rule["expr"])]
    assert len(anomalies) == 5
    for rule in anomalies:
        asked = '{page="true"}' in rule["expr"]
        assert (rule["labels"]["severity"] != "info") is asked
