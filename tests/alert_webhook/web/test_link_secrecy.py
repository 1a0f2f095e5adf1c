"""Ack links are rights: they appear in no log, whatever goes wrong. Over real sockets, with the real server."""

import http.client
import io
from collections.abc import Iterator

import pytest

from alert_webhook.app import main_app, public_app
from alert_webhook.errors import StoreUnavailableError
from heronwatch import logs
from heronwatch.httpd_wsgi import WsgiServer, common_pages
from heronwatch.site import SiteOptions
from heronwatch.telemetry import Telemetry
from heronwatch.values import HostPort
from tests.alert_webhook.web.conftest import link_of
from tests.fakes.webhook_stack import Stack


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    logs.configure(level="debug", stream=stream)
    yield stream
    import logging

    for handler in [each for each in logging.getLogger().handlers if isinstance(each, logs.LogHandler)]:
        logging.getLogger().removeHandler(handler)
    logging.captureWarnings(capture=False)


@pytest.fixture(params=["main", "public"])
def server(request: pytest.FixtureRequest, stack: Stack) -> Iterator[WsgiServer]:
    app = public_app(stack.parts)
    if request.param == "main":
        telemetry = Telemetry("webhook", "0")
        site = SiteOptions(title="t", version="0", telemetry=telemetry)
        app = common_pages(main_app(stack.parts, stack.intake), site)  # type: ignore[assignment]
    made = WsgiServer(app, listen=HostPort("127.0.0.1", 0), threads=4)
    made.start()
    yield made
    made.stop()


def ask(server: WsgiServer, method: str, path: str, body: str = "", **headers: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    try:
        connection.request(method, path, body or None, headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize("trouble", ["none", "store", "bug"])
def test_link_is_in_no_log(
    stack: Stack, server: WsgiServer, log: io.StringIO, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    stack.fire("LinkDown")
    stack.mailbox("ana").expects()
    path = link_of(stack.phone("ana").expects())

    def fails(*_: object) -> None:
        raise StoreUnavailableError("away") if trouble == "store" else RuntimeError("a bug")

    if trouble != "none":
        monkeypatch.setattr(stack.store, "read", fails)
    expected = {"none": 200, "store": 503, "bug": 500}[trouble]
    status, page = ask(server, "GET", path)
    assert status == expected
    assert "Traceback" not in page
    assert ask(server, "POST", path, "key=x&action=ack", **FORM)[0] == (403 if trouble == "none" else expected)
    assert ask(server, "DELETE", path)[0] == 405
    assert ask(server, "GET", path + "/%2e%2e/x")[0] == 404
    assert ask(server, "GET", path, **{"Referer": f"http://x{path}", "X-Long": "y" * 70_000})[0] in {400, 413, 431}
    assert path.rpartition("/")[2] not in log.getvalue()
    if trouble != "none":
        assert "/a/…" in log.getvalue()


def test_every_guess_is_not_a_log_line(stack: Stack, server: WsgiServer, log: io.StringIO) -> None:
    statuses = [ask(server, "GET", f"/a/{number:022d}")[0] for number in range(40)]
    assert (statuses[0], statuses[-1]) == (404, 429)
    assert log.getvalue().count("many unknown ack links") == 1
    assert "/a/0" not in log.getvalue()


def test_head_has_no_body(stack: Stack, server: WsgiServer) -> None:
    stack.fire("LinkDown")
    stack.mailbox("ana").expects()
    assert ask(server, "HEAD", link_of(stack.phone("ana").expects())) == (200, "")
