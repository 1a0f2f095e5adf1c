"""All shipped rules at once on a real Prometheus over a fleet's past: none fails, the expected ones fire."""

import json
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from grafana.preview.history import lines, openmetrics
from tests.fakes.daemons import Daemon, find_binary, free_port, http_ok, running, wait_until

ROOT = Path(__file__).parents[2]
HOURS = 1
CONFIG = f"""
global: {{evaluation_interval: 1s, scrape_interval: 30s}}
rule_files: [{ROOT}/prometheus/rules/*.yml]
"""
# what is wrong at the end of the fleet's past, and waits for its `for:` or fires
EXPECTED = {
    "AnomalyDevice",
    "UpsOnBattery",
    "InterfaceErrorsHigh",
    "ScrapeIncomplete",
    "WebhookOnCallGap",
    "Watchdog",
    "MonitoringFresh",
}


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    folder = tmp_path_factory.mktemp("rules")
    end = int(time.time())
    text, data, config = folder / "history.om", folder / "blocks", folder / "prometheus.yml"
    recorded = {":", "ALERTS"}  # what the rules make themselves
    raw = [line for line in lines(end, HOURS) if not any(mark in line.family for mark in recorded)]
    with text.open("w") as output:
        output.writelines(openmetrics(raw, end, HOURS))
    promtool = [find_binary("promtool", "prometheus"), "tsdb", "create-blocks-from", "openmetrics"]
    subprocess.run([*promtool, str(text), str(data)], check=True, capture_output=True, timeout=50)
    config.write_text(CONFIG)
    port = free_port()
    command = [
        find_binary("prometheus", "prometheus"),
        f"--config.file={config}",
        f"--storage.tsdb.path={data}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with running(
        "prometheus", command, directory=folder, port=port, ready=lambda started: http_ok(f"{started.url}/-/ready")
    ) as started:
        yield started


def rules(daemon: Daemon) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{daemon.url}/api/v1/rules", timeout=20) as answer:
        groups = json.load(answer)["data"]["groups"]
    return [rule for group in groups for rule in group["rules"]]


def test_no_rule_fails(daemon: Daemon) -> None:
    wait_until(lambda: all(rule["health"] != "unknown" for rule in rules(daemon)), 20, "every rule to be evaluated")
    assert {rule["name"]: rule["lastError"] for rule in rules(daemon) if rule["health"] != "ok"} == {}


def test_what_is_wrong_is_noticed_and_nothing_else(daemon: Daemon) -> None:
    def noticed() -> set[str]:
        return {rule["name"] for rule in rules(daemon) if rule["type"] == "alerting" and rule["state"] != "inactive"}

    wait_until(lambda: noticed() >= EXPECTED, 20, f"{EXPECTED}")
    assert noticed() == EXPECTED
