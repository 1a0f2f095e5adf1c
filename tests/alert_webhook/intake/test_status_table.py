"""Which request gets which answer, on all three intakes: never 3xx, never 429, 5xx only as 503."""

import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from alert_webhook.app import main_app
from alert_webhook.config import Integration
from alert_webhook.errors import StoreUnavailableError
from alert_webhook.intake.blocks import MappingBlock, SignatureBlock
from heronwatch.secrets import Secret
from heronwatch.values import ByteSize
from tests.fakes.webhook_stack import TOKEN, Stack, config

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)  # answers that no database changes
TYPES = ("alertmanager", "grafana", "generic")
VERSIONS = {"alertmanager": "4", "grafana": "1", "generic": ""}
BEARER = {"Authorization": f"Bearer {TOKEN}"}
MAX_BODY = 20_000
ALERT = {"status": "firing", "labels": {"alertname": "LinkDown", "severity": "info"}}


def integrations() -> dict[str, Integration]:
    mapping = MappingBlock(alerts="alerts", labels={"alertname": "labels.alertname"}, status="status")
    every: dict[str, Any] = {"tokens": (Secret(TOKEN),), "policy": "default", "max_body": ByteSize(MAX_BODY)}
    signature = SignatureBlock(secrets=(Secret("s" * 20),))
    return {
        "alertmanager": Integration(**every),
        "grafana": Integration(type="grafana", **every),
        "generic": Integration(type="generic", mapping=mapping, **every),
        "signed": Integration(type="grafana", signature=signature, **every),
    }


@pytest.fixture
def client(stack: Stack) -> FlaskClient:
    stack.settings = config(integrations=integrations())
    return main_app(stack.parts, stack.intake).test_client()


def path(type_: str, name: str = "") -> str:
    return f"/api/v1/intake/{type_}/{name or type_}"


def body(type_: str, *alerts: Any) -> bytes:
    return json.dumps({"version": VERSIONS[type_], "groupKey": "g", "alerts": list(alerts)}).encode()


def ask(client: FlaskClient, type_: str, **given: Any) -> TestResponse:
    what: dict[str, Any] = {
        "path": path(type_),
        "method": "POST",
        "headers": BEARER,
        "data": body(type_, ALERT),
        **given,
    }
    answer = client.open(what.pop("path"), **what)
    assert answer.status_code // 100 != 3
    assert answer.status_code != 429
    assert answer.status_code < 500 or answer.status_code == 503
    assert "Location" not in answer.headers
    return answer


BODIES: list[tuple[str, Any, dict[str, int]]] = [  # what is sent → the answer of each type
    ("nothing", b"", dict.fromkeys(TYPES, 400)),
    ("half of a body", b'{"version": "4", "alerts": [', dict.fromkeys(TYPES, 400)),
    ("a form", b"payload=%7B%7D", dict.fromkeys(TYPES, 400)),
    ("a number", b"3", dict.fromkeys(TYPES, 422)),
    ("null", b"null", dict.fromkeys(TYPES, 422)),
    ("a list", b"[]", dict.fromkeys(TYPES, 422)),
    ("no alerts", b'{"version": "9"}', dict.fromkeys(TYPES, 422)),
    ("alerts that are no list", b'{"version": "4", "alerts": 3}', dict.fromkeys(TYPES, 422)),
    (
        "Alertmanager's version",
        b'{"version": "4", "alerts": []}',
        {"alertmanager": 200, "grafana": 422, "generic": 200},
    ),
    ("Grafana's version", b'{"version": "1", "alerts": []}', {"alertmanager": 422, "grafana": 200, "generic": 200}),
    ("a version that is a number", b'{"version": 4, "alerts": []}', {**dict.fromkeys(TYPES, 422), "generic": 200}),
    ("a byte order mark", b'\xef\xbb\xbf{"version": "4", "alerts": []}', dict.fromkeys(TYPES, 400)),
    ("UTF-16", '{"version": "4", "alerts": []}'.encode("utf-16"), dict.fromkeys(TYPES, 400)),
    ("two bodies", b'{"version": "4", "alerts": []}{}', dict.fromkeys(TYPES, 400)),
    ("too large", b" " * (MAX_BODY + 1), dict.fromkeys(TYPES, 413)),
]


@pytest.mark.parametrize(("data", "statuses"), [case[1:] for case in BODIES], ids=[case[0] for case in BODIES])
def test_bodies(client: FlaskClient, data: bytes, statuses: dict[str, int]) -> None:
    for type_ in TYPES:
        assert ask(client, type_, data=data).status_code == statuses[type_]


def test_good_and_bad_alerts_are_200(client: FlaskClient) -> None:
    for type_ in TYPES:
        for alerts in ((ALERT,), (), (ALERT, 3), (None, {})):
            assert ask(client, type_, data=body(type_, *alerts)).status_code == 200


def test_who_is_not_let_in(client: FlaskClient) -> None:
    for type_ in TYPES:
        for headers in (
            {},
            {"Authorization": "Bearer x"},
            {"Authorization": "Basic x"},
            {"Authorization": f"Bearer {TOKEN}x"},
        ):
            answer = ask(client, type_, headers=headers)
            assert (answer.status_code, "WWW-Authenticate" in answer.headers) == (401, True)
        assert ask(client, type_, headers={}, path=path(type_) + f"?token={TOKEN}").status_code == 401
        assert ask(client, "grafana", path=path("grafana", "signed")).status_code == 401  # a token, and no signature


def test_where_nobody_listens(client: FlaskClient) -> None:
    for type_ in TYPES:
        others = [path(type_, other) for other in TYPES if other != type_]  # of another type
        for where in (
            *others,
            path(type_, "none"),
            path(type_) + "/more",
            f"/api/v1/intake/{type_}",
            f"//{path(type_)[1:]}",
        ):
            assert ask(client, type_, path=where).status_code == 404, where
        assert ask(client, type_, path=path(type_) + "/").status_code == 200  # the same place


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"])
def test_methods(client: FlaskClient, method: str) -> None:
    for type_ in TYPES:
        for where in (path(type_), path(type_) + "/", path(type_, "none")):
            answer = ask(client, type_, method=method, path=where)
            if method == "PUT" and type_ != "alertmanager":  # Grafana lets one choose
                assert answer.status_code == (404 if where.endswith("none") else 200)
            else:
                assert answer.status_code == 405
                assert set(answer.headers["Allow"].split(", ")) == (
                    {"POST"} if type_ == "alertmanager" else {"POST", "PUT"}
                )


ENCODINGS = ["gzip", "GZIP", "deflate", "br", "zstd", "gzip, gzip", "identity, gzip", "x-unknown"]


def test_compressed_bodies_are_refused_unread(client: FlaskClient) -> None:
    for type_ in TYPES:
        bomb = gzip.compress(b" " * 5_000_000)
        for encoding in ENCODINGS:
            answer = ask(client, type_, data=bomb, headers={**BEARER, "Content-Encoding": encoding})
            assert answer.status_code == 415, encoding
        for encoding in ("", "identity", "Identity"):
            assert ask(client, type_, headers={**BEARER, "Content-Encoding": encoding}).status_code == 200
        assert ask(client, type_, data=bomb).status_code == 400  # compressed without saying so


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_the_content_type_does_not_matter(client: FlaskClient, content_type: str) -> None:
    for type_ in TYPES:
        assert ask(client, type_, content_type=content_type).status_code == 200


@pytest.fixture
def overloaded(stack: Stack) -> Iterator[None]:
    taken = 0
    while stack.intake._room.acquire(blocking=False):
        taken += 1
    yield
    for _ in range(taken):
        stack.intake._room.release()


def test_overload_is_503(client: FlaskClient, overloaded: None) -> None:
    for type_ in TYPES:
        assert ask(client, type_).status_code == 503
        assert ask(client, type_, headers={}).status_code == 401  # what never gets in waits for nothing


def test_a_database_that_is_away_is_503(stack: Stack, client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_args: object) -> None:
        raise StoreUnavailableError("away")

    monkeypatch.setattr(stack.store, "write", away)
    for type_ in TYPES:
        assert ask(client, type_).status_code == 503
        assert ask(client, type_, data=b"{").status_code == 400  # that it cannot be kept changes nothing
