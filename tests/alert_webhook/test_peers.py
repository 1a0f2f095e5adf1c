"""Asking a service of our own site."""

import base64

import pytest

from alert_webhook.peer_blocks import Access
from alert_webhook.peers import Peer, PeerAnswer
from heronwatch.secrets import Secret
from heronwatch.values import Duration
from tests.fakes.canned_http import Canned, CannedServer, canned_http

MOST_BYTES = 1000


def asked(access: Access, *answers: Canned) -> tuple[PeerAnswer, CannedServer]:
    with canned_http(*answers) as server:
        return Peer(server.url + "/", access).get("/api/v2/status", most_bytes=MOST_BYTES), server


@pytest.mark.parametrize(
    ("access", "authorization"),
    [
        (Access(), None),
        (Access(bearer_token=Secret("t0ken")), "Bearer t0ken"),
        (Access(user="ana", password=Secret("s3cret")), "Basic " + base64.b64encode(b"ana:s3cret").decode()),
    ],
)
def test_it_is_asked_as_the_block_says(
    access: Access, authorization: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing comes out of the environment: no proxy, no password of a .netrc."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    answer, server = asked(access, Canned(body=b"ok"))
    assert answer == PeerAnswer(200, b"ok")
    (request,) = server.asked
    assert (request.method, request.path, request.headers.get("Authorization")) == (
        "GET", "/api/v2/status", authorization,
    )  # fmt: skip


def test_a_redirect_is_not_followed() -> None:
    answer, server = asked(Access(), Canned(302, headers={"Location": "/elsewhere"}), Canned(body=b"elsewhere"))
    assert (answer.status, len(server.asked)) == (302, 1)


def test_an_answer_that_is_too_large_is_none() -> None:
    answer, _ = asked(Access(), Canned(body=b"x" * (MOST_BYTES + 1)))
    assert answer == PeerAnswer(0, trouble=f"the answer is larger than {MOST_BYTES} bytes")


def test_an_answer_that_does_not_come_is_trouble() -> None:
    answer, _ = asked(Access(timeout=Duration(0.1)), Canned(body=b"late", delay_s=50.0))
    assert (answer.status, bool(answer.trouble)) == (0, True)


def test_nobody_there_is_trouble_without_the_secret() -> None:
    answer = Peer("http://127.0.0.1:9", Access(bearer_token=Secret("t0ken"))).post(
        "/", content={"query": "up"}, content_type="application/x-www-form-urlencoded", most_bytes=MOST_BYTES
    )
    assert answer == PeerAnswer(0, trouble="ConnectionError")


def test_user_and_password_go_together() -> None:
    assert dict(Access(user="ana").config_faults()) == {"user": "user and password go together"}
    both = Access(user="ana", password=Secret("x"), bearer_token=Secret("y"))
    assert dict(both.config_faults()) == {"bearer_token": "give either user and password or bearer_token"}
