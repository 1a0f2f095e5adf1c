"""cheroot with what it lacks: handshakes off the accepting thread, limits in time, size and number, strict framing."""

import contextlib
import errno
import io
import logging
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from cheroot import server as cheroot_server
from cheroot import wsgi as cheroot_wsgi

from heronwatch.http_message import check_header
from heronwatch.webconfig import WebConfigFile
from heronwatch.wsgi_head import StrictHeaderReader
from heronwatch.wsgi_request import (
    BadRequestError,
    Deadline,
    SocketReader,
    SocketWriter,
    content_length,
    read_chunked,
    read_exactly,
)

PEER_CERTIFICATE = "heronwatch.peer_certificate"  # in the WSGI environ: as ssl's getpeercert() gives it
LINGER_BYTES = 1_048_576
LINGER_S = 2.0


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds on what clients can make the server hold."""

    body_bytes: int = 10 * 1024 * 1024
    head_bytes: int = 32_768
    headers: int = 100
    handshake_timeout_s: float = 10.0
    head_timeout_s: float = 10.0  # from the moment bytes arrive to the end of the headers
    body_timeout_s: float = 30.0
    crowded_timeout_s: float = 2.0  # for each of the three, while half of the threads are taken
    response_timeout_s: float = 60.0  # to hand a response to a slow reader
    idle_timeout_s: float = 30.0
    connections: int = 512
    backlog: int = 128


class BoundedRequest(cheroot_server.HTTPRequest):
    """One request; its body is read whole before the application sees it."""

    def parse_request(self) -> None:
        """Read the head within its time."""
        self.header_reader = StrictHeaderReader(self.server.limits.headers)
        self.conn.deadline.start(self.server.patience(self.server.limits.head_timeout_s))
        super().parse_request()
        if not self.ready:
            self.conn.linger_close = True

    def respond(self) -> None:
        """Read the body, ask the application, send what it says."""
        limits = self.server.limits
        self.conn.deadline.start(self.server.patience(limits.body_timeout_s))
        try:
            body = self._read_body(limits.body_bytes)
        except BadRequestError as error:
            self._refuse(error)
            return
        self.rfile = io.BytesIO(body)
        self.body_length = len(body)
        self.conn.wfile.begin(limits.response_timeout_s)
        self.server.gateway(self).respond()
        self.ensure_headers_sent()
        if self.chunked_write:
            self.conn.wfile.write(b"0\r\n\r\n")

    def _read_body(self, most: int) -> bytes:
        header = self.inheaders.get(b"Content-Length")
        length = content_length([header] if header is not None else [], self.chunked_read, most)
        return read_chunked(self.conn.rfile, most) if self.chunked_read else read_exactly(self.conn.rfile, length)

    def _refuse(self, error: BadRequestError) -> None:
        self.close_connection = True
        self.conn.linger_close = True
        self.conn.deadline.start(self.server.limits.head_timeout_s)
        self.simple_response(error.status, str(error))


class _TimedWriter(SocketWriter):
    """Starts the response's time with its first byte, not while the application thinks."""

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        super().__init__(sock, deadline)
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
    """One connection; the TLS handshake runs in a worker thread, when the client has sent something."""

    RequestHandlerClass = BoundedRequest

    def __init__(self, server: Any, sock: socket.socket, _makefile: Any = None) -> None:
        self.deadline = Deadline()
        self.linger_close = False
        self.peer_certificate: dict[str, Any] | None = None
        self._greeted = not isinstance(sock, ssl.SSLSocket)
        super().__init__(server, sock, lambda *_: None)
        self.rfile = SocketReader(sock, self.deadline)
        self.wfile = _TimedWriter(sock, self.deadline)

    def communicate(self) -> bool:
        """Handle one request; False when the connection is to be closed."""
        if not self._greeted and not self._greet():
            return False
        return bool(super().communicate())  # type: ignore[no-untyped-call]  # cheroot is half typed

    def _greet(self) -> bool:
        self.deadline.start(self.server.patience(self.server.limits.handshake_timeout_s))
        try:
            self.deadline.arm(self.socket)
            self.socket.do_handshake()
        except OSError as error:  # ssl.SSLError and TimeoutError are OSErrors
            self.server.error_log(f"TLS handshake with {self.remote_addr} failed: {error}", level=logging.DEBUG)
            return False
        self._greeted = True
        self.peer_certificate = self.socket.getpeercert() or None
        return True

    def close(self) -> None:
        """Close; after a refusal, let the client read it first (closing with unread data resets the connection)."""
        if self.linger_close:
            self.linger_close = False
            self._drain()
        super().close()
        self.server.forget(self)

    def _drain(self) -> None:
        self.deadline.start(LINGER_S)
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)
            left = LINGER_BYTES
            while left > 0:
                self.deadline.arm(self.socket)
                data = self.socket.recv(65_536)
                if not data:
                    break
                left -= len(data)


class BoundedGateway(cheroot_wsgi.Gateway_10):
    """The WSGI side of a request."""

    def get_environ(self) -> dict[str, Any]:  # type: ignore[override]  # cheroot's stub says None
        """The environ, with the body's true length and the client's certificate."""
        env: dict[str, Any] = super().get_environ()  # type: ignore[no-untyped-call]  # cheroot is half typed
        env["wsgi.input_terminated"] = True
        env["CONTENT_LENGTH"] = str(self.req.body_length)
        env.pop("HTTP_TRANSFER_ENCODING", None)
        env["wsgi.errors"] = _LogStream(self.req.server.error_log)
        env[PEER_CERTIFICATE] = self.req.conn.peer_certificate
        return env

    def start_response(
        self,
        status: str,
        headers: Iterable[tuple[str, str]],
        exc_info: Any = None,  # PEP 3333
    ) -> Callable[[bytes], None]:
        """Take the head of the response; ValueError for a header that could split it."""
        pairs = list(headers)
        for name, value in pairs:
            check_header(name, value)
        if any(mark in status for mark in "\r\n\0"):
            raise ValueError("the status contains a control character")
        write: Callable[[bytes], None] = super().start_response(status, pairs, exc_info)
        return write


class _LogStream(io.TextIOBase):
    """`wsgi.errors`, as log lines."""

    def __init__(self, log: Callable[..., None]) -> None:
        super().__init__()
        self._log = log

    def write(self, text: str, /) -> int:
        if text.strip():
            self._log(text.strip(), level=logging.WARNING)
        return len(text)


class _LazyTlsAdapter:
    """Makes a TLS socket whose handshake is still to come, with the context in force at that moment."""

    def __init__(self, web: WebConfigFile) -> None:
        self._web = web

    def bind(self, sock: socket.socket) -> socket.socket:
        """The listening socket stays plain."""
        return sock

    def wrap(self, sock: socket.socket) -> tuple[ssl.SSLSocket, dict[str, str]]:
        """No handshake here: this runs on the only thread that accepts."""
        context = self._web.connection_context()
        try:
            tls = context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        except OSError as error:  # the client has gone already
            sock.close()
            raise ConnectionAbortedError(errno.ECONNABORTED, "gone before the handshake") from error
        return tls, {"wsgi.url_scheme": "https", "HTTPS": "on"}

    def makefile(self, *_: object) -> None:
        """The connection makes its own."""


class BoundedHTTPServer(cheroot_wsgi.Server):
    """The server; a connection takes a thread only while it has something to say."""

    ConnectionClass = BoundedConnection

    def __init__(
        self,
        bind: tuple[str, int],
        app: Any,
        *,
        web: WebConfigFile,
        limits: Limits,
        threads: int,
    ) -> None:
        options: dict[str, Any] = {
            "server_name": "heronwatch",
            "request_queue_size": limits.backlog,
            "timeout": limits.idle_timeout_s,
            "accepted_queue_size": limits.connections,
            "accepted_queue_timeout": 0.001,
        }
        super().__init__(bind, app, numthreads=threads, max=threads, **options)
        self.limits = limits
        self._threads = threads
        self.gateway = BoundedGateway
        self.max_request_header_size = limits.head_bytes
        self.max_request_body_size = limits.body_bytes
        self.keep_alive_conn_limit = limits.connections // 2
        self.ssl_adapter = _LazyTlsAdapter(web) if web.uses_tls else None
        self._open: set[BoundedConnection] = set()
        self._open_lock = threading.Lock()
        self._logger = logging.getLogger("heronwatch.httpd")

    def patience(self, seconds: float) -> float:
        """How long a thread may wait for a client: shorter once half of the threads are taken."""
        crowded = self.requests.idle * 2 < self._threads
        return min(seconds, self.limits.crowded_timeout_s) if crowded else seconds

    def process_conn(self, conn: BoundedConnection) -> None:
        """A new connection waits in the selector until it sends something; others go to a thread."""
        if conn.last_used is not None:
            super().process_conn(conn)
        elif self._admit(conn):
            self.put_conn(conn)
        else:
            conn.close()

    def _admit(self, conn: BoundedConnection) -> bool:
        with self._open_lock:
            if len(self._open) >= self.limits.connections:
                return False
            self._open.add(conn)
            return True

    def forget(self, conn: BoundedConnection) -> None:
        """A connection has been closed."""
        with self._open_lock:
            self._open.discard(conn)

    def error_log(self, msg: str = "", level: int = logging.INFO, traceback: bool = False) -> None:
        """Cheroot's messages go where all logs go."""
        self._logger.log(level, "%s", msg, exc_info=traceback and sys.exc_info())
