"""When a request is worth a thread."""

import pytest

from heronwatch.wsgi_arrival import BODY_BYTES, wanted

MOST = 1_000_000
HEAD = b"POST /x HTTP/1.1\r\nHost: a\r\n"


def is_here(head: bytes, body: bytes) -> bool:
    data = bytearray(HEAD + head + b"\r\n" + body)
    return wanted(data, MOST).is_here(data)


@pytest.mark.parametrize(
    ("head", "short", "enough"),
    [
        (b"Content-Length: 5\r\n", b"hell", b"hello"),
        (b"content-length:5\r\n", b"", b"hello and the next"),
        (b"Content-Length: %d\r\n" % MOST, b"x" * (BODY_BYTES - 1), b"x" * BODY_BYTES),
        (b"Transfer-Encoding: chunked\r\n", b"5\r\nhello\r\n0\r\n", b"5\r\nhello\r\n0\r\n\r\n"),
        (b"Transfer-Encoding: chunked\r\n", b"0\r\nTrailer: x\r\n", b"0\r\nTrailer: x\r\n\r\n"),
        (b"Transfer-Encoding: chunked\r\n", b"fffff\r\n" + b"x" * 60_000, b"fffff\r\n" + b"x" * BODY_BYTES),
    ],
)
def test_a_small_body_is_waited_for(head: bytes, short: bytes, enough: bytes) -> None:
    assert (is_here(head, short), is_here(head, enough)) == (False, True)


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"Content-Length: 0\r\n",
        b"Content-Length: 5\r\nExpect: 100-continue\r\n",
        b"Content-Length: %d\r\n" % (MOST + 1),
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Content-Length: x\r\n",
    ],
    ids=["no body", "empty", "a word first", "too large", "twice", "no number"],
)
def test_what_is_answered_without_the_body_is_not_waited_for(head: bytes) -> None:
    assert is_here(head, b"")


def test_what_is_no_head_is_not_waited_for() -> None:
    data = bytearray(b"GET / HTTP/1.1\nHost: a\n\n")
    assert wanted(data, MOST).is_here(data)
