"""A bounded load on an HTTP server: some connections that each ask for a target nobody else is asking for."""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

SCRAPE_TIMEOUT_S = 120.0
HEADERS = {
    "Accept-Encoding": "gzip",  # these two as Prometheus sends them
    "X-Prometheus-Scrape-Timeout-Seconds": f"{SCRAPE_TIMEOUT_S:g}",
}


@dataclass
class Load:
    """What came of it; latencies are in seconds, `cpu_s` is what asking cost this process."""

    seconds: float
    latencies: list[float] = field(default_factory=list)
    failures: int = 0
    plain: int = 0
    bytes_read: int = 0
    cpu_s: float = 0.0

    @property
    def per_second(self) -> float:
        """Answers with status 200 per second."""
        return len(self.latencies) / self.seconds

    @property
    def share(self) -> float:
        """The share of one core that asking took."""
        return self.cpu_s / self.seconds

    def quantile(self, share: float) -> float:
        """Return a latency that a share of the answers stayed below."""
        ordered = sorted(self.latencies) or [float("nan")]
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class _Client(asyncio.Protocol):
    """One kept connection. It reads bodies without keeping them, so that the client costs little."""

    def __init__(self, idle: deque[str], host: str, until: float, load: Load) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._idle = idle
        self._path = ""
        self._head_tail = "".join(f"{name}: {value}\r\n" for name, value in {"Host": host, **HEADERS}.items()) + "\r\n"
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
            self._chunked_tail = (self._chunked_tail + data[-5:])[-5:]
            if self._chunked_tail == b"0\r\n\r\n":
                self._finish()
        else:
            self._missing -= len(data)
            if self._missing <= 0:
                self._finish()

    def _begin(self, head: bytes) -> None:
        lower = head.lower()
        self._ok = lower.startswith(b"http/1.1 200")
        self._load.plain += self._ok and b"content-encoding: gzip" not in lower
        self._chunked = b"transfer-encoding: chunked" in lower
        if not self._chunked:
            self._missing = int(lower.partition(b"content-length:")[2].split(b"\r\n")[0])

    def _finish(self) -> None:
        if self._ok:
            self._load.latencies.append(time.perf_counter() - self._started)
        else:
            self._load.failures += 1
        self._idle.append(self._path)
        self._head, self._missing, self._chunked, self._chunked_tail = b"", -1, False, b""
        if time.perf_counter() < self._until:
            self._ask()
        else:
            self.done.set_result(None)
            self._transport.close()

    def _ask(self) -> None:
        self._path = self._idle.popleft()
        self._started = time.perf_counter()
        self._transport.write(f"GET {self._path} HTTP/1.1\r\n{self._head_tail}".encode())


def load(port: int, paths: Sequence[str], *, connections: int, seconds: float) -> Load:
    """Ask for `paths` over some connections until time is up, no path by two at once; the last answers are waited for.

    Raises ValueError for more connections than paths.
    """
    if connections > len(paths):
        raise ValueError(f"{connections} connections for {len(paths)} paths")
    return asyncio.run(_load(port, deque(paths), connections, seconds))


async def _load(port: int, idle: deque[str], connections: int, seconds: float) -> Load:
    loop = asyncio.get_running_loop()
    started, cpu_before = time.perf_counter(), time.process_time()
    found = Load(seconds)
    clients: list[_Client] = []
    for _ in range(connections):
        _, client = await loop.create_connection(
            lambda: _Client(idle, f"127.0.0.1:{port}", started + seconds, found), "127.0.0.1", port
        )
        clients.append(client)
    for client in clients:
        await client.done
    found.seconds = time.perf_counter() - started
    found.cpu_s = time.process_time() - cpu_before
    return found
