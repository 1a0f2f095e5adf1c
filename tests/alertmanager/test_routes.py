"""Where each alert goes: amtool's own answer for the shipped tree."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.fakes.daemons import find_binary

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "alertmanager/alertmanager.yml"
PAGED = "heronwatch"
BYPASS = "mail-past-the-webhook"
DEAD_MAN = "dead-man"

ROUTES = [
    ("a critical device alert", {"severity": "critical", "domain": "power"}, PAGED),
    ("a high alert", {"severity": "high", "domain": "anomaly"}, PAGED),
    ("a warning", {"severity": "warning", "domain": "network"}, PAGED),
    ("an anomaly, as context", {"severity": "info", "domain": "anomaly"}, PAGED),
    ("an unknown severity", {"severity": "emergency"}, PAGED),
    ("no severity at all", {"domain": "network"}, PAGED),
    ("the watchdog", {"alertname": "Watchdog", "severity": "none", "domain": "meta"}, DEAD_MAN),
    ("fresh samples", {"alertname": "MonitoringFresh", "severity": "none", "domain": "meta"}, DEAD_MAN),
    ("a dead webhook", {"severity": "critical", "domain": "meta", "service": "webhook"}, BYPASS),
    ("quarantined alerts", {"severity": "warning", "domain": "meta", "service": "webhook"}, BYPASS),
    ("Alertmanager's own trouble", {"severity": "critical", "domain": "meta", "service": "alertmanager"}, BYPASS),
    ("a dead exporter", {"severity": "critical", "domain": "meta", "service": "exporter"}, PAGED),
    ("a user's service called webhook", {"severity": "critical", "domain": "shop", "service": "webhook"}, PAGED),
]


def amtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [find_binary("amtool", "prometheus-alertmanager"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)


def receiver_of(labels: dict[str, str]) -> str:
    pairs = [f"{name}={value}" for name, value in labels.items()]
    return amtool("config", "routes", "test", f"--config.file={CONFIG}", *pairs).stdout.strip()


def test_amtool_accepts_it() -> None:
    done = amtool("check-config", str(CONFIG))
    assert done.returncode == 0, done.stdout + done.stderr


def test_amlint_has_nothing_to_say() -> None:
    amlint = Path(sys.executable).with_name("amlint")
    done = subprocess.run(
        [amlint, "check", "--strict", CONFIG], capture_output=True, text=True, timeout=50, check=False
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(("what", "labels", "receiver"), ROUTES, ids=[case[0] for case in ROUTES])
def test_alert_reaches_its_receiver(what: str, labels: dict[str, str], receiver: str) -> None:
    assert receiver_of(labels) == receiver


def test_every_shipped_alert_reaches_a_receiver_that_can_tell_somebody() -> None:
    paths = (ROOT / "prometheus/rules").glob("*.yml")
    rules = [rule for path in paths for group in yaml.safe_load(path.read_text())["groups"] for rule in group["rules"]]
    wrong = []
    for rule in (rule for rule in rules if "alert" in rule):
        labels = {key: value for key, value in rule["labels"].items() if "{{" not in value}
        went_to = receiver_of({"alertname": rule["alert"], **labels})
        about_the_way = labels.get("service") in {"webhook", "alertmanager"} and labels["domain"] == "meta"
        expected = DEAD_MAN if labels["severity"] == "none" else BYPASS if about_the_way else PAGED
        if went_to != expected:
            wrong.append((rule["alert"], went_to))
    assert not wrong


def test_nothing_about_the_webhook_passes_through_it() -> None:
    bypass = next(r for r in yaml.safe_load(CONFIG.read_text())["receivers"] if r["name"] == BYPASS)
    assert set(bypass) == {"name", "email_configs"}


def test_each_address_stands_in_one_place() -> None:
    text = CONFIG.read_text()
    for once in ("http://127.0.0.1:9812", "credentials_file: ", "smtp_smarthost: ", "    - to: "):
        lines = [line for line in text.splitlines() if once in line and not line.startswith("#")]
        assert len(lines) == 1, once
