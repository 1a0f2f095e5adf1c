"""Secrets stay where they belong: the real process, its log, its pages, its answers and its database."""

import sqlite3
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import requests

from tests.fakes.daemons import Daemon, wait_until
from tests.fakes.webhook_process import webhook

CANARIES = {
    "token": "canary-token-0123456789abcdef",
    "written": "canary-written-0123456789abcdef",
    "query": "canary-query-0123456789abcdef",
    "signature": "canary-signature-0123456789abcdef",
    "bearer": "canary-bearer-0123456789abcdef",
    "password": "canary-password-0123456789abcdef",
    "detector": "canary-detector-0123456789abcdef",
    "prometheus": "canary-prometheus-0123456789abcdef",
    "wrong": "canary-wrong-0123456789abcdef",  # what somebody tries
    "key": "hwk_canary00_0123456789abcdef",
}
CONFIG = """
version: 1
database: {{sqlite: {folder}/webhook.db}}
public_url: http://127.0.0.1:9
integrations:
  am: {{tokens: [{{file: token}}, {written}], policy: default}}
  query:
    {{type: generic, tokens: [{query}], token_in_query: true, mapping: {{labels: {{alertname: name}}}},
      policy: default}}
  gr: {{type: grafana, signature: {{secrets: [{signature}]}}, policy: default}}
people:
  ana: {{contacts: [{{channel: hook}}, {{channel: mail, address: ana@example.org}}]}}
policies:
  default: {{steps: [{{notify: [ana]}}]}}
channels:
  hook:
    {{type: webhook, url: "http://127.0.0.1:9/x", bearer_token: {bearer}, allowed_networks: [127.0.0.0/8], timeout: 1s}}
  mail: {{type: smtp, host: 127.0.0.1, port: 9, from: a@example.org, username: u, password: {password}, timeout: 1s}}
prometheus: {{url: "http://127.0.0.1:9", bearer_token: {prometheus}}}
detector: {{url: "http://127.0.0.1:9", user: hw, password: {detector}}}
"""
GOOD = {
    "version": "4",
    "groupKey": "g",
    "alerts": [
        {
            "status": "firing",
            "labels": {"alertname": "Odd", "severity": "critical", "for": "latency"},
            "startsAt": "2026-01-01T00:00:00Z",
        }
    ],
}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "token").write_text(CANARIES["token"])
    path = tmp_path / "webhook.yml"
    path.write_text(CONFIG.format(folder=tmp_path, **CANARIES))
    return path


@pytest.fixture
def daemon(config: Path) -> Iterator[Daemon]:
    with webhook(config) as running:
        yield running


def bearer(name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {CANARIES[name]}"}


def basic(password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"maria:{password}".encode()).decode()}


def intake(daemon: Daemon) -> Iterator[requests.Response]:
    """Every way to send alerts, right and wrong."""
    am = f"{daemon.url}/api/v1/intake/alertmanager/am"
    yield requests.post(am, json=GOOD, headers=bearer("token"), timeout=20)
    yield requests.post(am, json=GOOD, headers=bearer("written"), timeout=20)
    yield requests.post(am, data=b"{", headers=bearer("token"), timeout=20)
    yield requests.post(am, json={**GOOD, "alerts": [3]}, headers=bearer("token"), timeout=20)
    yield requests.post(am, json=GOOD, headers=bearer("wrong"), timeout=20)
    yield requests.post(f"{am}?token={CANARIES['token']}", json=GOOD, timeout=20)
    yield requests.post(am, json=GOOD, headers=basic(CANARIES["wrong"]), timeout=20)
    generic = f"{daemon.url}/api/v1/intake/generic/query"
    for name in ("query", "wrong"):
        yield requests.post(f"{generic}?token={CANARIES[name]}", json={"name": "Odd"}, timeout=20)
        yield requests.get(f"{generic}?token={CANARIES[name]}", timeout=20)
    signed = {"X-Grafana-Alerting-Signature": CANARIES["signature"]}
    yield requests.post(f"{daemon.url}/api/v1/intake/grafana/gr", json=GOOD, headers=signed, timeout=20)


def pages(daemon: Daemon) -> Iterator[requests.Response]:
    """What can be read, by somebody who is wrong about who they are, and by somebody on this machine."""
    for path in ("/", "/metrics", "/config", "/-/ready", "/incidents", "/api/v1/incidents", "/api/v1/openapi.json"):
        yield requests.get(f"{daemon.url}{path}", timeout=20)
        yield requests.get(f"{daemon.url}{path}", headers=bearer("key"), timeout=20)
        yield requests.get(f"{daemon.url}{path}", headers=basic(CANARIES["wrong"]), timeout=20)
    form = {"user": CANARIES["wrong"], "password": CANARIES["wrong"]}
    yield requests.post(f"{daemon.url}/login", data=form, timeout=20)
    yield requests.post(f"{daemon.url}/-/reload", timeout=20)


def attempts(folder: Path) -> int:
    with closing(sqlite3.connect(folder / "webhook.db")) as database:
        return int(database.execute("SELECT coalesce(sum(attempts), 0) FROM notification").fetchone()[0])


def everything(folder: Path) -> str:
    """The database as SQL."""
    with closing(sqlite3.connect(folder / "webhook.db")) as database:
        return "\n".join(database.iterdump())


def told(texts: dict[str, str]) -> list[tuple[str, str]]:
    return [(where, name) for where, text in texts.items() for name, secret in CANARIES.items() if secret in text]


def test_no_secret_is_told(daemon: Daemon, config: Path) -> None:
    answers = list(intake(daemon))
    assert {answer.status_code for answer in answers} == {200, 400, 401, 405}
    assert [answer.status_code for answer in answers[:2]] == [200, 200]
    answers += pages(daemon)
    wait_until(lambda: attempts(config.parent) >= 2, timeout_s=20, what="pages that fail")
    config.write_text(config.read_text().replace("version: 1", "version: 2"))
    refused = requests.post(f"{daemon.url}/-/reload", timeout=20)
    assert refused.status_code >= 400
    answers += [refused, *pages(daemon)]
    texts = {f"{a.request.method} {a.request.path_url[:30]}": f"{a.headers}{a.text}" for a in answers}
    texts |= {"log": daemon.log_path.read_text(), "database": everything(config.parent)}
    assert "alerts quarantined" in texts["log"]
    assert "'Odd'" in texts["database"]
    assert told(texts) == []


def test_the_search_finds_what_is_there() -> None:
    assert told({"a": f"x{CANARIES['token']}y", "b": "nothing"}) == [("a", "token")]
