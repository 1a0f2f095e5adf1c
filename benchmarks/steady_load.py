"""Scrapes spread evenly over an interval, each target on a kept connection of its own, as Prometheus asks."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field


@dataclass
class Steady:
    """What came of it: latencies of scrapes answered with 200 in time, in seconds; the rest by reason.

    `late_start_s` is how far the scheduler itself fell behind at worst.
    """

    latencies: list[float] = field(default_factory=list)
    missed: dict[str, int] = field(default_factory=dict)
    late_start_s: float = 0.0

    @property
    def scrapes(self) -> int:
        """All scrapes that were due."""
        return len(self.latencies) + sum(self.missed.values())

    def quantile(self, share: float) -> float:
        """Return a latency that a share of the answers stayed below."""
        ordered = sorted(self.latencies) or [float("nan")]
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class Timetable:
    """When each target is due: spread over the interval, in the order given.

    >>> Timetable(4, interval_s=60.0, rounds=2).due(1)
    [15.0, 75.0]
    """

    def __init__(self, targets: int, *, interval_s: float, rounds: int) -> None:
        self._targets = targets
        self._interval_s = interval_s
        self._rounds = rounds

    def due(self, number: int) -> list[float]:
        """Return when a target is due, in seconds after the start."""
        first = number * self._interval_s / self._targets
        return [first + turn * self._interval_s for turn in range(self._rounds)]


def steady(
    port: int, paths: Sequence[str], timetable: Timetable, *, timeout_s: float, tell: Callable[[Steady], None]
) -> Steady:
    """Ask for every path when it is due; `tell` is called every so often."""
    return asyncio.run(_steady(port, paths, timetable, timeout_s, tell))


async def _steady(
    port: int, paths: Sequence[str], timetable: Timetable, timeout_s: float, tell: Callable[[Steady], None]
) -> Steady:
    found, started = Steady(), time.monotonic() + 1.0
    async with asyncio.TaskGroup() as group:
        scrapers = [
            group.create_task(_Scraper(port, path, timeout_s, found).run(started, timetable.due(number)))
            for number, path in enumerate(paths)
        ]
        while not all(scraper.done() for scraper in scrapers):
            await asyncio.wait(scrapers, timeout=60.0)
            tell(found)
    return found


class _Scraper:
    """One target with its connection."""

    def __init__(self, port: int, path: str, timeout_s: float, found: Steady) -> None:
        self._port = port
        self._request = (
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept-Encoding: gzip\r\n"
            f"X-Prometheus-Scrape-Timeout-Seconds: {timeout_s:g}\r\n\r\n"
        ).encode()
        self._timeout_s = timeout_s
        self._found = found
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def run(self, started: float, due: Sequence[float]) -> None:
        """Scrape whenever it is due."""
        for at in due:
            await asyncio.sleep(max(0.0, started + at - time.monotonic()))
            self._found.late_start_s = max(self._found.late_start_s, time.monotonic() - started - at)
            await self._scrape()
        self._drop()

    async def _scrape(self) -> None:
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._timeout_s):
                status = await self._ask()
        except TimeoutError:
            self._miss("late")
        except (OSError, EOFError, ValueError) as error:
            self._miss(type(error).__name__)
        else:
            if status == 200:
                self._found.latencies.append(time.monotonic() - began)
            else:
                self._miss(f"status {status}")

    def _miss(self, reason: str) -> None:
        self._found.missed[reason] = self._found.missed.get(reason, 0) + 1
        self._drop()

    async def _ask(self) -> int:
        """Ask once, on a new connection where the kept one was closed; return the status."""
        if self._streams is not None:
            try:
                return await self._exchange(*self._streams)
            except (ConnectionError, EOFError):
                self._drop()  # the server closed it meanwhile, as it may
        self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        return await self._exchange(*self._streams)

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
        writer.write(self._request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        if b"transfer-encoding: chunked" in head:
            while size := int((await reader.readline()).split(b";")[0], 16):
                await reader.readexactly(size + 2)
            await reader.readline()
        else:
            await reader.readexactly(int(head.partition(b"content-length:")[2].split(b"\r\n")[0]))
        return int(head.split(b" ", 2)[1])

    def _drop(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None
