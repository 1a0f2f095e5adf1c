"""Connections that end at a deadline, however slowly the other side drips: over the whole exchange, not each read."""

import contextlib
import socket
import threading
import weakref
from collections.abc import Iterator
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection


class Guard:
    """Shuts the connection in use down when its exchange takes too long; `expired` says that it has.

    After `close` every exchange fails at once, also one that another thread is in.

    It holds a duplicate of the socket, as TLS takes the original away before its handshake. One exchange at a time.
    """

    def __init__(self) -> None:
        self.expired = self._closed = False
        self._lock = threading.Lock()
        self._connection: HTTPConnection | None = None
        self._socket: socket.socket | None = None
        self._let_go: weakref.finalize[Any, Any] | None = None

    def watch(self, connection: HTTPConnection, sock: socket.socket) -> None:
        """Take over a new connection; the one before is over."""
        with self._lock:
            self._release()
            self._connection, self._socket = connection, sock.dup()
            self._let_go = weakref.finalize(self, self._socket.close)
            if self.expired:  # connecting took too long
                _shut_down(self._socket)

    @contextlib.contextmanager
    def within(self, timeout_s: float) -> Iterator[None]:
        """Bound what is inside to `timeout_s` seconds."""
        self.expired = self._closed
        over = threading.Event()
        timer = threading.Timer(timeout_s, self._expire, (over,))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            with self._lock:
                over.set()
                if self._connection is None or self._connection.sock is None:
                    self._release()  # closed: the other side learns it only when the duplicate is closed, too

    def close(self) -> None:
        """End the exchange that another thread may be in, and let go of the connection."""
        with self._lock:
            self.expired = self._closed = True
            if self._socket is not None:
                _shut_down(self._socket)
            self._release()

    def _expire(self, over: threading.Event) -> None:
        with self._lock:
            if over.is_set():
                return
            self.expired = True
            if self._socket is not None:
                _shut_down(self._socket)

    def _release(self) -> None:
        if self._let_go is not None:
            self._let_go()
        self._connection = self._socket = self._let_go = None


class GuardedAdapter(HTTPAdapter):
    """The library's adapter, with connections that a guard watches."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """Make the pools; called by the library."""
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = _pools(self._guard)


def _pools(guard: Guard) -> dict[str, type[HTTPConnectionPool]]:
    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            sock = super()._new_conn()
            guard.watch(self, sock)
            return sock

    class Tls(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            sock = super()._new_conn()
            guard.watch(self, sock)
            return sock

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class TlsPool(HTTPSConnectionPool):
        ConnectionCls = Tls

    return {"http": PlainPool, "https": TlsPool}


def _shut_down(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):  # gone already
        sock.shutdown(socket.SHUT_RDWR)
