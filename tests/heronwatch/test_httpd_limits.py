"""Bounds, listeners and the graceful stop of both servers, over real sockets."""

import contextlib
import http.client
import re
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from heronwatch.site import ListenRefusedError
from heronwatch.values import HostPort
from tests.fakes.daemons import free_port, wait_until
from tests.fakes.web import Server
from tests.fakes.web_client import Answer, Served, ask, connect, exchange, read_all

# --- bounds


def small(server: Server, **limits: Any) -> contextlib.AbstractContextManager[Served]:
    return server(limits=limits)


def test_a_body_too_large_is_refused(server: Server) -> None:
    with small(server, body_bytes=1_000) as served:
        assert ask(served, "/echo", method="POST", body=b"x" * 1_000).status == 200
        assert ask(served, "/echo", method="POST", body=b"x" * 1_001).status == 413
        chunked = (
            b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
            + (b"1f4\r\n" + b"x" * 500 + b"\r\n") * 3
            + b"0\r\n\r\n"
        )
        assert exchange(served, chunked).startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize(
    "head",
    [
        b"GET /echo HTTP/1.1\r\nHost: a\r\nX-Long: " + b"x" * 200_000 + b"\r\n\r\n",
        b"GET /echo HTTP/1.1\r\nHost: a\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(2_000)) + b"\r\n",
        b"GET /" + b"x" * 200_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        b"X" * 200_000,
    ],
    ids=["header", "headers", "line", "no line end"],
)
def test_a_head_too_large_is_refused(shared: Served, head: bytes) -> None:
    answer = exchange(shared, head)
    assert not answer or answer.split(b" ")[1] in {b"400", b"413", b"414", b"431"}
    assert ask(shared, "/-/healthy").status == 200


def trickle(sock: socket.socket, data: bytes, *, until_s: float) -> None:
    """Send a byte at a time, for as long as the server takes it."""
    end = time.monotonic() + until_s
    with contextlib.suppress(OSError):
        for byte in data:
            sock.sendall(bytes([byte]))
            sock.settimeout(0.1)
            with contextlib.suppress(TimeoutError):
                if not sock.recv(1):
                    return
                return
            if time.monotonic() > end:
                raise AssertionError(f"the server listened for {until_s} s")


def test_a_head_that_drips_in_is_cut_off(server: Server) -> None:
    with small(server, head_timeout_s=0.5) as served, connect(served) as sock:
        trickle(sock, b"GET /echo HTTP/1.1\r\nX: " + b"y" * 10_000, until_s=30)
        assert ask(served, "/-/healthy").status == 200


def test_a_body_that_drips_in_is_cut_off(server: Server) -> None:
    with small(server, body_timeout_s=0.5) as served, connect(served) as sock:
        sock.sendall(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10000\r\n\r\n")
        trickle(sock, b"y" * 10_000, until_s=30)
        assert ask(served, "/-/healthy").status == 200


def test_an_idle_connection_is_closed(server: Server) -> None:
    with small(server, idle_timeout_s=1) as served, connect(served) as sock:
        sock.sendall(b"GET /echo HTTP/1.1\r\nHost: a\r\n\r\n")
        assert read_all(sock).startswith(b"HTTP/1.1 200")


def test_many_half_open_requests_do_not_keep_others_out(server: Server) -> None:
    with small(server, head_timeout_s=600) as served, contextlib.ExitStack() as stack:
        for _ in range(30):  # more than the WSGI server has threads
            sock = stack.enter_context(connect(served))
            sock.sendall(b"GET /echo HTTP/1.1\r\nX: ")
        assert ask(served, "/-/healthy").status == 200


def test_connections_are_bounded_and_a_new_one_still_gets_in(server: Server) -> None:
    with small(server, connections=8, head_timeout_s=1.0) as served, contextlib.ExitStack() as stack:
        held = [stack.enter_context(connect(served)) for _ in range(20)]

        def answered() -> bool:
            try:
                return ask(served, "/-/healthy").status == 200
            except (OSError, http.client.HTTPException):
                return False

        wait_until(answered, 10, "room for one more")
        assert len(held) == 20


# --- where it listens


@pytest.mark.parametrize("host", ["0.0.0.0", "::", ""])
def test_it_refuses_to_let_anyone_in(server: Server, host: str) -> None:
    remedy = r"give --web\.config\.file .* or say --web\.insecure"
    with pytest.raises(ListenRefusedError, match=remedy), server(listen=HostPort(host, 0)):
        pass


@pytest.mark.parametrize("host", ["0.0.0.0", ""])
def test_it_lets_anyone_in_when_told_to(server: Server, host: str) -> None:
    with server(listen=HostPort(host, free_port()), open_because="--web.insecure") as served:
        assert ask(served, "/-/healthy").status == 200


def test_an_address_in_use_is_an_error(server: Server, shared: Served) -> None:
    message = f"cannot listen on 127.0.0.1:{shared.port}: another program has the port; "
    with pytest.raises(OSError, match=f"^{re.escape(message)}"), server(listen=HostPort("127.0.0.1", shared.port)):
        pass


def test_ipv6(server: Server) -> None:
    with server(listen=HostPort("::1", 0)) as served:
        served.host = "::1"
        assert '"remote":"::1"' in ask(served, "/echo").text
        assert ask(served, "/config").status == 200


# --- graceful stop


def in_background(work: Callable[[], Answer]) -> tuple[threading.Thread, list[Answer]]:
    answers: list[Answer] = []
    thread = threading.Thread(target=lambda: answers.append(work()))
    thread.start()
    return thread, answers


def test_stop_finishes_what_is_in_flight(server: Server) -> None:
    with server() as served:
        thread, answers = in_background(lambda: ask(served, "/slow"))
        served.site.entered.acquire(timeout=10)
        stopper = threading.Thread(target=served.stop, args=(10.0,))
        stopper.start()
        wait_until(lambda: not served.serving(), what="the listener to close")
        assert _refuses(served)
        served.site.go_on.set()
        thread.join(10)
        stopper.join(10)
        assert [answer.text for answer in answers] == ["slow\n"]


def test_stop_ends_by_its_deadline(server: Server) -> None:
    with server() as served:
        with connect(served) as sock:
            sock.sendall(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
            served.site.entered.acquire(timeout=10)
            begin = time.monotonic()
            served.stop(1.0)
            assert time.monotonic() - begin < 15  # the page itself waits for half a minute
        served.site.go_on.set()


def test_stop_does_not_wait_for_idle_connections(server: Server) -> None:
    with server() as served, connect(served) as sock:
        sock.sendall(b"GET /echo HTTP/1.1\r\nHost: a\r\n\r\n")
        assert sock.recv(10)
        begin = time.monotonic()
        served.stop(50.0)
        assert time.monotonic() - begin < 25


def _refuses(served: Served) -> bool:
    try:
        connect(served, timeout_s=1).close()
    except OSError:
        return True
    return False
