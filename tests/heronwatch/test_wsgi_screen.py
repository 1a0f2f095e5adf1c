"""A large body is read only when the screen, asked with the head alone, has a use for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.fakes.web import wsgi
from tests.fakes.web_client import Served, ask, connect, read_all

LARGE = 70_000  # more than arrives without a thread
LIMITS = {"body_bytes": 300_000, "ends_under": "/own/", "ends_bytes": 900_000}


@contextmanager
def screened(allowed: int) -> Iterator[tuple[Served, list[dict[str, Any]]]]:
    """A server whose screen allows so many bytes, and the requests it was asked about."""
    asked: list[dict[str, Any]] = []

    def screen(environ: dict[str, Any]) -> int:
        asked.append(environ)
        return allowed

    with wsgi(limits=LIMITS, screen=screen) as served:
        yield served, asked


@pytest.mark.parametrize(
    "framing",
    [
        b"Content-Length: 250000\r\n\r\n" + b"y" * LARGE,
        b"Transfer-Encoding: chunked\r\n\r\n30000\r\n" + b"y" * LARGE,
    ],
    ids=["length", "chunks"],
)
def test_what_is_not_wanted_is_answered_unread_and_the_connection_ends(framing: bytes) -> None:
    with screened(0) as (served, asked), connect(served) as sock:
        sock.sendall(b"POST /echo HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer x\r\n" + framing)  # and no more comes
        answer = read_all(sock)
    assert answer.startswith(b"HTTP/1.1 200")
    assert b'"body":""' in answer
    assert b"Connection: close" in answer
    assert [(each["PATH_INFO"], each["HTTP_AUTHORIZATION"]) for each in asked] == [("/echo", "Bearer x")]


def test_nobody_is_asked_about_small_bodies() -> None:
    with screened(0) as (served, asked):
        assert ask(served, "/echo", method="POST", body=b"x" * 60_000).status == 200
    assert asked == []


@pytest.mark.parametrize(("length", "status"), [(100_000, 200), (100_001, 413)])
def test_as_much_as_is_wanted_is_read(length: int, status: int) -> None:
    with screened(100_000) as (served, _asked):
        assert ask(served, "/echo", method="POST", body=b"x" * length).status == status


def test_where_the_ends_are_enough_a_larger_body_is_dropped_but_for_them() -> None:
    with screened(100_000) as (served, _asked):
        assert ask(served, "/own/page", method="POST", body=b"x" * 500_000).status != 413


def test_the_screen_allows_no_more_than_the_limits() -> None:
    with screened(10**9) as (served, _asked):
        assert ask(served, "/echo", method="POST", body=b"x" * 300_001).status == 413
