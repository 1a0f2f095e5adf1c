"""The real Alertmanager's API: what it no longer knows ends here, what it left out or could not deliver arrives."""

import math
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from alert_webhook.config import Integration
from alert_webhook.delivery.channel import IncidentView
from alert_webhook.incidents.transitions import State
from alert_webhook.intake.blocks import AlertmanagerApi
from alert_webhook.intake.keeping import Keeping, KeepingMeters
from alert_webhook.intake.reconcile_gauges import ReconcileGauges
from alert_webhook.store import reconciled, views
from heronwatch.secrets import Secret
from heronwatch.values import Duration, HttpUrl
from tests.fakes.clock import FakeClock
from tests.fakes.daemons import Daemon, alertmanager, free_port, wait_until
from tests.fakes.webhook_stack import TOKEN, Stack, config

CONFIG = "route: {receiver: pager, group_by: [alertname]}\nreceivers: [{name: pager}, {name: other}]\n"
EVERY_S = 30.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with alertmanager(tmp_path_factory.mktemp("am"), CONFIG) as daemon:
        yield daemon


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(now=time.time() + 3600)  # the server has been up for an hour, then


@pytest.fixture
def keeping(stack: Stack, server: Daemon) -> Keeping:
    use(stack, server.url)
    return Keeping(stack.parts, KeepingMeters(stack.registry))


def use(stack: Stack, *urls: str, **changes: Any) -> None:
    api = AlertmanagerApi(
        urls=tuple(HttpUrl.parse(url) for url in urls),
        receiver="pager",
        every=Duration(EVERY_S),
        timeout=Duration(5),
        **changes,
    )
    integration = Integration(tokens=(Secret(TOKEN),), policy="default", alertmanager=api)
    stack.settings = config(integrations={"am": integration})


def tell(server: Daemon, name: str, *, ends_in_s: float = 7200, **labels: str) -> dict[str, str]:
    now = datetime.now(UTC)
    all_labels = {"alertname": name, "severity": "warning", **labels}
    alert = {
        "labels": all_labels,
        "startsAt": (now - timedelta(seconds=5)).isoformat(),
        "endsAt": (now + timedelta(seconds=ends_in_s)).isoformat(),
    }
    requests.post(f"{server.url}/api/v2/alerts", json=[alert], timeout=20).raise_for_status()
    known = ends_in_s > 0
    wait_until(lambda: (name in listed(server)) is known, what=f"{name} to be {known} in the API")
    return all_labels


def listed(server: Daemon) -> set[str]:
    answer = requests.get(f"{server.url}/api/v2/alerts", timeout=20).json()
    return {alert["labels"]["alertname"] for alert in answer if alert["status"]["state"] != "unprocessed"}


def arrives(stack: Stack, labels: dict[str, str], **envelope: Any) -> None:
    alert = {
        "status": "firing",
        "labels": labels,
        "annotations": {"summary": "kept"},
        "startsAt": "2026-01-01T00:00:00Z",
    }
    assert stack.post(alert, group=labels["alertname"], **envelope).status == 200


def minutes(stack: Stack, keeping: Keeping, number: float) -> None:
    for _ in range(int(number * 60 / EVERY_S)):
        stack.clock.advance(EVERY_S)
        keeping.turn()


def by_title(stack: Stack) -> dict[str, IncidentView]:
    found = stack.store.read(lambda tx: views.incident_list(tx, states=frozenset(State)))
    return {incident.title: incident for incident in reversed(found)}  # the newest of each title


def test_an_alert_that_was_silenced_and_went_away_ends_within_two_minutes(
    stack: Stack, keeping: Keeping, server: Daemon
) -> None:
    arrives(stack, tell(server, "Stays"))
    arrives(stack, tell(server, "Silenced"))
    silence = {
        "matchers": [{"name": "alertname", "value": "Silenced", "isRegex": False}],
        "startsAt": datetime.now(UTC).isoformat(),
        "endsAt": (datetime.now(UTC) + timedelta(hours=4)).isoformat(),
        "createdBy": "test",
        "comment": "test",
    }
    requests.post(f"{server.url}/api/v2/silences", json=silence, timeout=20).raise_for_status()
    minutes(stack, keeping, 3)
    assert by_title(stack)["Silenced"].state == "new"  # silenced is not over
    tell(server, "Silenced", ends_in_s=-1)
    minutes(stack, keeping, 2)
    assert (by_title(stack)["Silenced"].state, by_title(stack)["Stays"].state) == ("expired", "new")
    corrected = {"integration": "am", "how": "gone"}
    assert stack.registry.get_sample_value("heronwatch_webhook_reconciled_alerts_total", corrected) == 1
    arrives(stack, {"alertname": "Silenced", "severity": "warning"})  # and when it is said to fire after all:
    assert by_title(stack)["Silenced"].state == "new"


def test_nothing_ends_while_a_node_does_not_answer(stack: Stack, keeping: Keeping, server: Daemon) -> None:
    arrives(stack, {"alertname": "Gone", "severity": "warning"})
    use(stack, server.url, f"http://127.0.0.1:{free_port()}")
    minutes(stack, keeping, 10)
    assert by_title(stack)["Gone"].state == "new"
    (standing,) = stack.store.read(reconciled.standings)
    assert "127.0.0.1" in standing.trouble
    assert age_s(stack) == math.inf
    use(stack, server.url)
    minutes(stack, keeping, 2)
    assert by_title(stack)["Gone"].state == "expired"
    assert age_s(stack) <= 60
    stack.clock.advance(600)
    assert 600 <= age_s(stack) <= 660


def age_s(stack: Stack) -> float:
    """How long ago the only integration was compared, as /metrics has it."""
    (family,) = ReconcileGauges(stack.store, lambda: stack.settings).collect()
    (sample,) = family.samples
    assert (family.name, sample.labels) == ("heronwatch_webhook_reconcile_age_seconds", {"integration": "am"})
    return float(sample.value)


def test_nothing_ends_while_a_node_has_just_started(stack: Stack, keeping: Keeping, server: Daemon) -> None:
    arrives(stack, {"alertname": "Gone", "severity": "warning"})
    use(stack, server.url, settle=Duration(86_400))
    minutes(stack, keeping, 5)
    assert by_title(stack)["Gone"].state == "new"


def test_an_alert_that_never_arrived_is_added(stack: Stack, keeping: Keeping, server: Daemon) -> None:
    tell(server, "NeverCame")
    keeping.turn()
    incident = by_title(stack)["NeverCame"]
    assert (incident.state, incident.firing) == ("new", 1)


def test_what_a_truncated_body_left_out_is_asked_for(stack: Stack, keeping: Keeping, server: Daemon) -> None:
    first = tell(server, "Truncated", port="1")
    tell(server, "Truncated", port="2")
    group = {"alertname": "Truncated"}
    arrives(stack, first, receiver="pager", groupLabels=group, truncatedAlerts=1)
    assert by_title(stack)["Truncated"].total == 2


def test_a_truncated_body_is_taken_while_the_api_is_away(stack: Stack) -> None:
    use(stack, f"http://127.0.0.1:{free_port()}")
    labels = {"alertname": "Truncated", "severity": "warning"}
    arrives(stack, labels, receiver="pager", groupLabels={"alertname": "Truncated"}, truncatedAlerts=1)
    assert by_title(stack)["Truncated"].total == 1
    assert stack.registry.get_sample_value("heronwatch_webhook_alerts_truncated_total", {"integration": "am"}) == 1


def test_of_two_processes_one_compares(stack: Stack, server: Daemon) -> None:
    def turn(owner: str) -> bool:
        return stack.store.write(lambda tx: reconciled.take_turn(tx, "am", owner=owner, every_s=EVERY_S), "test")

    assert (turn("a"), turn("b"), turn("a")) == (True, False, False)
    stack.clock.advance(EVERY_S)
    assert (turn("b"), turn("a")) == (False, True)
    stack.clock.advance(3 * EVERY_S)
    assert (turn("b"), turn("a")) == (True, False)
