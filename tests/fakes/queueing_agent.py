"""An SNMP agent that answers one request at a time, queues a few and drops the rest, as small devices do."""

import asyncio
import contextlib
import socket
from collections import deque
from typing import Protocol

LOOPBACK = "127.0.0.1"


class Answering(Protocol):
    """What makes the answers, such as `exporters.snmp.simulator.agent.Agent`."""

    def answer(self, datagram: bytes, now: float) -> bytes | None:
        """Return the response to a request at a Unix time; None for silence."""
        ...


class QueueingAgent:
    """Serves `agent` on a free loopback port of the running loop; one answer takes `service_s`, `room` may wait.

    `agent` may be replaced, as when a device starts anew; `now` is the Unix time that it believes in.
    """

    def __init__(self, agent: Answering, *, service_s: float = 0.0, room: int = 4) -> None:
        self.agent = agent
        self.now = 0.0
        self.answered = 0
        self.dropped = 0
        self.most_waiting = 0
        """The most requests that were in flight at once: being answered, queued or dropped."""
        self._service_s = service_s
        self._room = room
        self._queue: deque[tuple[bytes, tuple[str, int]]] = deque()
        self._busy = False
        self._loop = asyncio.get_running_loop()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind((LOOPBACK, 0))
        self._loop.add_reader(self._socket.fileno(), self._readable)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._socket.getsockname()[1])

    def close(self) -> None:
        """Stop answering."""
        self._loop.remove_reader(self._socket.fileno())
        self._socket.close()

    def _readable(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                self._arrived(*self._socket.recvfrom(65_535))

    def _arrived(self, request: bytes, source: tuple[str, int]) -> None:
        self.most_waiting = max(self.most_waiting, len(self._queue) + self._busy + 1)
        if not self._busy:
            self._serve(request, source)
        elif len(self._queue) < self._room:
            self._queue.append((request, source))
        else:
            self.dropped += 1

    def _serve(self, request: bytes, source: tuple[str, int]) -> None:
        self._busy = True
        self._loop.call_later(self._service_s, self._answer, request, source)

    def _answer(self, request: bytes, source: tuple[str, int]) -> None:
        if self._socket.fileno() < 0:
            return
        answer = self.agent.answer(request, self.now)
        if answer is not None:
            self.answered += 1
            with contextlib.suppress(OSError):
                self._socket.sendto(answer, source)
        self._busy = False
        if self._queue:
            self._serve(*self._queue.popleft())
