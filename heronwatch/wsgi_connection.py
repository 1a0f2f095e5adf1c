"""A connection of the WSGI server: bounded in time and size, and off the threads until a request is there."""

import contextlib
import enum
import errno
import io
import logging
import socket
import ssl
import time
from collections.abc import Callable
from typing import Any

import msgspec
from cheroot import server as cheroot_server

from heronwatch.wsgi_ends import BodyEnds, whole_or_ends
from heronwatch.wsgi_head import StrictHeaderReader
from heronwatch.wsgi_request import (
    BadRequestError,
    Deadline,
    SocketReader,
    SocketWriter,
    chunked_pieces,
    content_length,
    pieces,
    read_chunked,
    read_exactly,
)
from heronwatch.wsgi_room import FREE_BYTES, Held
from heronwatch.wsgi_waits import Wait, Waits

LINGER_BYTES = 1_048_576
LINGER_S = 2.0


class State(enum.Enum):
    """What there is to do about a connection."""

    WAITING = "the rest of a handshake, of a request head or of a small body has to arrive"
    READY = "a thread can answer, or refuse, at once"
    GONE = "closed by the client, or broken"


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds on what clients can make the server hold."""

    body_bytes: int = 10 * 1024 * 1024
    held_bytes: int = 128 * 1024 * 1024  # of all bodies at once, besides the first 64 KiB of each; beyond: 503
    ends_under: str = ""  # a path; of larger bodies below it the application gets the two ends, and the rest is dropped
    ends_bytes: int = 1024 * 1024 * 1024  # larger than this is refused there, too
    head_bytes: int = 32_768
    headers: int = 100
    head_timeout_s: float = 10.0  # from accepting, or the first byte of a request, to the end of its headers
    body_timeout_s: float = 30.0
    crowded_timeout_s: float = 2.0  # in place of body_timeout_s while half of the threads are taken
    response_timeout_s: float = 60.0  # to hand a response to a slow reader; crowded_timeout_s as above
    stalled_timeout_s: float = 5.0  # for a reader that takes nothing of a response
    idle_timeout_s: float = 30.0
    connections: int = 512
    backlog: int = 128


Screen = Callable[[dict[str, Any]], int]  # a request without its body → how many bytes of that are held; none: unread


class BoundedRequest(cheroot_server.HTTPRequest):
    """One request; its body is read whole before the application sees it, unless the server's screen is against it."""

    body_ends: BodyEnds | None = None
    body_unread = False
    body_length = 0

    def parse_request(self) -> None:
        """Read the head within its time."""
        self.header_reader = StrictHeaderReader(self.server.limits.headers)
        self.conn.deadline.start(self.server.limits.head_timeout_s)
        super().parse_request()
        if not self.ready:
            self.conn.linger_close = True

    def respond(self) -> None:
        """Read the body, ask the application, send what it says."""
        held = Held(self.server.room)
        try:
            self._respond(held)
        finally:
            held.release()

    def _respond(self, held: Held) -> None:
        limits = self.server.limits
        self.conn.deadline.start(self.server.patience(limits.body_timeout_s))
        try:
            body = self._body(limits, held)
        except BadRequestError as error:
            self._refuse(error)
            return
        self._hand_over(body)
        self.conn.wfile.begin(self.server.patience(limits.response_timeout_s))
        self.server.gateway(self).respond()
        self.ensure_headers_sent()
        if self.chunked_write:
            self.conn.wfile.write(b"0\r\n\r\n")

    def _hand_over(self, body: bytes | BodyEnds | None) -> None:
        if body is None:
            self.body_unread = self.close_connection = self.conn.linger_close = True
            body = b""
        self.body_ends = body if isinstance(body, BodyEnds) else None
        self.body_length = body.length if isinstance(body, BodyEnds) else len(body)
        self.rfile = io.BytesIO(b"" if isinstance(body, BodyEnds) else body)

    def _body(self, limits: Limits, held: Held) -> bytes | BodyEnds | None:
        """Read the body, None where the screen is against it.

        A client that is too slow gets a 503, which is no reason for a sender to give up.
        """
        header = self.inheaders.get(b"Content-Length")
        in_part = bool(limits.ends_under) and self.path.startswith(limits.ends_under.encode())
        most = limits.ends_bytes if in_part else limits.body_bytes
        length = content_length([header] if header is not None else [], self.chunked_read, most)
        if self.chunked_read or length > FREE_BYTES:
            limits = self._screened(limits)
            if not limits.body_bytes:
                return None
            most = most if in_part else limits.body_bytes
            content_length([header] if header is not None else [], self.chunked_read, most)
        if not self.chunked_read and self.conn.rfile.holds(length):
            return self._read_body(limits, held, in_part=in_part, most=most, length=length)
        with self.conn.waits_for_client() as wait:
            try:
                return self._read_body(limits, held, in_part=in_part, most=most, length=length)
            except (OSError, BadRequestError) as error:
                if wait.dropped and isinstance(self.conn.socket, ssl.SSLSocket):  # without its reading side TLS is over
                    raise ConnectionResetError(errno.ECONNRESET, "too slow while others wait") from error
                if not wait.dropped and not isinstance(error, TimeoutError):
                    raise
                why = "too slow while others wait" if wait.dropped else "the body did not arrive in time"
                raise BadRequestError("503 Service Unavailable", f"{why}; try again") from error

    def _screened(self, limits: Limits) -> Limits:
        """Return the limits for this request's body, as the screen has them."""
        allowed = self.server.screen(self.server.gateway(self).env)
        return msgspec.structs.replace(limits, body_bytes=min(limits.body_bytes, allowed))

    def _read_body(self, limits: Limits, held: Held, *, in_part: bool, most: int, length: int) -> bytes | BodyEnds:
        if in_part and (self.chunked_read or length > limits.body_bytes):
            parts = chunked_pieces(self.conn.rfile, most) if self.chunked_read else pieces(self.conn.rfile, length)
            return whole_or_ends(parts, limits.body_bytes if self.chunked_read else 0, held)
        if self.chunked_read:
            return read_chunked(self.conn.rfile, most, held.more)
        return read_exactly(self.conn.rfile, length, held.more)

    def _refuse(self, error: BadRequestError) -> None:
        self.close_connection = True
        self.conn.linger_close = True
        self.conn.deadline.start(self.server.limits.head_timeout_s)
        self.simple_response(error.status, str(error))  # to an empty socket buffer: this does not wait


class _TimedWriter(SocketWriter):
    """Starts the response's time with its first byte, not while the application thinks."""

    def __init__(self, sock: socket.socket, deadline: Deadline, *, stalled_s: float) -> None:
        super().__init__(sock, deadline, stalled_s=stalled_s)
        self._pending_s = 0.0

    def begin(self, seconds: float) -> None:
        """The next write starts a response that may take `seconds`."""
        self._pending_s = seconds

    def write(self, data: bytes, /) -> int:
        """Send everything, within the deadline."""
        if self._pending_s:
            self._deadline.start(self._pending_s)
            self._pending_s = 0.0
        return super().write(data)


class BoundedConnection(cheroot_server.HTTPConnection):
    """One connection; it takes a thread once a request with a small body is there, and waits in the selector before.

    Of a large body the first 64 KiB arrive like this; a thread reads the rest, and may be taken away (`Waits`).
    """

    RequestHandlerClass = BoundedRequest

    def __init__(self, server: Any, sock: socket.socket, _makefile: Any = None) -> None:
        self.deadline = Deadline()
        self.linger_close = False
        self.peer_certificate: dict[str, Any] | None = None
        self.waiting = False  # in the selector
        self._begun_at: float | None = time.monotonic()  # since when a handshake, head or body is incomplete
        self._in_body = False  # the head is there, the body is not
        self._greeted = not isinstance(sock, ssl.SSLSocket)
        super().__init__(server, sock, lambda *_: None)
        self.rfile = SocketReader(
            sock, self.deadline, most_head_bytes=server.limits.head_bytes, most_body_bytes=server.max_request_body_size
        )
        self.wfile = _TimedWriter(sock, self.deadline, stalled_s=server.limits.stalled_timeout_s)

    def advance(self) -> State:
        """Take what has arrived, without waiting for more."""
        self.waiting = False
        self.socket.setblocking(False)
        try:
            return self._advance()
        except (ssl.SSLWantReadError, BlockingIOError):
            return State.WAITING
        except OSError as error:  # ssl.SSLError is one
            self.server.error_log(f"connection with {self.remote_addr} failed: {error}", level=logging.DEBUG)
            return State.GONE

    def _advance(self) -> State:
        if not self._greeted:
            self.socket.do_handshake()
            self._greeted = True
            self.peer_certificate = self.socket.getpeercert() or None
        while not self.rfile.request_arrived():
            self._time_body()
            if not self.rfile.receive():
                return State.READY if self.rfile.begun else State.GONE
            if self._begun_at is None:
                self._begun_at = time.monotonic()
        return State.READY

    def _time_body(self) -> None:
        """With the end of the head the time of the body begins."""
        if not self._in_body and self.rfile.head_arrived():
            self._in_body, self._begun_at = True, time.monotonic()

    def late(self, now: float) -> bool:
        """Whether the client takes too long over its handshake, its request head or a small body."""
        limits = self.server.limits
        most_s = limits.body_timeout_s if self._in_body else limits.head_timeout_s
        return self.waiting and self._begun_at is not None and now - self._begun_at > most_s

    def waits_for_client(self) -> contextlib.AbstractContextManager[Wait]:
        """What a thread says when it waits for this client; when threads run out, the waiting may be ended."""
        waits: Waits = self.server.waits
        return waits.on(lambda: self.rfile.received + self.wfile.bytes_written, self._end_waiting)

    def _end_waiting(self) -> None:
        self.deadline.start(0.0)
        with contextlib.suppress(OSError):  # socket's own: ssl's would go on unencrypted in the thread that reads
            socket.socket.shutdown(self.socket, socket.SHUT_RD)

    def hang_up(self) -> None:
        """Make the selector find the end of the connection, which is then closed where all are."""
        self.waiting = False
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)

    def communicate(self) -> bool:
        """Handle one request; False when the connection is to be closed."""
        keep = bool(super().communicate())  # type: ignore[no-untyped-call]  # cheroot is half typed
        self._in_body = False
        self._begun_at = time.monotonic() if self.rfile.begun else None
        return keep

    def close(self) -> None:
        """Close; after a refusal, let the client read it first (closing with unread data resets the connection)."""
        if self.linger_close:
            self.linger_close = False
            self.deadline.start(LINGER_S)
            with self.waits_for_client():
                self._drain()
        super().close()
        self.server.forget(self)

    def _drain(self) -> None:
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)
            left = LINGER_BYTES
            while left > 0:
                self.deadline.arm(self.socket)
                data = self.socket.recv(65_536)
                if not data:
                    break
                left -= len(data)
