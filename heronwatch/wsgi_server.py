"""cheroot with what it lacks: handshakes off the accepting thread, limits in time, size and number, strict framing."""

import errno
import io
import logging
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from cheroot import wsgi as cheroot_wsgi
from cheroot.connections import ConnectionManager

from heronwatch.http_message import check_header
from heronwatch.webconfig import WebConfigFile
from heronwatch.wsgi_connection import BoundedConnection, Limits, Screen, State
from heronwatch.wsgi_ends import BODY_ENDS, BODY_UNREAD
from heronwatch.wsgi_room import BodyRoom
from heronwatch.wsgi_waits import Waits

PEER_CERTIFICATE = "heronwatch.peer_certificate"  # in the WSGI environ: as ssl's getpeercert() gives it


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
        env[BODY_ENDS] = self.req.body_ends
        env[BODY_UNREAD] = self.req.body_unread
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
        if exc_info and not self.req.sent_headers:  # a second head replaces the first; cheroot would add to it
            self.req.outheaders.clear()
            self.remaining_bytes_out = None
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


class _Connections(ConnectionManager):
    """The waiting connections, looked after twice a second."""

    def _expire(self, threshold: float) -> None:
        super()._expire(threshold)  # type: ignore[misc]  # cheroot's stub leaves it out
        self.server.drop_late()
        self.server.waits.make_room()


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
        screen: Screen | None = None,
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
        self.screen: Screen = screen or (lambda _environ: limits.body_bytes)
        self.room = BodyRoom(max(limits.held_bytes, limits.body_bytes))
        self.waits = Waits(threads, lambda: int(self.requests.idle - self.requests.qsize))
        self._threads = threads
        self.gateway = BoundedGateway
        self.max_request_header_size = limits.head_bytes
        self.max_request_body_size = max(limits.body_bytes, limits.ends_bytes if limits.ends_under else 0)
        self.keep_alive_conn_limit = limits.connections // 2
        self.ssl_adapter = _LazyTlsAdapter(web) if web.uses_tls else None
        self._open: dict[BoundedConnection, None] = {}  # in the order of their arrival
        self._open_lock = threading.Lock()
        self.bind_errors: list[OSError] = []
        self._logger = logging.getLogger("heronwatch.httpd")

    def patience(self, seconds: float) -> float:
        """How long a thread may wait for a client: shorter once half of the threads are taken."""
        crowded = self.requests.idle * 2 < self._threads
        return min(seconds, self.limits.crowded_timeout_s) if crowded else seconds

    def prepare(self) -> None:
        """Bind and listen."""
        super().prepare()
        self._connections: ConnectionManager
        self._connections.close()  # the selector, which holds nothing but the listener yet
        self._connections = _Connections(self)

    def bind(self, family: int, type: int, proto: int = 0) -> Any:  # noqa: A002  # cheroot's names
        """Bind; why it cannot be is kept: cheroot tells it in words alone."""
        try:
            return super().bind(family, type, proto)
        except OSError as error:
            self.bind_errors.append(error)
            raise

    @staticmethod
    def bind_socket(socket_: socket.socket, bind_addr: Any) -> socket.socket:
        """Bind; a socket that cannot be bound is closed."""
        try:
            socket_.bind(bind_addr)
        except OSError:
            socket_.close()
            raise
        return socket_

    def process_conn(self, conn: BoundedConnection) -> None:
        """Something has arrived: the connection goes on waiting, or to a thread."""
        if conn.last_used is None:
            self._admit(conn)
        state = conn.advance()
        if state is State.READY:
            super().process_conn(conn)
            self.waits.make_room()
        elif state is State.WAITING:
            self.put_conn(conn)
        else:
            conn.close()

    def put_conn(self, conn: BoundedConnection) -> None:
        """Let a connection wait for its next request, or for the rest of one."""
        conn.waiting = True
        super().put_conn(conn)

    def _admit(self, conn: BoundedConnection) -> None:
        """Count a connection; with too many, the one that waits and is oldest goes, or else the new one."""
        with self._open_lock:
            full = len(self._open) >= self.limits.connections
            self._open[conn] = None
            if full:
                next((known for known in self._open if known.waiting), conn).hang_up()

    def drop_late(self) -> None:
        """End the connections whose clients take too long."""
        now = time.monotonic()
        with self._open_lock:
            late = [conn for conn in self._open if conn.late(now)]
        for conn in late:
            conn.hang_up()

    def forget(self, conn: BoundedConnection) -> None:
        """A connection has been closed."""
        with self._open_lock:
            self._open.pop(conn, None)

    def error_log(self, msg: str = "", level: int = logging.INFO, traceback: bool = False) -> None:
        """Cheroot's messages go where all logs go."""
        self._logger.log(level, "%s", msg, exc_info=traceback and sys.exc_info())
