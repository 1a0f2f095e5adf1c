"""The JSON API: who may read it, and what it says."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from alert_webhook.app import main_app, public_app
from alert_webhook.incidents.actions import acknowledge
from alert_webhook.store import accounts
from tests.fakes.quick_password import quick_hash
from tests.fakes.webhook_stack import Stack

PASSWORD = "correct horse battery"
HASHED = quick_hash(PASSWORD)


@pytest.fixture
def client(stack: Stack) -> FlaskClient:
    stack.store.write(lambda tx: accounts.save_user(tx, "ana", HASHED), "test")
    return main_app(stack.parts, stack.intake).test_client()


def get(client: FlaskClient, path: str, *, auth: tuple[str, str] | None = ("ana", PASSWORD)) -> Any:
    return client.get(f"/api/v1/{path}", auth=auth)


@pytest.mark.parametrize("path", ["incidents", "incidents/ABCD"])
@pytest.mark.parametrize("auth", [None, ("ana", "wrong"), ("nobody", PASSWORD), ("ana", ""), ("", "")])
def test_nobody_reads_it_without_a_user(client: FlaskClient, path: str, auth: tuple[str, str] | None) -> None:
    answer = get(client, path, auth=auth)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic")


def test_a_bearer_token_of_an_integration_is_no_user(client: FlaskClient) -> None:
    answer = client.get("/api/v1/incidents", headers={"Authorization": "Bearer 0123456789abcdef0123456789abcdef"})
    assert answer.status_code == 401


def test_a_new_password_counts_at_once(client: FlaskClient, stack: Stack) -> None:
    assert get(client, "incidents").status_code == 200
    stack.store.write(lambda tx: accounts.save_user(tx, "ana", quick_hash("another password")), "test")
    assert get(client, "incidents").status_code == 401
    assert get(client, "incidents", auth=("ana", "another password")).status_code == 200


def test_the_list_is_of_open_incidents_newest_first(client: FlaskClient, stack: Stack) -> None:
    for name in ("A", "B", "C"):
        stack.fire(name, severity="warning")
    stack.resolve("B", severity="warning", at=1)
    assert [each["title"] for each in get(client, "incidents").json["incidents"]] == ["C", "A"]
    assert [each["title"] for each in get(client, "incidents?state=resolved").json["incidents"]] == ["B"]
    assert len(get(client, "incidents?state=all&limit=2").json["incidents"]) == 2
    oldest = get(client, "incidents?state=all").json["incidents"][1]["id"]
    assert [each["title"] for each in get(client, f"incidents?state=all&before={oldest}").json["incidents"]] == ["A"]


@pytest.mark.parametrize("query", ["state=odd", "state="])
def test_a_wrong_state_is_told_what_there_is(client: FlaskClient, query: str) -> None:
    answer = get(client, f"incidents?{query}")
    assert answer.status_code == 400
    assert "acknowledged" in answer.json["error"]


def test_one_incident_has_its_alerts_and_its_timeline(client: FlaskClient, stack: Stack) -> None:
    stack.fire("LinkDown", severity="high", instance="sw1")
    stack.phone("ana").expects()
    listed = get(client, "incidents").json["incidents"][0]
    acknowledge(stack.parts, listed["id"], who="ana", via="link to ana/sms")
    found = get(client, f"incidents/{listed['code'].lower()}").json
    assert (found["state"], found["acked_by"]) == ("acknowledged", "ana")
    assert found["alerts"][0]["labels"]["instance"] == "sw1"
    assert [event["kind"] for event in found["timeline"]] == ["began", "step", "sent", "acknowledged"]
    assert found["timeline"][-1] == {
        "at": stack.clock.now(),
        "kind": "acknowledged",
        "who": "ana",
        "text": "acknowledged by ana, link to ana/sms",
    }


def test_no_such_incident(client: FlaskClient) -> None:
    assert get(client, "incidents/XXXX").status_code == 404


def test_the_public_listener_has_neither_api_nor_intake_nor_pages(stack: Stack) -> None:
    rules = {rule.rule for rule in public_app(stack.parts).url_map.iter_rules()}
    assert all(rule.startswith(("/a/", "/callbacks/", "/calendars/")) for rule in rules)
