"""Posts alerts at a given rate or as fast as they are taken, sends again what was refused, and notes every answer."""

import asyncio
import itertools
import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Self

CONNECTIONS = 48
RETRY_S = 0.5  # Alertmanager begins with this
ANSWER_S = 60.0


@dataclass
class Sent:
    """What came of it. Latencies are in seconds, from when a body was due to its 2xx; of those taken at once."""

    statuses: Counter[int] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    accepted: int = 0  # alerts, as the answers say
    seconds: float = 0.0

    def p99_s(self) -> float:
        """Return the latency that one of a hundred exceeds."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)] if ordered else float("inf")

    def refused(self) -> int:
        """Return how many answers were no 2xx."""
        return sum(number for status, number in self.statuses.items() if not 200 <= status < 300)


class Sender:
    """Posts to one integration."""

    def __init__(self, ports: Sequence[int], token: str, *, name: str = "am") -> None:
        self._ports = itertools.cycle(ports)  # connections are spread as a balancer does
        self._head = (
            f"POST /api/v1/intake/alertmanager/{name} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Authorization: Bearer {token}\r\nContent-Type: application/json\r\n"
        )

    async def steadily(self, bodies: Iterator[bytes], *, per_s: float, connections: int = CONNECTIONS) -> Sent:
        """Send a body every 1/`per_s` seconds, whatever the answers do; each is made just before it is due."""
        queue: asyncio.Queue[tuple[float, bytes] | None] = asyncio.Queue()
        sent, began = Sent(), time.monotonic()
        async with asyncio.TaskGroup() as group:
            for _ in range(connections):
                group.create_task(self._work(queue, sent))
            for number, body in enumerate(bodies):
                due = began + number / per_s
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                queue.put_nowait((due, body))
            for _ in range(connections):
                queue.put_nowait(None)
        sent.seconds = time.monotonic() - began
        return sent

    async def flatly(self, bodies: Iterator[bytes], *, connections: int) -> Sent:
        """Send as fast as the answers come on some connections."""
        sent, began = Sent(), time.monotonic()

        async def work() -> None:
            async with _Connection(next(self._ports)) as connection:
                for body in bodies:
                    await self._send(connection, time.monotonic(), body, sent)

        async with asyncio.TaskGroup() as group:
            for _ in range(connections):
                group.create_task(work())
        sent.seconds = time.monotonic() - began
        return sent

    async def post(self, body: bytes) -> int:
        """Send one body until it is taken, and return the status."""
        sent = Sent()
        async with _Connection(next(self._ports)) as connection:
            await self._send(connection, time.monotonic(), body, sent)
        return next(reversed(sent.statuses))

    async def _work(self, queue: "asyncio.Queue[tuple[float, bytes] | None]", sent: Sent) -> None:
        async with _Connection(next(self._ports)) as connection:
            while (work := await queue.get()) is not None:
                await self._send(connection, *work, sent)

    async def _send(self, connection: "_Connection", due: float, body: bytes, sent: Sent) -> None:
        request, pause_s = self._request(body), RETRY_S
        while True:
            status, answer = await connection.ask(request)
            sent.statuses[status] += 1
            if 200 <= status < 300:
                sent.accepted += int(json.loads(answer)["accepted"])
                sent.latencies.append(time.monotonic() - due)
                return
            if 400 <= status < 500:
                return  # as Alertmanager: never again
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 1.5, 5.0)

    def _request(self, body: bytes) -> bytes:
        return f"{self._head}Content-Length: {len(body)}\r\n\r\n".encode() + body


class _Connection:
    """A connection kept alive, made again when the server closed it; status 0 for no answer."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._drop()

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        fresh = self._streams is None
        try:
            async with asyncio.timeout(ANSWER_S):
                return await self._exchange(request)
        except (OSError, EOFError, TimeoutError, ValueError):
            self._drop()
            return (0, b"") if fresh else await self.ask(request)

    async def _exchange(self, request: bytes) -> tuple[int, bytes]:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        writer.write(request)
        await writer.drain()
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        return int(head.split(b" ", 2)[1]), await reader.readexactly(length)

    def _drop(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None
