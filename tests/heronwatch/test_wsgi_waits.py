"""Clients that send slowly on purpose, again and again, and the others, who are answered all the same."""

import contextlib
import io
import socket
import ssl
from pathlib import Path

import pytest

from heronwatch.wsgi_waits import CREDIT_BYTES, Wait, Waits
from tests.fakes.daemons import wait_until
from tests.fakes.slow_senders import slow_senders
from tests.fakes.web import wsgi
from tests.fakes.web_client import ask, connect, read_all
from tests.fakes.web_place import TLS, Place

SENDERS = 60
ROUNDS = 8
POST = b"POST /nothing HTTP/1.1\r\nHost: a\r\n"
LARGE = 200_000
# a client that nobody drops keeps its thread for as long as this, far beyond what others wait on the slowest machine
HELD_S, PATIENCE_S = 600.0, 20.0
LIMITS = {
    "body_bytes": LARGE + 1,
    "ends_under": "/ends",
    "ends_bytes": 2 * LARGE,
    **dict.fromkeys(("head_timeout_s", "body_timeout_s", "crowded_timeout_s"), HELD_S),
}
STARTS = {
    "a byte of a small body": POST + b"Content-Length: 50000\r\n\r\nx",
    "most of a large body": POST + b"Content-Length: %d\r\n\r\n" % LARGE + b"x" * 70_000,
    "a body whose ends are kept": POST.replace(b"nothing", b"ends") + b"Content-Length: 300000\r\n\r\n" + b"x" * 70_000,
    "a chunk": POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhel",
    "what looks like the last chunk": POST + b"Transfer-Encoding: chunked\r\n\r\n9\r\n\r\n\r\n",
    "waiting for a word": POST + b"Content-Length: 50000\r\nExpect: 100-continue\r\n\r\n",
    "a body too large, and no look at the refusal": POST + b"Content-Length: 99999999\r\n\r\nx",
    "no request": b"X" * 40_000,
}


@pytest.mark.timeout(120)
@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
def test_slow_senders_that_come_back_keep_nobody_out(start: bytes) -> None:
    with wsgi(limits=LIMITS) as served, slow_senders((served.host, served.port), start, number=SENDERS) as senders:
        for body in (None, b"hello") * ROUNDS:
            asked = ask(served, "/echo", method="POST" if body else "GET", body=body, timeout_s=PATIENCE_S)
            assert asked.status == 200
        if len(start) > 1_000 or b"Expect" in start:
            wait_until(lambda: senders.renewed > 0, what="a slow one to be dropped")


def test_who_is_dropped_is_told_to_try_again() -> None:
    with wsgi(limits=LIMITS, threads=4) as served, connect(served) as first:
        first.sendall(STARTS["most of a large body"])
        with slow_senders((served.host, served.port), STARTS["most of a large body"], number=8):
            answer = read_all(first)
    assert answer.startswith(b"HTTP/1.1 503")
    assert b"too slow while others wait" in answer


def was_hung_up_on(sock: socket.socket) -> bool:
    """Return whether the connection has ended without an answer, with or without TLS's word about it."""
    sock.settimeout(0.05)
    try:
        return read_all(sock) == b""
    except TimeoutError:  # still open
        return False
    except (ssl.SSLError, ConnectionError):
        return True


def test_with_tls_who_is_dropped_is_hung_up_on(tmp_path: Path, log: io.StringIO) -> None:
    place = Place(tmp_path)
    context = place.client()
    start = STARTS["most of a large body"]
    with wsgi(limits=LIMITS, threads=4, web=place.web(TLS)) as served, contextlib.ExitStack() as stack:
        held = [stack.enter_context(connect(served, context=context)) for _ in range(6)]
        for sock in held:
            sock.sendall(start)
        assert ask(served, "/echo", method="POST", body=b"hello", context=context, timeout_s=PATIENCE_S).status == 200
        wait_until(lambda: any(was_hung_up_on(sock) for sock in held), what="one of them to be hung up on")
    assert "Error" not in log.getvalue()


def test_a_body_that_does_not_arrive_in_time_is_told_to_try_again() -> None:
    with wsgi(limits={**LIMITS, "body_timeout_s": 0.3}) as served, connect(served) as sock:
        sock.sendall(STARTS["most of a large body"])
        assert read_all(sock).startswith(b"HTTP/1.1 503")


def test_large_bodies_arrive_beside_slow_ones() -> None:
    with wsgi(limits=LIMITS) as served:
        start = STARTS["most of a large body"]
        with slow_senders((served.host, served.port), start, number=SENDERS):
            wait_until(
                lambda: ask(served, "/echo", method="POST", body=b"x" * LARGE).status == 200, what="a large body"
            )


class Clients:
    """Clients with a rate each, a number of idle threads, and a clock."""

    def __init__(self) -> None:
        self.at = 0.0
        self.idle = 0
        self.dropped: list[str] = []
        self.moved: dict[str, int] = {}
        self.waits = Waits(8, lambda: self.idle, now=lambda: self.at)
        self.stack = contextlib.ExitStack()

    def join(self, name: str) -> Wait:
        self.moved[name] = 0
        return self.stack.enter_context(self.waits.on(lambda: self.moved[name], lambda: self.dropped.append(name)))


def test_a_quarter_may_wait_and_of_more_the_slowest_goes() -> None:
    clients = Clients()
    clients.join("a")
    clients.join("b")
    clients.at, clients.moved = 1.0, {"a": CREDIT_BYTES, "b": 1}
    clients.waits.make_room()
    assert clients.dropped == []
    clients.idle = 1
    clients.join("c")
    assert clients.dropped == []  # there is a thread left
    clients.idle = 0
    clients.waits.make_room()
    assert clients.dropped == ["b"]
    clients.waits.make_room()
    assert clients.dropped == ["b"]  # its thread is on its way
    clients.stack.close()
