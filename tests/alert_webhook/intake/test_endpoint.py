"""The intake over HTTP: which input gives which answer. Never 3xx, never 429, 5xx only as 503."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import Client, TestResponse

from alert_webhook.app import main_app, never_429
from alert_webhook.config import Integration
from alert_webhook.store import quarantine
from alert_webhook.store.probing import trouble
from heronwatch.secrets import Secret
from heronwatch.values import ByteSize
from tests.fakes.webhook_stack import TOKEN, Stack, config

PATH = "/api/v1/intake/alertmanager/am"
GOOD = {
    "status": "firing",
    "labels": {"alertname": "LinkDown", "severity": "warning"},
    "startsAt": "2020-08-08T14:32:08Z",
}
OLD_TOKEN = "f" * 32


@pytest.fixture
def client(stack: Stack) -> FlaskClient:
    integration = Integration(tokens=(Secret(TOKEN), Secret(OLD_TOKEN)), policy="default", max_body=ByteSize(100_000))
    stack.settings = config(integrations={"am": integration})
    return main_app(stack.parts, stack.intake).test_client()


def body(*alerts: Any, **changes: Any) -> bytes:
    return json.dumps({"version": "4", "groupKey": "g", "alerts": list(alerts), **changes}).encode()


def post(client: FlaskClient, data: bytes, *, path: str = PATH, token: str = TOKEN, **headers: str) -> TestResponse:
    return client.post(path, data=data, headers={"Authorization": f"Bearer {token}", **headers})


def count(stack: Stack, name: str, **labels: str) -> float:
    registry = stack.registry
    return registry.get_sample_value(f"heronwatch_webhook_{name}", labels) or 0.0


CASES: list[tuple[str, dict[str, Any], int]] = [
    ("good", {"data": body(GOOD)}, 200),
    ("empty group", {"data": body()}, 200),
    ("trailing slash", {"data": body(GOOD), "path": PATH + "/"}, 200),
    ("the token that is being replaced", {"data": body(GOOD), "token": OLD_TOKEN}, 200),
    ("one bad alert", {"data": body(GOOD, {"status": "odd"})}, 200),
    ("only bad alerts", {"data": body(3, None)}, 200),
    ("no body", {"data": b""}, 400),
    ("not JSON", {"data": b"{"}, 400),
    ("nested deeply", {"data": b'{"a":' * 15_000}, 400),
    ("not version 4", {"data": b'{"version":"3","alerts":[]}'}, 422),
    ("Grafana's version", {"data": b'{"version":"1","alerts":[]}'}, 422),
    ("an array", {"data": b"[]"}, 422),
    ("wrong token", {"data": body(GOOD), "token": "wrong"}, 401),
    ("empty token", {"data": body(GOOD), "token": ""}, 401),
    ("no such integration", {"data": body(GOOD), "path": PATH + "x"}, 404),
    ("doubled slashes", {"data": body(GOOD), "path": "/api//v1/intake/alertmanager/am"}, 404),
    ("too large", {"data": b" " * 100_001}, 413),
    ("gzip", {"data": b"\x1f\x8b", "Content-Encoding": "gzip"}, 415),
]


@pytest.mark.parametrize(("arguments", "status"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_answers(client: FlaskClient, stack: Stack, arguments: dict[str, Any], status: int) -> None:
    answer = post(client, **arguments)
    assert answer.status_code == status
    assert "Location" not in answer.headers
    name = "" if status == 404 and arguments["path"].endswith("x") else "am"
    counted = count(stack, "intake_requests_total", integration=name, code=str(status))
    assert counted == (0 if "//" in arguments.get("path", "") else 1)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_any_other_method_is_not_allowed(client: FlaskClient, method: str) -> None:
    answer = client.open(PATH, method=method, headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "POST"


def test_without_a_token_the_answer_asks_for_one(client: FlaskClient) -> None:
    answer = client.post(PATH, data=body(GOOD))
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_one_bad_alert_is_quarantined_and_counted_and_the_others_committed(client: FlaskClient, stack: Stack) -> None:
    answer = post(client, body(GOOD, {"status": "firing", "labels": {}}))
    assert (answer.json["accepted"], answer.json["quarantined"]) == (1, 1)
    assert count(stack, "alerts_quarantined_total", integration="am", reason="no_labels") == 1
    assert count(stack, "alerts_received_total", integration="am", status="firing") == 1
    assert stack.store.read(quarantine.count) == 1


def test_a_refused_body_is_kept_and_counted(client: FlaskClient, stack: Stack) -> None:
    post(client, b"{")
    assert count(stack, "alerts_quarantined_total", integration="am", reason="not_json") == 1
    assert stack.store.read(quarantine.count) == 1


def test_what_is_kept_is_bounded(client: FlaskClient, stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quarantine, "MAX_ROWS", 5)
    for _ in range(9):
        post(client, b"{")
    assert stack.store.read(quarantine.count) == 5


READ_ONLY = {
    "sqlite": ("PRAGMA query_only = ON", "PRAGMA query_only = OFF"),
    "postgresql": ("SET default_transaction_read_only = on", "SET default_transaction_read_only = off"),
}


def test_a_database_that_takes_nothing_is_503_with_the_reason_and_recovers(client: FlaskClient, stack: Stack) -> None:
    engine = stack.store.engine
    off, on = READ_ONLY[engine.dialect.name]
    assert post(client, body(GOOD)).status_code == 200

    def tell_connection(text: str) -> None:
        with engine.connect() as connection:  # the one that the pool hands out next
            connection.exec_driver_sql(text)
            connection.commit()

    tell_connection(off)
    assert post(client, body(GOOD)).status_code == (503 if engine.dialect.name == "sqlite" else 200)  # known already
    answer = post(client, body({**GOOD, "labels": {"alertname": "Another"}}))
    assert answer.status_code == 503
    assert re.search("readonly|read-only", answer.json["error"])
    assert trouble(stack.store)
    tell_connection(on)
    assert post(client, body(GOOD)).status_code == 200
    assert trouble(stack.store) == ""


def test_too_many_at_once_is_503(client: FlaskClient, stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    from alert_webhook.intake import accepting

    monkeypatch.setattr(accepting, "WAIT_FOR_TURN_S", 0.01)
    for _ in range(accepting.AT_ONCE):
        stack.intake._turns.acquire()
    assert post(client, body(GOOD)).status_code == 503
    stack.intake._turns.release()
    assert post(client, body(GOOD)).status_code == 200


def test_more_than_may_wait_are_503_at_once(client: FlaskClient, stack: Stack) -> None:
    while stack.intake._room.acquire(blocking=False):
        pass
    assert post(client, body(GOOD)).status_code == 503


def test_what_limits_rates_says_503_to_a_sender() -> None:
    def limiter(environ: Any, start_response: Any) -> list[bytes]:
        start_response("429 Too Many Requests", [])
        return []

    client = Client(never_429(limiter))
    assert client.post(PATH).status_code == 503
    assert client.get("/incidents").status_code == 429


def test_a_group_of_many_alerts_is_one_page(client: FlaskClient, stack: Stack) -> None:
    many = [{**GOOD, "labels": {"alertname": "LinkDown", "severity": "high", "port": str(n)}} for n in range(400)]
    assert post(client, body(*many)).json["accepted"] == 400
    stack.settle()
    message = stack.phone("ana").expects("LinkDown")
    assert (message.incident.firing, message.incident.total, len(message.incident.alerts)) == (400, 400, 20)


bytes_of_any_kind = st.one_of(
    st.binary(max_size=300),
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=8,
    ).map(lambda value: json.dumps({"version": "4", "alerts": [value, GOOD]}).encode()),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(raw=bytes_of_any_kind)
def test_any_body_is_answered_2xx_4xx_or_503(client: FlaskClient, raw: bytes) -> None:
    status = post(client, raw).status_code
    assert status in {200, 400, 413, 422, 503}


def test_golden_payload_of_alertmanager_025(client: FlaskClient) -> None:
    golden = Path(__file__).parents[2] / "golden" / "webhook" / "alertmanager-0.25.json"
    answer = post(client, golden.read_bytes())
    assert answer.json == {"status": "ok", "accepted": 2, "quarantined": 0}
