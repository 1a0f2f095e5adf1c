"""Bytes that are no HTTP never kill a server, never show its inside, and never fill its log."""

import io
import re
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from heronwatch import logs
from tests.fakes.web import SERVERS
from tests.fakes.web_client import Served, ask, babble, exchange

HEAD = b"Host: a\r\nConnection: close\r\n"
STATUS = re.compile(rb"HTTP/1\.[01] (\d\d\d) ")
FRAGMENTS = st.sampled_from(
    [
        *(b"GET ", b"POST ", b"/", b"/echo", b"*", b"http://a/", b" HTTP/1.1", b" HTTP/1.0", b" HTTP/9.9"),
        *(b"\r\n", b"\n", b"\r", b"\x00", b"\xff", b": ", b"\t", b"%", b"?a=%zz&", b"hello"),
        *(b"Content-Length: 5", b"Content-Length: -1", b"Content-Length: 99999999999999999999", b"Host: a"),
        *(b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity", b"0\r\n\r\n", b"ffffffff\r\n"),
        *(b"Expect: 100-continue", b"Upgrade: websocket", b"Connection: upgrade", b"Connection: close"),
    ]
)
REQUESTS = st.lists(FRAGMENTS | st.binary(max_size=8), max_size=14).map(b"".join)
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module", params=SERVERS)
def served(request: pytest.FixtureRequest) -> Iterator[Served]:
    with SERVERS[request.param](limits={"head_timeout_s": 2.0, "body_timeout_s": 1.0}) as served:
        yield served


@pytest.fixture(scope="module", autouse=True)
def log() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    logs.configure(stream=stream)
    yield stream
    logs.configure(stream=io.StringIO())


def harmless(answer: bytes) -> None:
    assert not answer or STATUS.match(answer), answer
    for mark in (b"Traceback", b'File "', b"aiohttp", b"heeroot", b"Python"):
        assert mark not in answer, answer


@QUICK
@given(st.binary(max_size=300))
def test_any_bytes(served: Served, data: bytes) -> None:
    harmless(babble(served, data))
    assert ask(served, "/-/healthy").status == 200


@QUICK
@given(REQUESTS)
def test_almost_http(served: Served, data: bytes) -> None:
    harmless(babble(served, data))
    assert ask(served, "/-/healthy").status == 200


@QUICK
@given(st.binary(max_size=60))
def test_any_path(served: Served, path: bytes) -> None:
    if any(mark in path for mark in (b"\r", b"\n")):
        path = path.replace(b"\r", b"").replace(b"\n", b"")
    harmless(exchange(served, b"GET /" + path + b" HTTP/1.1\r\n" + HEAD + b"\r\n"))


@QUICK
@given(st.binary(max_size=60).map(lambda data: data.replace(b"\r", b"").replace(b"\n", b"")))
def test_any_header_value(served: Served, value: bytes) -> None:
    names = (b"Accept", b"Accept-Encoding", b"Authorization", b"Origin", b"X-Forwarded-For")
    lines = b"".join(name + b": " + value + b"\r\n" for name in names)
    harmless(exchange(served, b"GET /metrics HTTP/1.1\r\n" + HEAD + lines + b"\r\n"))


@QUICK
@given(st.text(alphabet="\r\n\0 :;=a<\u0085\u2028ü", max_size=20))
def test_no_value_ever_becomes_a_header_of_its_own(served: Served, value: str) -> None:
    from urllib.parse import quote

    request = f"GET /header?value={quote(value + 'X-Evil: 1')} HTTP/1.1\r\n".encode()
    head = exchange(served, request + HEAD + b"\r\n").partition(b"\r\n\r\n")[0]
    assert b"\nX-Evil" not in head
    assert b"\rX-Evil" not in head


SMUGGLING = {
    "two lengths": b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    "length and chunked": b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "length with a sign": b"Content-Length: +5\r\n\r\nhello",
    "length in a list": b"Content-Length: 5, 5\r\n\r\nhello",
    "space before the colon": b"Content-Length : 5\r\n\r\nhello",
    "folded header": b"X: a\r\n Content-Length: 5\r\n\r\nhello",
    "chunk size with a sign": b"Transfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n",
    "chunk without an end": b"Transfer-Encoding: chunked\r\n\r\n5\r\nhelloX0\r\n\r\n",
    "unknown coding": b"Transfer-Encoding: gzip\r\n\r\nhello",
    "bare line feeds": b"X: a\nContent-Length: 5\n\nhello",
    "null in a header": b"X: a\0b\r\n\r\n",
}


@pytest.mark.parametrize("rest", SMUGGLING.values(), ids=SMUGGLING)
def test_what_two_programs_could_read_differently_is_refused(served: Served, rest: bytes) -> None:
    answer = babble(served, b"POST /echo HTTP/1.1\r\n" + HEAD + rest)
    harmless(answer)
    assert not answer or STATUS.match(answer)[1] in {b"400", b"411", b"413", b"501"}, answer  # type: ignore[index]


def test_the_log_got_no_errors_from_garbage(served: Served, log: io.StringIO) -> None:
    for data in (b"\x00\x01\x02\r\n\r\n", b"GET / HTTP/1.1\r\nbroken\r\n\r\n", b"\r\n\r\n\r\n"):
        before = len(log.getvalue())
        harmless(babble(served, data))
        assert "level=error" not in log.getvalue()[before:]
        assert "exception=" not in log.getvalue()[before:]
