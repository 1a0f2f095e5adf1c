"""The shipped scrape config, rules and dashboards on the newest Prometheus."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest

from grafana.preview.history import lines, openmetrics
from tests.exporters.test_serve import Plant, simulated
from tests.fakes.daemons import Daemon, prometheus, wait_until
from tests.fakes.exporter import exporter, until
from tests.fakes.newest import FETCH_LIMIT_S, PROMETHEUS, newest
from tests.fakes.traffic import backfilled_prometheus
from tests.grafana.test_queries import EXPECTED_EMPTY, EXPRESSIONS, HOURS, ask
from tests.prometheus.test_rules_live import CONFIG, EXPECTED, rules

pytestmark = [pytest.mark.newest, pytest.mark.timeout(FETCH_LIMIT_S)]
ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "prometheus" / "prometheus.yml"
DEVICES = {"switch": ("snmp", "A"), "meter": ("modbus", "B")}


def shipped(exporter_port: int) -> str:
    """The shipped file with seconds as intervals and our exporter's address; what else it names is not there."""
    changes = {
        "scrape_interval: 30s": "scrape_interval: 1s",
        "evaluation_interval: 30s": "evaluation_interval: 1s",
        "scrape_timeout: 10s": "scrape_timeout: 1s",
        "refresh_interval: 10s": "refresh_interval: 1s",
        "127.0.0.1:9810": f"127.0.0.1:{exporter_port}",
        "  - rules/*.yml": f"  - {ROOT}/prometheus/rules/*.yml",
    }
    text = SHIPPED.read_text()
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


async def test_it_finds_and_scrapes_our_devices_with_the_shipped_file(tmp_path: Path) -> None:
    async with simulated("snmp") as switch, simulated("modbus") as meter:
        plant = Plant(switch, meter, tmp_path / "exporters.yml")
        async with exporter(tmp_path, plant.arguments) as server:
            with newest(PROMETHEUS, prometheus(tmp_path, shipped(server.port))) as daemon:
                await until(lambda: len(instant(daemon, 'up{job=~"snmp|modbus"} == 1')) == 2, "both", timeout_s=30)
                up = {
                    labels["instance"]: (labels["job"], labels["site"])
                    for labels in instant(daemon, "probe_success == 1")
                }
                assert up == DEVICES
                assert instant(daemon, "sysUpTime{instance='switch'}")
                await until(lambda: healthy(daemon), "every rule to be evaluated", timeout_s=30)
                assert "level=WARN" not in daemon.log()


def instant(daemon: Daemon, expression: str) -> list[dict[str, str]]:
    """Labels of each series of an instant query."""
    with urlopen(f"{daemon.url}/api/v1/query?{urlencode({'query': expression})}", timeout=10) as answer:
        return [series["metric"] for series in json.load(answer)["data"]["result"]]


def healthy(daemon: Daemon) -> bool:
    """Whether every rule was evaluated; none may have failed."""
    known: list[dict[str, Any]] = rules(daemon)
    assert [(rule["name"], rule["lastError"]) for rule in known if rule["health"] == "err"] == []
    return bool(known) and all(rule["health"] == "ok" for rule in known)


def test_the_rules_notice_what_is_wrong_in_a_fleets_past(tmp_path: Path) -> None:
    def noticed() -> set[str]:
        return {rule["name"] for rule in rules(daemon) if rule["type"] == "alerting" and rule["state"] != "inactive"}

    end = int(time.time())
    raw = [line for line in lines(end, 1) if ":" not in line.family and line.family != "ALERTS"]
    past = "".join(openmetrics(raw, end, 1))
    with newest(PROMETHEUS, backfilled_prometheus(tmp_path, CONFIG, past)) as daemon:
        wait_until(lambda: healthy(daemon), 30, "every rule to be evaluated")
        wait_until(lambda: noticed() == EXPECTED, 30, f"{EXPECTED} and no other alert")


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Daemon, int]]:
    end = int(time.time())
    text = "".join(openmetrics(lines(end, HOURS), end, HOURS))
    start = backfilled_prometheus(tmp_path_factory.mktemp("past"), "global: {scrape_interval: 30s}\n", text)
    with newest(PROMETHEUS, start) as daemon:
        yield daemon, end


def test_every_dashboard_query_answers_as_it_does_on_the_floor(past: tuple[Daemon, int]) -> None:
    daemon, end = past
    wrong = [
        (item.board, item.place)
        for item in EXPRESSIONS
        if bool(ask(daemon, item, end)) is ((item.board, item.place) in EXPECTED_EMPTY)
    ]
    assert EXPRESSIONS
    assert wrong == []
