"""HTTP towards one server: what is sent, and what can go wrong."""

import contextlib
import socket
import ssl
import threading
import time
from pathlib import Path

import pytest
import trustme

from anomaly_detector.endpoint import BasicAuth, Endpoint, TlsConfig
from anomaly_detector.errors import ResponseTooLargeError, SourceError, SourceUnavailableError
from anomaly_detector.session import Session
from heronwatch.secrets import Secret
from heronwatch.values import Duration, HttpUrl
from tests.fakes.canned_http import Canned, canned_http
from tests.fakes.daemons import LOOPBACK, free_port
from tests.fakes.raw_server import drip, over_tls, raw_server, say


def session(url: str, **options: object) -> Session:
    return Session(Endpoint(datasource_url=HttpUrl.parse(url), **options))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "header", "value"),
    [
        ({"basic_auth": BasicAuth(username="ana", password=Secret("pw"))}, "Authorization", "Basic YW5hOnB3"),
        ({"bearer_token": Secret("tok")}, "Authorization", "Bearer tok"),
        ({"headers": {"X-Extra": Secret("7")}}, "X-Extra", "7"),
        ({"tenant_id": "plant"}, "X-Scope-OrgID", "plant"),
        ({}, "User-Agent", "heronwatch-detector"),
    ],
)
def test_what_lets_us_in_is_sent(options: dict[str, object], header: str, value: str) -> None:
    with canned_http(Canned(body=b"yes")) as server:
        answer = session(server.url, **options).post("/p", b"x", max_bytes=10)
    assert (answer.status, answer.body) == (200, b"yes")
    assert server.asked[0].headers[header] == value


def test_credentials_of_the_environment_are_not_sent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login ana password pw\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with canned_http(Canned()) as server:
        assert session(server.url).get("/p", max_bytes=10).status == 200
    assert "Authorization" not in server.asked[0].headers


def test_redirects_are_not_followed() -> None:
    with canned_http(Canned(status=302, headers={"Location": "/elsewhere"})) as server:
        assert session(server.url).get("/p", max_bytes=10).status == 302
    assert len(server.asked) == 1


def test_nobody_there() -> None:
    with pytest.raises(
        SourceUnavailableError, match=r"^http://127\.0\.0\.1:\d+: no connection \(.*Connection refused\)$"
    ):
        session(f"http://127.0.0.1:{free_port()}").get("/p", max_bytes=10)


def test_an_answer_in_pieces_has_a_deadline() -> None:
    with (
        canned_http(Canned(body=b"late", delay_s=5)) as server,
        pytest.raises(SourceUnavailableError, match=r"no answer in time|no complete answer|no connection"),
    ):
        session(server.url, timeout=Duration(0.2)).get("/p", max_bytes=10)


def test_an_answer_above_the_budget_is_not_read() -> None:
    with canned_http(Canned(body=b"x" * 11)) as server, pytest.raises(ResponseTooLargeError, match="above 10 bytes"):
        session(server.url).get("/p", max_bytes=10)


def test_an_untrusted_certificate_is_refused(tmp_path: Path) -> None:
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(LOOPBACK).configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with canned_http(Canned(), tls=context) as server:
        with pytest.raises(SourceUnavailableError, match="TLS failed"):
            session(server.url).get("/p", max_bytes=10)
        for trusting in (TlsConfig(ca_file=tmp_path / "ca.pem"), TlsConfig(insecure_skip_verify=True)):
            assert session(server.url, tls_config=trusting).get("/p", max_bytes=100).status == 200


DRIPS = {
    "body": b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nx",
    "body without a length": b"HTTP/1.1 200 OK\r\n\r\nx",
    "header": b"HTTP/1.1 200 OK\r\nX: x",
    "continue": b"HTTP/1.1 100 Continue\r\n\r\n" * 1000,
}


@pytest.mark.parametrize("kind", DRIPS)
@pytest.mark.parametrize("tls", [False, True])
def test_drops_have_a_deadline_as_a_whole(kind: str, tls: bool) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert(LOOPBACK).configure_cert(context)
    behave = drip(DRIPS[kind], pause_s=0.005)
    with raw_server(over_tls(context, behave) if tls else behave) as server:
        url = f"{'https' if tls else 'http'}://{LOOPBACK}:{server.port}"
        one = session(url, timeout=Duration(0.5), tls_config=TlsConfig(insecure_skip_verify=True))
        began = time.monotonic()
        with pytest.raises(SourceUnavailableError, match=r"no complete answer within 0\.5 s$"):
            one.get("/p", max_bytes=1_000_000)
        assert time.monotonic() - began < 20, "the drops go on for hours"
        one.close()


def test_connections_are_kept_and_one_that_was_cut_is_replaced() -> None:
    def behave(sock: socket.socket) -> None:
        while asked := sock.recv(65_536):
            if b"/slow" not in asked:
                sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes")

    with raw_server(behave) as server:
        one = session(f"http://{LOOPBACK}:{server.port}", timeout=Duration(10.0))
        assert [one.get("/p", max_bytes=10).body for _ in range(3)] == [b"yes"] * 3
        assert server.connections == 1
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(one, "_timeout_s", 0.2)  # for this exchange alone: the others may take their time
            with pytest.raises(SourceUnavailableError):
                one.get("/slow", max_bytes=10)
        assert one.get("/p", max_bytes=10).body == b"yes"
        assert server.connections == 2
        one.close()


def test_a_connection_given_up_is_closed() -> None:
    ended = threading.Event()

    def behave(sock: socket.socket) -> None:
        sock.recv(65_536)
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 100_000)
        with contextlib.suppress(OSError):
            sock.recv(1)
        ended.set()

    with raw_server(behave) as server:
        one = session(f"http://{LOOPBACK}:{server.port}", timeout=Duration(5.0))
        with pytest.raises(ResponseTooLargeError):
            one.get("/p", max_bytes=10)
        assert ended.wait(5)


@pytest.mark.parametrize("how", [{"bearer_token": Secret("hunter\n2")}, {"headers": {"X-Key": Secret("hunter\n2")}}])
def test_a_credential_that_cannot_be_sent_is_not_shown(how: dict[str, object]) -> None:
    one = session(f"http://127.0.0.1:{free_port()}", **how)
    with pytest.raises(SourceError, match="cannot be sent") as raised:
        one.get("/p", max_bytes=10)
    assert "hunter" not in str(raised.value)
    assert raised.value.__suppress_context__


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 302 Found\r\nLocation: http://[::1\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nx\r\n",
    ],
)
def test_an_odd_answer_is_one_failed_try(answer: bytes) -> None:
    with raw_server(say(answer)) as server, pytest.raises(SourceUnavailableError):
        session(f"http://{LOOPBACK}:{server.port}").get("/p", max_bytes=10)


def test_after_close_nothing_is_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        one = session(f"http://127.0.0.1:{deaf.getsockname()[1]}", timeout=Duration(50))
        threading.Timer(0.1, one.close).start()
        for _ in range(2):
            with pytest.raises(SourceUnavailableError):
                one.get("/p", max_bytes=10)


def test_bytes_that_are_no_text_are_not_shown() -> None:
    with raw_server(say(b"\x00\xff\x1b" * 100)) as server, pytest.raises(SourceUnavailableError) as raised:
        session(f"http://{LOOPBACK}:{server.port}").get("/p", max_bytes=10)
    assert str(raised.value).isascii()
    assert str(raised.value).isprintable()
