"""What the real Alertmanager sends now, installed and newest, recorded on its way and read as the golden bodies are."""

import json
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from alert_webhook.intake.fingerprint import fingerprint
from alert_webhook.store import incidents
from tests.fakes.daemons import Daemon, alertmanager, wait_until
from tests.fakes.newest import ALERTMANAGER, newest
from tests.fakes.webhook_process import Sink
from tests.fakes.webhook_stack import Stack

ROUTES = """
route:
  receiver: team.a
  group_by: [alertname]
  group_wait: 100ms
  group_interval: 500ms
receivers:
  - name: team.a
    webhook_configs: [{{url: "{sink}", send_resolved: true}}]
"""
TOP = {
    "receiver", "status", "alerts", "groupLabels", "commonLabels", "commonAnnotations", "externalURL", "version",
    "groupKey", "truncatedAlerts",
}  # fmt: skip
EACH = {"status", "labels", "annotations", "startsAt", "endsAt", "generatorURL", "fingerprint"}
LABELS = {"alertname": "Café ☕ {{x}}", "severity": "critical", "instance": "sw1", "empty": ""}


def installed(tmp_path: Path, config: str) -> AbstractContextManager[Daemon]:
    return alertmanager(tmp_path, config)


def of_today(tmp_path: Path, config: str) -> AbstractContextManager[Daemon]:
    return newest(ALERTMANAGER, alertmanager(tmp_path, config))


def push(am: Daemon, *, ends_in_s: float) -> None:
    moments = {"startsAt": STARTED, "endsAt": time.time() + ends_in_s}
    times = {name: datetime.fromtimestamp(at, UTC).isoformat() for name, at in moments.items()}
    alert = {"labels": LABELS, "annotations": {"summary": "a\nb"}, "generatorURL": "http://prometheus:9090/graph"}
    requests.post(f"{am.url}/api/v2/alerts", json=[{**alert, **times}], timeout=10).raise_for_status()


STARTED = time.time() - 60


def recorded(sink: Sink, status: str) -> dict[str, Any]:
    wait_until(lambda: any(each["status"] == status for each in sink.received), 20, f"a body that says {status}")
    body: dict[str, Any] = next(each for each in sink.received if each["status"] == status)
    return body


@pytest.mark.alertmanager
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize("start", [installed, pytest.param(of_today, marks=pytest.mark.newest)])
def test_what_alertmanager_sends(
    stack: Stack, tmp_path: Path, start: Callable[[Path, str], AbstractContextManager[Daemon]]
) -> None:
    with Sink() as sink, start(tmp_path, ROUTES.format(sink=sink.url)) as am:
        push(am, ends_in_s=300)
        firing = recorded(sink, "firing")
        push(am, ends_in_s=-1)
        resolved = recorded(sink, "resolved")
    for body in (firing, resolved):
        assert set(body) >= TOP
        assert set(body["alerts"][0]) >= EACH
        assert (body["version"], body["receiver"]) == ("4", "team\\.a")
        assert body["alerts"][0]["fingerprint"] == fingerprint(body["alerts"][0]["labels"])
    assert accepted(stack, firing) == (200, 1, 0)
    code = stack.phone("ana").expects("Café ☕ {{x}}").incident.code
    stack.mailbox("ana").expects()
    assert accepted(stack, resolved) == (200, 1, 0)
    stack.phone("ana").expects(reason="resolved")
    stack.mailbox("ana").expects(reason="resolved")
    incident = stack.store.read(lambda tx: incidents.find(tx, code))
    assert incident is not None
    assert (incident.state, incident.source_url) == ("resolved", firing["externalURL"])


def accepted(stack: Stack, body: dict[str, Any]) -> tuple[int, int, int]:
    reply = stack.intake.accept("am", stack.settings.integrations["am"], json.dumps(body).encode())
    stack.settle()
    return reply.status, reply.accepted, reply.quarantined
