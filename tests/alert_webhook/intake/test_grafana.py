"""Grafana's bodies, signed as Grafana signs them."""

import json
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from alert_webhook.app import main_app
from alert_webhook.config import Integration
from alert_webhook.errors import BadBodyError
from alert_webhook.intake import grafana
from alert_webhook.intake.blocks import SignatureBlock
from alert_webhook.intake.signature import expected, fault
from heronwatch.secrets import Secret
from tests.fakes.webhook_stack import TOKEN, Stack, config

GOLDEN = Path(__file__).parents[2] / "golden" / "webhook"
PATH = "/api/v1/intake/grafana/gr"
KEY = "a secret that is long enough"
HEADER, TIME_HEADER = "X-Grafana-Alerting-Signature", "X-Signed-At"


def integration(**changes: Any) -> Integration:
    signature = SignatureBlock(secrets=(Secret(KEY),), **changes.pop("signature", {}))
    return Integration(type="grafana", policy="default", signature=signature, **changes)


def client_of(stack: Stack, given: Integration) -> FlaskClient:
    stack.settings = config(integrations={"gr": given})
    return main_app(stack.parts, stack.intake).test_client()


def body(*alerts: Any, **changes: Any) -> bytes:
    alert = {"status": "firing", "labels": {"alertname": "TestAlert", "instance": "Grafana"}}
    return json.dumps({"version": "1", "groupKey": "g", "alerts": list(alerts) or [alert], **changes}).encode()


def post(client: FlaskClient, data: bytes, **headers: str) -> TestResponse:
    return client.post(PATH, data=data, headers=headers)


def signed(data: bytes, key: str = KEY) -> dict[str, str]:
    return {HEADER: expected(key, data).decode()}


@pytest.mark.parametrize(
    ("data", "signature"),
    [
        (b'{"alerts":[]}', "2fa4775cdae90247c4df2b99cc53c31ceabaa7482b71684deceb81bddd9a5968"),
        (b'1700000000:{"alerts":[]}', "b62b83ddf245bd3ad012c8243201a12a8128159af1546c9df3ba66e9e729ce19"),
    ],
)
def test_signatures_are_grafanas(data: bytes, signature: str) -> None:
    assert expected("test-secret", data).decode() == signature


SIGNED_AT = {"timestamp_header": TIME_HEADER}
NOW = 1_700_000_000.0
TIMED = {TIME_HEADER: "1700000000", HEADER: expected(KEY, b"1700000000:x").decode()}
FAULTS: list[tuple[str, dict[str, Any], dict[str, str], str]] = [
    ("right", {}, {HEADER: expected(KEY, b"x").decode()}, ""),
    ("upper case", {}, {HEADER: expected(KEY, b"x").decode().upper()}, ""),
    ("with a prefix", {"prefix": "sha256="}, {HEADER: expected(KEY, b"x", "sha256=").decode()}, ""),
    ("missing", {}, {}, "missing"),
    ("another key", {}, {HEADER: expected("other", b"x").decode()}, "not this body's"),
    ("another body", {}, {HEADER: expected(KEY, b"y").decode()}, "not this body's"),
    ("no text", {}, {HEADER: "\xe9"}, "not this body's"),
    ("with a time", SIGNED_AT, TIMED, ""),
    ("without its time", SIGNED_AT, {HEADER: TIMED[HEADER]}, "no Unix time"),
    ("the time not signed", SIGNED_AT, {**TIMED, HEADER: expected(KEY, b"x").decode()}, "not this body's"),
    ("an old time", SIGNED_AT, {**TIMED, TIME_HEADER: "1699990000"}, "from ours"),
    ("no number", SIGNED_AT, {**TIMED, TIME_HEADER: "now"}, "no Unix time"),
]


@pytest.mark.parametrize(("block", "headers", "told"), [case[1:] for case in FAULTS], ids=[case[0] for case in FAULTS])
def test_signatures(block: dict[str, Any], headers: dict[str, str], told: str) -> None:
    found = fault(SignatureBlock(secrets=(Secret(KEY),), **block), headers.get, b"x", now=NOW)
    assert (told in found) if told else found == ""


def test_a_second_secret_is_valid_while_one_replaces_the_other() -> None:
    block = SignatureBlock(secrets=(Secret("n" * 20), Secret(KEY)))
    assert fault(block, {HEADER: expected(KEY, b"x").decode()}.get, b"x", now=NOW) == ""


def test_a_signed_body_is_taken_and_another_refused(stack: Stack) -> None:
    client, data = client_of(stack, integration()), body()
    assert post(client, data, **signed(data)).json == {"status": "ok", "accepted": 1, "quarantined": 0}
    assert client.put(PATH, data=data, headers=signed(data)).status_code == 200
    assert post(client, data).status_code == 401
    assert post(client, data + b" ", **signed(data)).status_code == 401


def test_a_token_beside_the_signature_is_wanted_too(stack: Stack) -> None:
    client, data = client_of(stack, integration(tokens=(Secret(TOKEN),))), body()
    assert post(client, data, **signed(data)).status_code == 401
    assert post(client, data, Authorization=f"Bearer {TOKEN}").status_code == 401
    assert post(client, data, Authorization=f"Bearer {TOKEN}", **signed(data)).status_code == 200


def test_a_token_as_the_password_of_basic(stack: Stack) -> None:
    client = client_of(stack, Integration(type="grafana", policy="default", tokens=(Secret(TOKEN),)))
    assert client.post(PATH, data=body(), auth=("grafana", TOKEN)).status_code == 200
    assert client.post(PATH, data=body(), auth=("grafana", "wrong")).status_code == 401


def test_an_integration_is_found_under_its_own_type_only(stack: Stack) -> None:
    client, data = client_of(stack, integration()), body()
    for type_ in ("alertmanager", "generic"):
        assert client.post(f"/api/v1/intake/{type_}/gr", data=data, headers=signed(data)).status_code == 404


def test_what_grafana_adds_becomes_annotations_where_there_are_none() -> None:
    alert = {
        "status": "resolved",
        "labels": {"alertname": "High"},
        "annotations": {"dashboard_url": "https://mine.example.org"},
        "valueString": "[ var='B' labels={} value=12 ]",
        "silenceURL": "https://grafana.example.org/alerting/silence/new",
        "dashboardURL": "https://grafana.example.org/d/x",
        "panelURL": None,
        "values": {"B": 12},
    }
    (delivery,) = grafana.decode(body(alert))
    assert delivery.updates[0].annotations == {
        "value_string": "[ var='B' labels={} value=12 ]",
        "silence_url": "https://grafana.example.org/alerting/silence/new",
        "dashboard_url": "https://mine.example.org",
    }


@pytest.mark.parametrize("raw", [b"{", b"[]", b'{"version":"4","alerts":[]}'])
def test_what_is_no_body_of_grafana_is_refused(raw: bytes) -> None:
    with pytest.raises(BadBodyError, match=r"not JSON|Grafana body"):
        list(grafana.decode(raw))
