"""A bounded load on an HTTP server: some connections that ask one URL after the other, for some seconds."""

import asyncio
import itertools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field


@dataclass
class Load:
    """What came of it; latencies are in seconds."""

    seconds: float
    latencies: list[float] = field(default_factory=list)
    failures: int = 0
    bytes_read: int = 0

    @property
    def per_second(self) -> float:
        """Answers with status 200 per second."""
        return len(self.latencies) / self.seconds

    def quantile(self, share: float) -> float:
        """Return a latency that a share of the answers stayed below."""
        ordered = sorted(self.latencies) or [float("nan")]
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class _Client(asyncio.Protocol):
    """One kept connection. It reads bodies without keeping them, so that the client costs little."""

    def __init__(self, paths: Iterator[str], host: str, until: float, load: Load) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._paths = paths
        self._host = host
        self._until = until
        self._load = load
        self._head = b""
        self._missing = -1  # bytes of the body still to come, or -1 while the head is read
        self._chunked_tail = b""
        self._chunked = False
        self._ok = False
        self._started = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._ask()

    def connection_lost(self, _exc: Exception | None) -> None:
        if not self.done.done():
            self._load.failures += 1
            self.done.set_result(None)

    def data_received(self, data: bytes) -> None:
        self._load.bytes_read += len(data)
        if self._missing < 0 and not self._chunked:
            self._head += data
            head, blank, data = self._head.partition(b"\r\n\r\n")
            if not blank:
                return
            self._begin(head)
        if self._chunked:
            self._chunked_tail = (self._chunked_tail + data)[-5:]
            if self._chunked_tail == b"0\r\n\r\n":
                self._finish()
        else:
            self._missing -= len(data)
            if self._missing <= 0:
                self._finish()

    def _begin(self, head: bytes) -> None:
        lower = head.lower()
        self._ok = lower.startswith(b"http/1.1 200")
        self._chunked = b"transfer-encoding: chunked" in lower
        if not self._chunked:
            self._missing = int(lower.partition(b"content-length:")[2].split(b"\r\n")[0])

    def _finish(self) -> None:
        if self._ok:
            self._load.latencies.append(time.perf_counter() - self._started)
        else:
            self._load.failures += 1
        self._head, self._missing, self._chunked, self._chunked_tail = b"", -1, False, b""
        if time.perf_counter() < self._until:
            self._ask()
        else:
            self.done.set_result(None)
            self._transport.close()

    def _ask(self) -> None:
        self._started = time.perf_counter()
        self._transport.write(f"GET {next(self._paths)} HTTP/1.1\r\nHost: {self._host}\r\n\r\n".encode())


def load(port: int, paths: Sequence[str], *, connections: int, seconds: float) -> Load:
    """Ask for `paths` in turn over some connections until time is up; the last answers are waited for."""
    return asyncio.run(_load(port, paths, connections, seconds))


async def _load(port: int, paths: Sequence[str], connections: int, seconds: float) -> Load:
    loop = asyncio.get_running_loop()
    turns = itertools.cycle(paths)
    started = time.perf_counter()
    found = Load(seconds)
    clients: list[_Client] = []
    for _ in range(connections):
        _, client = await loop.create_connection(
            lambda: _Client(turns, f"127.0.0.1:{port}", started + seconds, found), "127.0.0.1", port
        )
        clients.append(client)
    for client in clients:
        await client.done
    found.seconds = time.perf_counter() - started
    return found
