"""Fingerprints as Alertmanager computes them, from its own payloads."""

import json
from pathlib import Path

import pytest

from alert_webhook.intake.fingerprint import fingerprint

CODELAB = {
    "alertname": "InstanceDown",
    "code": "200",
    "job": "prometheus",
    "monitor": "codelab-monitor",
    "severity": "critical",
}
GOLDEN = Path(__file__).parents[2] / "golden" / "webhook" / "alertmanager-0.25.json"


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({**CODELAB, "instance": "127.0.0.1:9090"}, "791cec13fcba0368"),
        ({**CODELAB, "instance": "localhost:9090"}, "8df98227bdd81384"),
        ({}, "cbf29ce484222325"),
    ],
)
def test_vectors(labels: dict[str, str], expected: str) -> None:
    assert fingerprint(labels) == expected


def test_order_does_not_matter() -> None:
    assert fingerprint({"a": "1", "b": "2"}) == fingerprint({"b": "2", "a": "1"})


@pytest.mark.parametrize("alert", json.loads(GOLDEN.read_text())["alerts"], ids=lambda alert: alert["fingerprint"])
def test_what_alertmanager_sent(alert: dict[str, dict[str, str]]) -> None:
    assert fingerprint(alert["labels"]) == alert["fingerprint"]
