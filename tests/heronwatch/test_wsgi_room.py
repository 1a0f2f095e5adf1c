"""The bytes that bodies may take together, before anybody knows who sends them."""

import select
import socket

import pytest

from heronwatch.wsgi_request import BadRequestError
from heronwatch.wsgi_room import FREE_BYTES, BodyRoom, Held
from tests.fakes.daemons import wait_until
from tests.fakes.web import wsgi
from tests.fakes.web_client import Served, ask, connect, read_all

KB = 1024
LIMITS = {"body_bytes": 800 * KB, "held_bytes": 1000 * KB}


def echoed(served: Served, size: int) -> int:
    return ask(served, "/echo", method="POST", body=b"x" * size).status


def holding(served: Served, start: bytes) -> socket.socket:
    """Return a connection of which the server holds so much that nothing large fits beside it.

    Whoever comes first has the room: where that was the question whether it is taken, it is tried again.
    """
    held: list[socket.socket] = []

    def taken() -> bool:
        for earlier in held:
            earlier.close()
        sock = connect(served)
        sock.sendall(start)
        held.append(sock)
        return echoed(served, 700 * KB) == 503 and not select.select([sock], [], [], 0.1)[0]

    wait_until(taken, what="the room to be taken")
    return held[-1]


def test_bodies_that_have_come_crowd_out_others_but_never_small_ones() -> None:
    head = b"POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 819200\r\n\r\n"
    with wsgi(limits=LIMITS) as served, holding(served, head + b"y" * 700 * KB) as sock:
        assert echoed(served, FREE_BYTES) == 200
        sock.sendall(b"y" * 100 * KB)
        assert read_all(sock).startswith(b"HTTP/1.1 200")
        wait_until(lambda: echoed(served, 700 * KB) == 200)  # the room is free again, of what was refused, too


def test_a_length_that_was_only_announced_takes_no_room() -> None:
    with wsgi(limits=LIMITS) as served, connect(served) as first, connect(served) as second:
        for sock in (first, second):
            sock.sendall(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 819200\r\n\r\n" + b"y" * 1000)
        assert echoed(served, 700 * KB) == 200


def test_chunks_count_as_they_come() -> None:
    head = b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    with wsgi(limits=LIMITS) as served, holding(served, head + b"aa000\r\n" + b"y" * 0xAA000 + b"\r\n") as sock:
        sock.sendall(b"0\r\n\r\n")
        assert read_all(sock).startswith(b"HTTP/1.1 200")


def test_what_was_taken_is_given_back_once() -> None:
    room = BodyRoom(100)
    held = Held(room)
    held.more(FREE_BYTES + 60)
    with pytest.raises(BadRequestError, match="try again"):
        Held(room).more(FREE_BYTES + 41)
    held.release()
    held.release()
    room.take(100)
    with pytest.raises(BadRequestError):
        room.take(1)
