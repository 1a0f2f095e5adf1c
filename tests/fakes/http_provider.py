"""Behaviours of an HTTP provider, on a raw socket: a request is read whole, then anything may follow."""

import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.fakes.raw_server import Behaviour


@dataclass
class HttpRequest:
    """A request as it arrived; header names in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Requests:
    """What arrived."""

    all: list[HttpRequest] = field(default_factory=list)


def read_request(sock: socket.socket) -> HttpRequest:
    """Read one request whole; EOFError when the client leaves before."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += _more(sock)
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    parts, missing = [body], int(headers.get("content-length", "0")) - len(body)
    while missing > 0:
        parts.append(_more(sock))
        missing -= len(parts[-1])
    method, path, _version = first.split(" ")
    return HttpRequest(method, path, headers, b"".join(parts))


def _more(sock: socket.socket) -> bytes:
    data = sock.recv(65_536)
    if not data:
        raise EOFError
    return data


def after_request(behave: Behaviour, *, kept: Requests | None = None) -> Behaviour:
    """Read a request, then behave."""

    def then(sock: socket.socket) -> None:
        request = read_request(sock)
        if kept is not None:
            kept.all.append(request)
        behave(sock)

    return then


def answering(answer: Callable[[HttpRequest], bytes], *, kept: Requests | None = None) -> Behaviour:
    """Answer each request by what it says."""

    def reply(sock: socket.socket) -> None:
        request = read_request(sock)
        if kept is not None:
            kept.all.append(request)
        sock.sendall(answer(request))

    return reply


def http(
    status: int, body: bytes = b"", headers: Mapping[str, str] | None = None, *, length: int | None = None
) -> bytes:
    """Return an answer; `length` lies about the body's."""
    lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(body) if length is None else length}"]
    lines += [f"{name}: {value}" for name, value in {"Content-Type": "application/json", **(headers or {})}.items()]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body
