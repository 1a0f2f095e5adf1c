"""schemathesis asks the running service everything that its OpenAPI document allows, and what it does not.

The real process on a real socket, an admin's key: no 5xx but 503, every answer has a status, a content type and a shape
that the document names, what the document forbids is refused, and what it allows is not.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from alert_webhook.accounts_command import add_key
from alert_webhook.administration import Terminal
from alert_webhook.rights import Scope
from tests.fakes.daemons import Daemon
from tests.fakes.webhook_process import TOKEN, webhook, write_config

MORE = """
schedules:
  network: {time_zone: Europe/Madrid, layers: [{people: [ana]}]}
detector: {url: "http://127.0.0.1:9"}
"""  # a detector that never answers
ALERT = {"alertname": "Odd", "severity": "critical", "for": "latency"}
FIRING = {"status": "firing", "labels": ALERT, "startsAt": "2026-01-01T00:00:00Z"}

# 422: what only the configuration can tell, such as who works here. The check "ignored_auth" guesses passwords, and is
# told to wait (429): the table of routes and guards is tested elsewhere.
SETTINGS = """
[checks]
ignored_auth.enabled = false
positive_data_acceptance.expected-statuses = ["2xx", 401, 403, 404, 409, 422, 429]

[[operations]]
include-name = "GET /oncall/shifts/{schedule}"
parameters = {"path.schedule" = "network"}
checks.positive_data_acceptance.enabled = false  # "from" before "to"

[[operations]]
include-name = "POST /incidents/{code}/false-alarm"  # the detector does not answer
checks.not_a_server_error.expected-statuses = ["2xx", "4xx", 503]
checks.positive_data_acceptance.expected-statuses = [401, 403, 404, 409, 422, 429, 503]
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("INTAKE_TOKEN", TOKEN)
    path = write_config(tmp_path, "http://127.0.0.1:9/")
    path.write_text(path.read_text() + MORE)
    return path


@contextmanager
def asked(config: Path) -> Iterator[tuple[Daemon, str]]:
    """The service with an open incident and an admin's key."""
    with webhook(config) as daemon:
        said: list[str] = []
        add_key([str(config)], "schemathesis", [scope.value for scope in Scope], 9, Terminal(said.append, print))
        body = {"version": "4", "groupKey": "g", "alerts": [FIRING]}
        where, bearer = f"{daemon.url}/api/v1/intake/alertmanager/am", {"Authorization": f"Bearer {TOKEN}"}
        assert requests.post(where, json=body, headers=bearer, timeout=20).status_code == 200
        yield daemon, said[0]


def run(daemon: Daemon, key: str, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    settings = folder / "schemathesis.toml"
    settings.write_text(SETTINGS)
    program = Path(sys.executable).with_name("schemathesis")
    where = f"{daemon.url}/api/v1/openapi.json"
    command = (str(program), "--config-file", str(settings), "run", where, "-H", f"Authorization: Bearer {key}")
    environment = {**os.environ, "NO_PROXY": "*", "COLUMNS": "200"}
    return subprocess.run(
        [*command, "--no-color", "--report-dir", str(folder), *options],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def holds(done: subprocess.CompletedProcess[str], daemon: Daemon) -> None:
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "Operations:" in done.stdout
    assert "Traceback" not in daemon.log_path.read_text()


@pytest.mark.timeout(120)
def test_what_the_document_says_is_what_the_service_does(config: Path) -> None:
    with asked(config) as (daemon, key):
        options = ("--phases", "coverage,fuzzing", "--max-examples", "1", "--generation-deterministic")
        holds(run(daemon, key, config.parent, *options), daemon)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_what_the_document_says_is_what_the_service_does_however_often_it_is_asked(config: Path) -> None:
    with asked(config) as (daemon, key):
        options = ("--phases", "examples,coverage,fuzzing,stateful", "--max-examples", "150")
        holds(run(daemon, key, config.parent, *options), daemon)
