"""A TCP server whose every byte a test decides: for providers that misbehave."""

import contextlib
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator

Behaviour = Callable[[socket.socket], None]
LOOPBACK = "127.0.0.1"
PATIENCE_S = 20.0


class RawServer:
    """Runs a behaviour for each connection, in a thread; `stop` ends them all."""

    def __init__(self, behave: Behaviour) -> None:
        self._behave = behave
        self._listener = socket.create_server((LOOPBACK, 0))
        self.port: int = self._listener.getsockname()[1]
        self.connections = 0
        self._open: list[socket.socket] = []
        self._running: list[threading.Thread] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        for sock in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        for thread in (self._thread, *self._running):
            thread.join(5)

    def _accept(self) -> None:
        while True:
            try:
                sock, _address = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            sock.settimeout(PATIENCE_S)
            self._open.append(sock)
            self._running.append(threading.Thread(target=self._run, args=(sock,), daemon=True))
            self._running[-1].start()

    def _run(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError, EOFError), contextlib.closing(sock):
            self._behave(sock)


@contextlib.contextmanager
def raw_server(behave: Behaviour) -> Iterator[RawServer]:
    server = RawServer(behave)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def over_tls(context: ssl.SSLContext, behave: Behaviour) -> Behaviour:
    """The same, inside TLS."""

    def inside(sock: socket.socket) -> None:
        with context.wrap_socket(sock, server_side=True) as tls:
            behave(tls)

    return inside


def silent(sock: socket.socket) -> None:
    """Take what comes and say nothing."""
    while sock.recv(65_536):
        pass


def hang_up(sock: socket.socket) -> None:
    """Close at once."""


def reset(sock: socket.socket) -> None:
    """Break the connection as a crashed host does."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def drip(text: bytes, *, pause_s: float = 0.02) -> Behaviour:
    """Say a text byte by byte, and then its last byte for ever."""

    def slowly(sock: socket.socket) -> None:
        for position in range(1_000_000):
            sock.sendall(text[min(position, len(text) - 1) :][:1])
            time.sleep(pause_s)

    return slowly


def flood(start: bytes, more: bytes) -> Behaviour:
    """Say `start`, then `more` without end."""

    def on_and_on(sock: socket.socket) -> None:
        sock.sendall(start)
        while True:
            sock.sendall(more)

    return on_and_on


def say(text: bytes) -> Behaviour:
    """Say a text and close."""
    return lambda sock: sock.sendall(text)
