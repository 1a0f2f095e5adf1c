"""An HTTP server that stands for somebody else's: one thread, one request a connection, as cheap as can be.

What it costs is counted in a measurement on the same machine.
"""

import contextlib
import re
import selectors
import socket
import threading
from collections.abc import Callable, Mapping
from typing import Self

from msgspec import Struct

LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]+)", re.IGNORECASE)
PATIENCE_S = 10.0  # for a client that does not take its answer


class Asked(Struct, frozen=True):
    """One request; `path` with its query."""

    method: str
    path: str
    body: bytes


def http_answer(status: int = 200, body: bytes = b"", headers: Mapping[str, str] | None = None) -> bytes:
    """Return an answer after which the connection closes."""
    lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


class HttpSink:
    """Answers each request with what `say` returns for it; None: with nothing, for as long as the client waits."""

    def __init__(self, say: Callable[[Asked], bytes | None]) -> None:
        self._say = say
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self._listener.setblocking(False)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/"
        self._selector = selectors.DefaultSelector()
        self._stopped, self._stop = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, name="http-sink", daemon=True)

    def __enter__(self) -> Self:
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._stopped, selectors.EVENT_READ)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.close()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            for key, _events in self._selector.select():
                if key.fileobj is self._stopped:
                    self._end()
                    return
                if key.fileobj is self._listener:
                    self._accept()
                else:
                    self._receive(key)

    def _end(self) -> None:
        for key in list(self._selector.get_map().values()):
            self._close(key.fileobj)
        self._selector.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            client, _address = self._listener.accept()
            client.settimeout(PATIENCE_S)
            self._selector.register(client, selectors.EVENT_READ, bytearray())

    def _receive(self, key: selectors.SelectorKey) -> None:
        client, received = key.fileobj, key.data
        assert isinstance(client, socket.socket)  # nothing else is registered with data
        try:
            data = client.recv(65_536)
            received += data
            asked = request_of(received) if data else None
            said = self._say(asked) if asked else None
            if said is not None:
                client.sendall(said)
        except OSError:
            data = b""
        if not data or said is not None:
            self._close(client)

    def _close(self, client: object) -> None:
        assert isinstance(client, socket.socket)  # as above
        self._selector.unregister(client)
        client.close()


def request_of(received: bytes | bytearray) -> Asked | None:
    """Return the request that these bytes are, None while some of them are missing."""
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return None
    length = LENGTH.search(received, 0, end)
    if len(received) - end - 4 < (int(length[1]) if length else 0):
        return None
    method, path, _version = received[: received.index(b"\r\n")].decode("latin-1").split(" ", 2)
    return Asked(method, path, bytes(received[end + 4 :]))
