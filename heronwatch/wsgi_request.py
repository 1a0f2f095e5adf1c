"""Reading one HTTP/1.1 request for the WSGI server: bounded in size and time, strict about its framing."""

import errno
import math
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from typing import Protocol

from heronwatch.errors import HeronwatchError
from heronwatch.wsgi_arrival import Wanted, wanted

MOST_CHUNK_LINE = 256
READ_BYTES = 65_536
WRITE_BYTES = 16_384  # RFC 8446 section 5.1: a TLS record holds no more
PIECE_BYTES = 262_144  # of a body, between two looks at how much is held
Count = Callable[[int], None]


class BadRequestError(HeronwatchError):
    """The request is answered with `status` and the connection closed."""

    def __init__(self, status: str, message: str) -> None:
        super().__init__(message)
        self.status = status


class Readable(Protocol):
    """What a body is read from."""

    def read(self, size: int, /) -> bytes:
        """`size` bytes, fewer only at the end."""

    def readline(self, size: int, /) -> bytes:
        """Up to and with the next line end, at most `size` bytes."""


def content_length(values: list[bytes], chunked: bool, most: int) -> int:  # a fact of the request
    """The length of the body; BadRequestError for what could be read in two ways (RFC 9112 section 6.3)."""
    if not values:
        return 0
    if chunked or len(set(values)) > 1:
        raise BadRequestError("400 Bad Request", "conflicting lengths of the body")
    if not values[0].isdigit() or len(values[0]) > 15:
        raise BadRequestError("400 Bad Request", "Content-Length is not a number")
    length = int(values[0])
    if length > most:
        raise BadRequestError("413 Content Too Large", f"the body is larger than {most} bytes")
    return length


def uncounted(_number: int) -> None:
    """Count nothing."""


def read_exactly(source: Readable, length: int, count: Count = uncounted) -> bytes:
    """`length` bytes; BadRequestError when the client stops before, or `count` refuses what has come."""
    return _joined(pieces(source, length), count)


def read_chunked(source: Readable, most: int, count: Count = uncounted) -> bytes:
    """A chunked body (RFC 9112 section 7.1) of at most `most` bytes; trailers are read and dropped."""
    return _joined(chunked_pieces(source, most), count)


def pieces(source: Readable, length: int) -> Iterator[bytes]:
    """`length` bytes as they come; BadRequestError when the client stops before."""
    while length > 0:
        part = source.read(min(length, PIECE_BYTES))
        if not part:
            raise BadRequestError("400 Bad Request", "the body ended early")
        yield part
        length -= len(part)


def chunked_pieces(source: Readable, most: int) -> Iterator[bytes]:
    """A chunked body of at most `most` bytes, as it comes."""
    total = 0
    while size := _chunk_size(source):
        total += size
        if total > most:
            raise BadRequestError("413 Content Too Large", f"the body is larger than {most} bytes")
        yield from pieces(source, size)
        if source.readline(3) != b"\r\n":
            raise BadRequestError("400 Bad Request", "a chunk does not end where it should")
    _drop_trailers(source)


def _joined(parts: Iterator[bytes], count: Count) -> bytes:
    found: list[bytes] = []
    for part in parts:
        count(len(part))
        found.append(part)
    return found[0] if len(found) == 1 else b"".join(found)


def _chunk_size(source: Readable) -> int:
    line = source.readline(MOST_CHUNK_LINE)
    digits = line.split(b";", 1)[0].strip()
    if not line.endswith(b"\r\n") or not digits or len(digits) > 8 or digits.strip(b"0123456789abcdefABCDEF"):
        raise BadRequestError("400 Bad Request", "a chunk has no size")
    return int(digits, 16)


def _drop_trailers(source: Readable) -> None:
    for _ in range(32):
        line = source.readline(MOST_CHUNK_LINE)
        if line == b"\r\n":
            return
        if not line.endswith(b"\r\n"):
            break
    raise BadRequestError("400 Bad Request", "the trailers do not end")


def head_arrived(data: bytes | bytearray, most: int) -> bool:
    """Whether a request head ends in the data, or it can be seen that it is malformed or longer than `most` bytes."""
    line_end = data.find(b"\n")
    bare = line_end == 0 or (line_end > 0 and data[line_end - 1 : line_end] != b"\r")
    return bare or b"\r\n\r\n" in data or len(data) > most


class Deadline:
    """The moment at which reading or writing on one connection ends, however slowly bytes drip in or out."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._end = 0.0

    def start(self, seconds: float) -> None:
        """Give whatever follows this much time in total."""
        self._end = self._monotonic() + seconds

    def arm(self, sock: socket.socket, *, most_s: float = math.inf) -> None:
        """Let the next call on the socket take what is left, `most_s` at most; TimeoutError when nothing is."""
        left = self._end - self._monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        sock.settimeout(min(left, most_s))


class SocketReader:
    """The reading side of a connection, as much of a file as cheroot asks for."""

    def __init__(
        self, sock: socket.socket, deadline: Deadline, *, most_head_bytes: int, most_body_bytes: int = 0
    ) -> None:
        self._sock = sock
        self._deadline = deadline
        self._most_head_bytes = most_head_bytes
        self._most_body_bytes = most_body_bytes
        self._buffer = bytearray()
        self._wanted: Wanted | None = None  # of the request at the beginning of the buffer, once its head is there
        self.closed = False
        self.bytes_read = 0
        self.received = 0

    @property
    def begun(self) -> bool:
        """Whether a part of the next request is here."""
        return bool(self._buffer)

    def head_arrived(self) -> bool:
        """Whether a request head, or enough to refuse it, is here."""
        return head_arrived(self._buffer, self._most_head_bytes)

    def request_arrived(self) -> bool:
        """Whether so much of a request is here that it is worth a thread (`wsgi_arrival`)."""
        if self._wanted is None:
            if not self.head_arrived():
                return False
            self._wanted = wanted(self._buffer, self._most_body_bytes)
        return self._wanted.is_here(self._buffer)

    def holds(self, size: int) -> bool:
        """Whether so many bytes can be read without waiting for the network."""
        return len(self._buffer) >= size

    def has_data(self) -> bool:
        """Whether there is something to do without asking the network (TLS may hold decrypted bytes back)."""
        return self.request_arrived() or (isinstance(self._sock, ssl.SSLSocket) and self._sock.pending() > 0)

    def receive(self) -> bool:
        """Take what the network has, without the deadline; False at the end of the stream."""
        data = self._sock.recv(READ_BYTES)
        self._buffer += data
        self.received += len(data)
        return bool(data)

    def read(self, size: int, /) -> bytes:
        """`size` bytes, fewer only at the end of the stream."""
        while len(self._buffer) < size and self._fill():
            pass
        return self._take(size)

    def readline(self, size: int = 65_536, /) -> bytes:
        """Up to and with the next line end, at most `size` bytes."""
        start = 0
        while (end := self._buffer.find(b"\n", start)) < 0 and len(self._buffer) < size:
            start = len(self._buffer)
            if not self._fill():
                break
        return self._take(min(end + 1, size) if end >= 0 else size)

    def close(self) -> None:
        """Forget what was read ahead."""
        self.closed = True
        self._buffer.clear()

    def _fill(self) -> bool:
        self._deadline.arm(self._sock)
        return self.receive()

    def _take(self, size: int) -> bytes:
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        self._wanted = None
        self.bytes_read += len(data)
        return data


class SocketWriter:
    """The writing side of a connection, as much of a file as cheroot asks for."""

    def __init__(self, sock: socket.socket, deadline: Deadline, *, stalled_s: float = math.inf) -> None:
        self._sock = sock
        self._deadline = deadline
        self._stalled_s = stalled_s
        self.bytes_written = 0

    def write(self, data: bytes, /) -> int:
        """Send everything, within the deadline; ConnectionResetError where the client has hung up, with TLS too.

        TimeoutError, too, where a client takes nothing of a piece for `stalled_s`; with TLS: not the whole of it.
        """
        left = memoryview(data)
        try:
            while left:
                self._deadline.arm(self._sock, most_s=self._stalled_s)
                sent = self._sock.send(left[:WRITE_BYTES])
                self.bytes_written += sent
                left = left[sent:]
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError) as error:  # whose number is none of a socket's
            raise ConnectionResetError(errno.ECONNRESET, "the client hung up") from error
        return len(data)
