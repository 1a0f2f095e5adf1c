"""Asking for the status: what is sent, and what other answers mean."""

from pathlib import Path

import pytest

from anomaly_detector.errors import SourceDeniedError
from anomaly_detector.status.asking import Login, asked
from heronwatch.cli import main
from tests.fakes.canned_http import Canned, canned_http
from tests.fakes.detector_plans import NOWHERE


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Canned(status=401), r"does not let us in \(401\): --username and --password-file"),
        (Canned(status=404, body=b"no such page"), "answers 404 instead of a status: no such page"),
        (Canned(body=b"<html>It works!</html>"), "is no detector of ours"),
        (Canned(body=b'{"status":"success","data":{}}'), "is no detector of ours"),
    ],
)
def test_what_answers_is_something_else(answer: Canned, said: str) -> None:
    with canned_http(answer) as server, pytest.raises(SourceDeniedError, match=said):
        asked(server.url, Login())


def test_a_user_is_let_in_by_a_password_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("a b:c\n")
    body = (
        b'{"version":"1","ready":true,"reasons":[],"memory_bytes":1,'
        b'"status":{"queries":[],"queued_samples":0,"more":"of a newer one"},"new":1}'
    )
    with canned_http(Canned(body=body)) as server:
        report = asked(f"{server.url}/", Login(username="ana", password_file=str(tmp_path / "password")))
    assert report.ready
    assert server.asked[0].path == "/api/v1/status"
    assert server.asked[0].headers["Authorization"] == "Basic YW5hOmEgYjpj"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--url", NOWHERE], f"{NOWHERE}: no connection ("),
        (["--url", "ftp://x"], "'ftp://x'"),
        (["--username", "ana", "--password-file", "/none"], "No such file or directory: '/none'"),
    ],
)
def test_a_detector_that_cannot_be_asked(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["detector", "status", *arguments]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("heronwatch detector status: ")
    assert said in told.err
