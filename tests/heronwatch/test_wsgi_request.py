"""Reading one request, bounded in size and time."""

import contextlib
import io
import socket
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heronwatch.wsgi_request import (
    BadRequestError,
    Deadline,
    SocketReader,
    SocketWriter,
    content_length,
    head_arrived,
    read_chunked,
    read_exactly,
)
from tests.fakes.clock import FakeClock


@pytest.mark.parametrize(
    ("data", "arrived"),
    [
        (b"", False),
        (b"GET / HT", False),
        (b"GET / HTTP/1.1\r", False),
        (b"GET / HTTP/1.1\r\nHost: a\r\n", False),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", True),
        (b"GET / HTTP/1.1\nHost: a\n", True),  # malformed: refused at once
        (b"\n", True),
        (b"x" * 101, True),  # too long: refused at once
    ],
)
def test_head_arrived(data: bytes, arrived: bool) -> None:
    assert head_arrived(data, 100) is arrived


@given(st.binary(max_size=40))
def test_more_bytes_never_take_a_head_back(rest: bytes) -> None:
    assert head_arrived(b"GET / HTTP/1.1\r\n\r\n" + rest, 100)


@pytest.mark.parametrize(
    ("values", "chunked", "expected"),
    [
        ([], False, 0),
        ([b"0"], False, 0),
        ([b"10"], False, 10),
        ([b"11"], False, "413"),
        ([b"-1"], False, "400"),
        ([b"+1"], False, "400"),
        ([b"1e1"], False, "400"),
        ([b""], False, "400"),
        ([b"\xb2"], False, "400"),
        ([b"9" * 30], False, "400"),
        ([b"5", b"6"], False, "400"),
        ([b"5"], True, "400"),
    ],
)
def test_content_length(values: list[bytes], chunked: bool, expected: int | str) -> None:
    if isinstance(expected, int):
        assert content_length(values, chunked, 10) == expected
    else:
        with pytest.raises(BadRequestError) as caught:
            content_length(values, chunked, 10)
        assert caught.value.status.startswith(expected)


@pytest.mark.parametrize(
    ("raw", "body"),
    [
        (b"0\r\n\r\n", b""),
        (b"5\r\nhello\r\n0\r\n\r\n", b"hello"),
        (b"5;ext=1\r\nhello\r\n1\r\n!\r\n0\r\nX-Trailer: 1\r\n\r\n", b"hello!"),
        (b"0A\r\n0123456789\r\n0\r\n\r\n", b"0123456789"),
    ],
)
def test_chunked(raw: bytes, body: bytes) -> None:
    assert read_chunked(io.BytesIO(raw), 100) == body


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"5\r\nhel",
        b"5\r\nhelloX\r\n0\r\n\r\n",
        b"5\nhello\n0\n\n",
        b"-5\r\nhello\r\n0\r\n\r\n",
        b"0x5\r\nhello\r\n0\r\n\r\n",
        b"\r\n",
        b"123456789\r\n",
        b"0\r\nX: " + b"y" * 10_000,
        b"0\r\n" + b"X: y\r\n" * 100 + b"\r\n",
    ],
)
def test_malformed_chunks(raw: bytes) -> None:
    with pytest.raises(BadRequestError):
        read_chunked(io.BytesIO(raw), 100)


def test_chunks_in_all_too_large() -> None:
    with pytest.raises(BadRequestError, match="larger than 10 bytes"):
        read_chunked(io.BytesIO(b"6\r\nhello!\r\n6\r\nhello!\r\n0\r\n\r\n"), 10)


@given(st.binary(max_size=60))
def test_any_bytes_are_a_body_or_a_bad_request(raw: bytes) -> None:
    with contextlib.suppress(BadRequestError):
        assert len(read_chunked(io.BytesIO(raw), 50)) <= 50


@given(st.lists(st.binary(min_size=1, max_size=20), max_size=6))
def test_chunks_come_back(parts: list[bytes]) -> None:
    raw = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
    assert read_chunked(io.BytesIO(raw), 1_000) == b"".join(parts)


def test_a_body_that_ends_early() -> None:
    with pytest.raises(BadRequestError, match="ended early"):
        read_exactly(io.BytesIO(b"abc"), 4)


def test_the_deadline_is_for_everything_together() -> None:
    clock = FakeClock()
    deadline = Deadline(clock.monotonic)
    deadline.start(10)
    with socket.socket() as sock:
        clock.advance(4)
        deadline.arm(sock)
        assert sock.gettimeout() == 6
        clock.advance(6)
        with pytest.raises(TimeoutError):
            deadline.arm(sock)


def test_reading_lines_and_bytes_from_a_socket() -> None:
    left, right = socket.socketpair()
    with left, right:
        deadline = Deadline()
        deadline.start(5)
        reader = SocketReader(left, deadline, most_head_bytes=100)
        right.sendall(b"GET / HTTP/1.1\r\nrest")
        assert reader.readline() == b"GET / HTTP/1.1\r\n"
        assert (reader.begun, reader.head_arrived()) == (True, False)
        assert (reader.readline(2), reader.read(2)) == (b"re", b"st")
        right.close()
        assert (reader.read(5), reader.readline(), reader.begun) == (b"", b"", False)


def test_a_reader_that_takes_nothing_is_not_waited_for() -> None:
    left, right = socket.socketpair()
    with left, right:
        deadline = Deadline()
        deadline.start(60)
        writer = SocketWriter(left, deadline, stalled_s=0.05)
        with pytest.raises(TimeoutError):
            writer.write(b"x" * 10_000_000)
        assert 0 < writer.bytes_written < 10_000_000


def test_a_slow_reader_is_waited_for() -> None:
    left, right = socket.socketpair()
    sent, taken = bytes(range(256)) * 10_000, bytearray()

    def read() -> None:
        while data := right.recv(50_000):
            taken.extend(data)

    reader = threading.Thread(target=read)
    with right:
        with left:
            deadline = Deadline()
            deadline.start(20)
            reader.start()
            assert SocketWriter(left, deadline, stalled_s=10).write(sent) == len(sent)
        reader.join(10)
    assert taken == sent
