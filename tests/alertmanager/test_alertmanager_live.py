"""The shipped file on a real Alertmanager: what inhibits what, what arrives, with which authorization."""

import json
import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.daemons import Daemon, alertmanager, wait_until

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "alertmanager/alertmanager.yml"
TOKEN = "token-of-this-test"


class Intake(ThreadingHTTPServer):
    """A listener in the webhook's place: keeps each post with its Authorization header."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Receiver)
        self.posts: list[tuple[str, str, dict[str, Any]]] = []


class Receiver(BaseHTTPRequestHandler):
    """Answers 200 to everything."""

    server: Intake

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.posts.append((self.path, self.headers.get("Authorization", ""), body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        """Silent."""


@pytest.fixture
def intake() -> Iterator[Intake]:
    server = Intake()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join(timeout=5)


@pytest.fixture
def daemon(tmp_path: Path, intake: Intake) -> Iterator[Daemon]:
    token = tmp_path / "token"
    token.write_text(TOKEN)
    text = (
        SHIPPED.read_text()
        .replace("http://127.0.0.1:9812", f"http://127.0.0.1:{intake.server_port}")
        .replace("/etc/heronwatch/secrets/intake-token", str(token))
        .replace("templates/*.tmpl", str(ROOT / "alertmanager/templates/*.tmpl"))
    )
    with alertmanager(tmp_path, text) as running:
        yield running


def post(daemon: Daemon, *alerts: dict[str, str]) -> None:
    body = json.dumps([{"labels": labels, "annotations": {"summary": labels["alertname"]}} for labels in alerts])
    request = urllib.request.Request(f"{daemon.url}/api/v2/alerts", body.encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert answer.status == 200


def inhibited(daemon: Daemon) -> dict[str, bool]:
    """Every known alert by name, and whether another one inhibits it."""
    with urllib.request.urlopen(f"{daemon.url}/api/v2/alerts", timeout=20) as answer:
        alerts = json.load(answer)
    return {
        f"{alert['labels']['alertname']} {alert['labels'].get('instance', '')}".strip(): bool(
            alert["status"]["inhibitedBy"]
        )
        for alert in alerts
    }


DOWN = {"alertname": "DeviceDown", "severity": "critical", "scope": "device", "instance": "sw-1", "site": "berlin"}
PORT = {"alertname": "InterfaceDown", "severity": "critical", "scope": "interface", "instance": "sw-1"}
SERIES = {"alertname": "AnomalyDetected", "severity": "info", "scope": "series", "instance": "sw-1"}
SITE = {"alertname": "SiteDown", "severity": "critical", "scope": "site", "site": "berlin"}
EXPORTER = {"alertname": "ExporterDown", "severity": "critical", "scope": "site", "instance": "127.0.0.1:9810"}
BATTERY = {
    "alertname": "UpsOnBattery",
    "severity": "critical",
    "scope": "device",
    "instance": "ups-1",
    "site": "berlin",
}
EMPTY = {"alertname": "UpsBatteryLow", "severity": "critical", "scope": "device", "instance": "ups-1"}
SHORT = {"alertname": "UpsRuntimeLow", "severity": "warning", "scope": "device", "instance": "ups-1"}

FULL = {"alertname": "UplinkSaturated", "severity": "high", "scope": "interface", "instance": "sw-1", "ifName": "1"}
BUSY = {**FULL, "alertname": "InterfaceUtilizationHigh", "severity": "warning"}

INHIBITIONS = [
    (
        "a full uplink hides the same port's high load",
        [FULL, BUSY],
        {"UplinkSaturated sw-1": False, "InterfaceUtilizationHigh sw-1": True},
    ),
    (
        "and not that of another port",
        [FULL, {**BUSY, "ifName": "2"}],
        {"UplinkSaturated sw-1": False, "InterfaceUtilizationHigh sw-1": False},
    ),
    ("a silent device hides its port", [DOWN, PORT], {"DeviceDown sw-1": False, "InterfaceDown sw-1": True}),
    ("a silent device hides its series", [DOWN, SERIES], {"DeviceDown sw-1": False, "AnomalyDetected sw-1": True}),
    (
        "and not those of another device",
        [DOWN, {**PORT, "instance": "sw-2"}],
        {"DeviceDown sw-1": False, "InterfaceDown sw-2": False},
    ),
    ("a site hides its devices", [SITE, DOWN], {"SiteDown": False, "DeviceDown sw-1": True}),
    (
        "and not the cause",
        [SITE, BATTERY],
        {"SiteDown": False, "UpsOnBattery ups-1": False},
    ),
    (
        "a dead exporter hides its devices and sites",
        [EXPORTER, DOWN, SITE],
        {"ExporterDown 127.0.0.1:9810": False, "DeviceDown sw-1": True, "SiteDown": True},
    ),
    (
        "and not those of another exporter",
        [{**EXPORTER, "exporter": "a"}, {**DOWN, "exporter": "b"}],
        {"ExporterDown 127.0.0.1:9810": False, "DeviceDown sw-1": False},
    ),
    (
        "an empty battery hides a short runtime",
        [EMPTY, SHORT],
        {"UpsBatteryLow ups-1": False, "UpsRuntimeLow ups-1": True},
    ),
    (
        "an anomaly beside a UPS on battery stays, as its context",
        [BATTERY, SERIES],
        {"UpsOnBattery ups-1": False, "AnomalyDetected sw-1": False},
    ),
]


@pytest.mark.parametrize(("what", "alerts", "expected"), INHIBITIONS, ids=[case[0] for case in INHIBITIONS])
def test_inhibition(daemon: Daemon, what: str, alerts: list[dict[str, str]], expected: dict[str, bool]) -> None:
    post(daemon, *alerts)
    wait_until(lambda: inhibited(daemon) == expected, 10, f"{what}: {expected}")


def test_context_is_delivered_within_seconds_and_with_the_token(daemon: Daemon, intake: Intake) -> None:
    post(daemon, SERIES)
    wait_until(lambda: intake.posts, 20, "the anomaly at the intake")
    path, authorization, body = intake.posts[0]
    assert path == "/api/v1/intake/alertmanager/main"
    assert authorization == f"Bearer {TOKEN}"
    assert body["version"] == "4"
    assert [alert["labels"]["alertname"] for alert in body["alerts"]] == ["AnomalyDetected"]


def test_watchdog_is_delivered_at_once(daemon: Daemon, intake: Intake) -> None:
    post(daemon, {"alertname": "Watchdog", "severity": "none", "domain": "meta", "service": "prometheus"})
    wait_until(lambda: intake.posts, 10, "the watchdog at the intake")
    assert intake.posts[0][2]["receiver"] == "dead-man"
