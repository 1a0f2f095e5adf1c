"""What the WSGI server has beyond what both have: any application behind the common pages."""

import http.client
import io
import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from wsgiref.validate import validator

import flask
import pytest

from tests.fakes.web import wsgi
from tests.fakes.web_client import ask, connect, read_all

Start = Callable[..., Callable[[bytes], object]]


def test_flask_behind_the_common_pages() -> None:
    app = flask.Flask("test")

    @app.post("/intake")
    def intake() -> dict[str, Any]:
        return {"alerts": len(flask.request.get_json()["alerts"]), "from": flask.request.remote_addr}

    with wsgi(app=app.wsgi_app) as served:
        answer = ask(
            served, "/intake", method="POST", body=b'{"alerts": [1, 2]}', headers={"Content-Type": "application/json"}
        )
        assert answer.text == '{"alerts":2,"from":"127.0.0.1"}\n'
        assert ask(served, "/-/healthy").status == 200
        assert ask(served, "/intake").status == 405


def test_the_server_keeps_to_the_wsgi_protocol() -> None:
    def app(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"] or 0))
        start("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
        return [body]

    with wsgi(app=validator(app)) as served:
        assert ask(served, "/x?y=1", method="POST", body=b"hello").text == "hello"


def test_a_body_without_a_length_is_chunked() -> None:
    def app(_: dict[str, Any], start: Start) -> Iterable[bytes]:
        start("200 OK", [("Content-Type", "text/plain")])
        yield b"one "
        yield b"two"

    with wsgi(app=app) as served:
        assert ask(served, "/x").text == "one two"


def test_an_application_that_fails_after_its_head_still_gets_a_clean_answer(log: io.StringIO) -> None:
    def app(_: dict[str, Any], start: Start) -> Iterable[bytes]:
        start("200 OK", [("Content-Type", "text/plain"), ("X-Half", "1")])
        raise RuntimeError("inside")

    with wsgi(app=app) as served:
        answer = ask(served, "/x")
        assert (answer.status, "x-half" in answer.headers, "inside" in answer.text) == (500, False, False)
    assert "inside" in log.getvalue()


def test_an_application_that_fails_in_the_middle_of_its_body_shows_nothing(log: io.StringIO) -> None:
    def app(_: dict[str, Any], start: Start) -> Iterable[bytes]:
        start("200 OK", [("Content-Type", "text/plain")])
        yield b""
        raise RuntimeError("inside")

    with wsgi(app=app) as served:
        with pytest.raises(http.client.IncompleteRead) as cut:  # no end of the body: the client can tell
            ask(served, "/x")
        assert b"inside" not in cut.value.partial
        assert ask(served, "/-/healthy").status == 200
    assert "inside" in log.getvalue()


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        ("200 OK\r\nX-Evil: 1", [("Content-Type", "text/plain")]),
        ("200 OK", [("X", "a\r\nX-Evil: 1")]),
        ("200 OK", [("X\r\nX-Evil", "1")]),
    ],
)
def test_no_application_can_split_a_response(status: str, headers: list[tuple[str, str]]) -> None:
    def app(_: dict[str, Any], start: Start) -> Iterable[bytes]:
        start(status, headers)
        return [b"x"]

    with wsgi(app=app) as served:
        answer = ask(served, "/x")
        assert (answer.status, "x-evil" in answer.headers) == (500, False)


def test_head_of_an_application_that_sends_a_body() -> None:
    closed: list[int] = []

    class Body:
        def __iter__(self) -> Iterator[bytes]:
            return iter([b"hello"])

        def close(self) -> None:
            closed.append(1)

    def app(_: dict[str, Any], start: Start) -> Iterable[bytes]:
        start("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
        return Body()

    with wsgi(app=app) as served:
        answer = ask(served, "/x", method="HEAD")
        assert (answer.status, answer.body, answer.headers["content-length"], closed) == (200, b"", "5", [1])


def test_headers_with_underscores_do_not_pass_for_others() -> None:
    def app(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        start("200 OK", [("Content-Type", "text/plain")])
        return [environ.get("HTTP_X_USER", "none").encode()]

    with wsgi(app=app) as served:
        assert ask(served, "/x", headers={"X_User": "root"}).text == "none"


def test_what_the_application_writes_to_errors_is_logged(log: io.StringIO) -> None:
    def app(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        environ["wsgi.errors"].write("something odd\n")
        start("200 OK", [("Content-Type", "text/plain")])
        return [b"x"]

    with wsgi(app=app) as served:
        ask(served, "/x")
    assert 'logger=heronwatch.httpd msg="something odd"' in log.getvalue()


def test_slow_bodies_do_not_keep_others_out() -> None:
    with wsgi(threads=4, limits={"crowded_timeout_s": 0.3}) as served:
        held = [connect(served) for _ in range(8)]
        for sock in held:
            sock.sendall(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nx")
        assert ask(served, "/-/healthy", timeout_s=10).status == 200
        for sock in held:
            sock.close()


def test_readers_that_take_nothing_give_their_threads_back() -> None:
    def app(_: dict[str, Any], start: Start) -> Iterable[bytes]:
        start("200 OK", [("Content-Type", "text/plain")])
        return [b"x" * 20_000_000]  # more than the system buffers

    with wsgi(app=app, threads=2, limits={"stalled_timeout_s": 0.2}) as served:
        held = [connect(served) for _ in range(4)]
        for sock in held:
            sock.sendall(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
        assert ask(served, "/-/healthy", timeout_s=10).status == 200
        for sock in held:
            sock.close()


def test_expect_continue() -> None:
    with wsgi() as served, connect(served) as sock:
        sock.sendall(
            b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
        )
        assert sock.recv(1_000).startswith(b"HTTP/1.1 100 ")
        sock.sendall(b"hello")
        assert b'"body":"hello"' in read_all(sock)


def test_nothing_is_logged_for_ordinary_requests(log: io.StringIO, caplog: pytest.LogCaptureFixture) -> None:
    with wsgi() as served:
        before = log.getvalue()
        for _ in range(3):
            ask(served, "/echo")
        assert log.getvalue() == before
    assert not [record for record in caplog.records if record.levelno > logging.INFO]
