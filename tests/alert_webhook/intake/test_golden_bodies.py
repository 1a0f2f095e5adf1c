"""Whoever tells the story, in whichever version's words: one incident, the same pages (golden/webhook/README.md)."""

import json
from pathlib import Path
from typing import Any

import pytest

from alert_webhook.config import Integration
from alert_webhook.delivery.channel import IncidentView
from alert_webhook.incidents.transitions import State
from alert_webhook.store import incidents, views
from heronwatch.secrets import Secret
from tests.fakes.webhook_stack import TOKEN, Stack, config

GOLDEN = Path(__file__).parents[2] / "golden" / "webhook"
STORY = sorted(path.stem for path in GOLDEN.glob("*.json") if path.stem != "alertmanager-0.25")
OWN_LABELS = {"alertgroup", "grafana_folder"}  # what senders add of themselves
STARTED = 1_772_359_200.5  # 2026-03-01T10:00:00.5Z


def type_of(name: str) -> str:
    return "grafana" if name.startswith("grafana") else "alertmanager"


def body(name: str, *, resolved: bool = False) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((GOLDEN / f"{name}.json").read_text())
    if resolved:
        ends = [{**alert, "status": "resolved", "endsAt": "2026-03-01T10:20:00Z"} for alert in told["alerts"]]
        told |= {"status": "resolved", "alerts": ends}
    return told


def tell(stack: Stack, name: str, told: dict[str, Any]) -> None:
    given: dict[str, Any] = {"type": type_of(name), "tokens": (Secret(TOKEN),), "policy": "default"}
    integration = Integration(**given)
    stack.settings = config(integrations={"in": integration})
    reply = stack.intake.accept("in", integration, json.dumps(told).encode())
    assert (reply.status, reply.accepted, reply.quarantined) == (200, len(told["alerts"]), 0)
    stack.settle()


def only_incident(stack: Stack) -> IncidentView:
    (found,) = stack.store.read(lambda tx: views.incident_list(tx, states=frozenset(State)))
    subject = stack.store.read(lambda tx: incidents.get(tx, found.id))
    assert subject is not None
    return stack.store.read(lambda tx: views.incident_view(tx, subject))


def told_of(view: IncidentView) -> dict[str, Any]:
    """What every sender tells, without what each adds of itself."""
    alerts = [
        ({k: v for k, v in each.labels.items() if k not in OWN_LABELS}, each.annotations["summary"], each.started_at)
        for each in view.alerts
    ]
    return {
        "title": view.title,
        "severity": view.severity,
        "state": view.state,
        "firing": view.firing,
        "total": view.total,
        "alerts": sorted(alerts, key=str),
    }


def expected(state: str, firing: int) -> dict[str, Any]:
    def alert(number: int) -> tuple[dict[str, str], str, float]:
        labels = {"alertname": "LinkDown", "instance": f"sw{number}", "severity": "critical"}
        return labels, f"port {number} of sw{number} is down", STARTED

    alerts = [alert(1), alert(2)]
    return {
        "title": "LinkDown",
        "severity": "critical",
        "state": state,
        "firing": firing,
        "total": 2,
        "alerts": alerts,
    }


def test_every_sender_of_the_reference_is_here() -> None:
    versions = {f"alertmanager-0.{minor}" for minor in (19, 27, 31, 34)} | {
        f"grafana-{major}" for major in (9, 11, 12, 13)
    }
    assert set(STORY) == versions | {"vmalert", "mimir"}


@pytest.mark.parametrize("name", STORY)
def test_one_incident_and_its_end(stack: Stack, name: str) -> None:
    tell(stack, name, body(name))
    tell(stack, name, body(name))  # a peer's copy
    told = told_of(only_incident(stack))
    assert told == expected("new", 2) | {"title": told["title"]}
    assert "LinkDown" in told["title"]
    stack.phone("ana").expects("LinkDown")
    stack.mailbox("ana").expects("LinkDown")
    tell(stack, name, body(name, resolved=True))
    tell(stack, name, body(name))  # a lagging peer's word: old news
    assert told_of(only_incident(stack))["state"] == "resolved"
    stack.phone("ana").expects("LinkDown", reason="resolved")
    stack.mailbox("ana").expects("LinkDown", reason="resolved")


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_all_senders_fingerprints_are_ours(stack: Stack) -> None:
    """Computed from the labels as Alertmanager does it; what is in a body only confirms it."""
    from alert_webhook.intake.fingerprint import fingerprint

    for name in (*STORY, "alertmanager-0.25"):
        for alert in body(name)["alerts"]:
            assert fingerprint(alert["labels"]) == alert["fingerprint"], name
