"""Clients for the web servers that speak as rudely as a test needs."""

import base64
import contextlib
import http.client
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass
class Served:
    """A running server."""

    kind: str
    port: int
    site: Any = None
    host: str = "127.0.0.1"
    stop: Callable[[float], object] = lambda _: None  # deadline_s
    serving: Callable[[], bool] = lambda: True


def basic(user: str, password: str) -> str:
    """An Authorization header."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@dataclass(frozen=True)
class Answer:
    """A response; header names in lower case, repeated ones joined."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


def ask(
    served: Served,
    path: str,
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    context: ssl.SSLContext | None = None,
    timeout_s: float = 20.0,
) -> Answer:
    """One request on a connection of its own."""
    connection = http.client.HTTPConnection(served.host, served.port, timeout=timeout_s)
    with contextlib.closing(connection):
        connection.sock = connect(served, context=context, timeout_s=timeout_s)
        connection.request(method, path, body=body, headers=dict(headers or {}))
        return read_answer(connection)


def read_answer(connection: http.client.HTTPConnection) -> Answer:
    response = connection.getresponse()
    found: dict[str, str] = {}
    for name, value in response.getheaders():
        found[name.lower()] = f"{found[name.lower()]}, {value}" if name.lower() in found else value
    return Answer(response.status, found, response.read())


def connect(served: Served, *, context: ssl.SSLContext | None = None, timeout_s: float = 20.0) -> socket.socket:
    """A connection, with TLS if a context is given."""
    plain = socket.create_connection((served.host, served.port), timeout=timeout_s)
    if context is None:
        return plain
    try:
        return context.wrap_socket(plain, server_hostname="localhost")
    except BaseException:
        plain.close()
        raise


def exchange(served: Served, data: bytes, *, context: ssl.SSLContext | None = None) -> bytes:
    """Send bytes as they are and read until the server closes."""
    with connect(served, context=context) as sock:
        with contextlib.suppress(OSError):
            sock.sendall(data)
        return read_all(sock)


def babble(served: Served, data: bytes) -> bytes:
    """Send bytes as they are, then the end of the stream; read until the server closes."""
    with connect(served) as sock:
        with contextlib.suppress(OSError):
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
        return read_all(sock)


def read_all(sock: socket.socket) -> bytes:
    """Everything until the server closes or resets; TimeoutError when it does neither."""
    parts = []
    with contextlib.suppress(ConnectionError):
        while data := sock.recv(65_536):
            parts.append(data)
    return b"".join(parts)
