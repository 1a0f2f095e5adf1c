"""The server that stands for somebody else's: requests in pieces, several at once, answers that never come."""

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import requests

from benchmarks.http_sink import Asked, HttpSink, http_answer


@pytest.fixture
def asked() -> list[Asked]:
    return []


@pytest.fixture
def sink(asked: list[Asked]) -> Iterator[HttpSink]:
    def say(one: Asked) -> bytes | None:
        asked.append(one)
        return None if one.path == "/silent" else http_answer(201, b"done", {"X-Kind": "test"})

    with HttpSink(say) as made:
        yield made


def connect(sink: HttpSink) -> socket.socket:
    where = urlsplit(sink.url)
    return socket.create_connection((where.hostname, where.port), timeout=10)


def test_a_request_is_answered_as_told(sink: HttpSink, asked: list[Asked]) -> None:
    answer = requests.post(f"{sink.url}here?a=1", data=b"x" * 200_000, timeout=10)
    assert (answer.status_code, answer.text, answer.headers["X-Kind"]) == (201, "done", "test")
    assert asked == [Asked("POST", "/here?a=1", b"x" * 200_000)]


def test_one_that_comes_in_pieces_or_not_at_all_keeps_no_other_out(sink: HttpSink, asked: list[Asked]) -> None:
    with connect(sink) as slow, connect(sink), connect(sink) as gone:
        gone.close()
        slow.sendall(b"POST /slow HTTP/1.1\r\nContent-Le")
        assert requests.get(f"{sink.url}quick", timeout=10).status_code == 201
        slow.sendall(b"ngth: 2\r\n\r\na")
        assert requests.get(f"{sink.url}quick", timeout=10).status_code == 201
        slow.sendall(b"b")
        assert slow.recv(100).startswith(b"HTTP/1.1 201")
    assert asked[-1] == Asked("POST", "/slow", b"ab")


def test_no_answer_is_a_client_that_waits(sink: HttpSink, asked: list[Asked]) -> None:
    with pytest.raises(requests.ReadTimeout):
        requests.get(f"{sink.url}silent", timeout=0.1)
    assert requests.get(f"{sink.url}quick", timeout=10).status_code == 201
    assert [one.path for one in asked] == ["/silent", "/quick"]
