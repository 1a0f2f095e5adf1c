"""The parent of the workers: starts them in fresh interpreters, restarts dead ones with back-off, stops them all.

It serves nothing itself. It holds the listening ports (bound with SO_REUSEPORT, not listening) so that nobody else
takes them while a worker is away, and the private folder through which the workers find each other.
"""

import asyncio
import random
import signal
import socket
import sys
import time
from collections.abc import Sequence

import msgspec
from prometheus_client import CollectorRegistry, Counter, Gauge

from exporters.errors import WorkerGoneError
from exporters.options import ServeOptions
from exporters.probing.crew import RELOAD, Folder
from exporters.probing.heartbeat import listen
from exporters.probing.metrics import RESTARTS, RESTARTS_HELP
from exporters.probing.relay import RelayClient
from heronwatch.listening import telling_why
from heronwatch.logs import get_logger
from heronwatch.retry import Backoff
from heronwatch.values import HostPort
from heronwatch.worker_metrics import WorkerFiles

RESTART = Backoff(first_s=0.2, factor=2.0, cap_s=30.0, jitter=0.2)
STEADY_S = 60.0  # a worker that ran so long starts the back-off anew
STOP_S = 15.0  # longer than a worker's own graceful stop
READY_POLL_S = 0.02
RELOAD_TIMEOUT_S = 60.0


class Orders(msgspec.Struct, frozen=True):
    """What a worker is told on its standard input: which one it is, where its team meets, and all options."""

    index: int
    workers: int
    folder: str
    options: ServeOptions


class SupervisorMetrics:
    """What only the parent knows."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.restarts = Counter(RESTARTS, RESTARTS_HELP, registry=registry)
        self.running = Gauge(
            "heronwatch_exporter_workers", "Worker processes running.", registry=registry, multiprocess_mode="livemax"
        )


class Supervisor:
    """Runs `workers` processes until told to stop."""

    def __init__(self, folder: Folder, options: ServeOptions, *, workers: int, metrics: SupervisorMetrics) -> None:
        self._folder = folder
        self._options = options
        self._workers = workers
        self._metrics = metrics
        self._files = WorkerFiles(folder.metrics)
        self._processes: dict[int, asyncio.subprocess.Process] = {}
        self._stopping = asyncio.Event()
        self._served: set[int] = set()
        self._all_served = asyncio.Event()
        self._status = 0
        self._log = get_logger("exporters.supervisor")

    async def run(self) -> int:
        """Run until `stop`; returns the exit status: that of a worker that could not even start, else 0."""
        async with asyncio.TaskGroup() as group:
            keepers = [group.create_task(self._keep(index)) for index in range(self._workers)]
            await self._stopping.wait()
            await self._end(keepers)
        return self._status

    def stop(self) -> None:
        """Stop all workers; `run` returns when they are gone."""
        self._stopping.set()

    async def ready(self) -> None:
        """Wait until every worker has begun to serve."""
        await self._all_served.wait()

    async def reload(self) -> None:
        """Have all workers read the configuration again, and log what came of it."""
        faults = await self._reload()
        if faults:
            self._log.error("configuration refused, the old one keeps running", faults=faults)
        else:
            self._log.info("configuration reloaded")

    async def _reload(self) -> str:
        async with asyncio.TaskGroup() as group:
            for index in list(self._processes):
                client = RelayClient(self._folder.socket(index), f"worker {index}", group=group)
                try:
                    return _faults(await client.call(RELOAD, b"", timeout_s=RELOAD_TIMEOUT_S))
                except WorkerGoneError:
                    continue
                finally:
                    client.close()
        return "no worker is running"

    async def _keep(self, index: int) -> None:
        attempt = 0
        while not self._stopping.is_set():
            started = time.monotonic()
            try:
                status = await self._once(index)
            except FileNotFoundError as error:
                self._homeless(error)
                return
            if self._stopping.is_set():
                return
            if index not in self._served:
                self._give_up(index, status)
                return
            attempt = 1 if time.monotonic() - started > STEADY_S else attempt + 1
            self._metrics.restarts.inc()
            delay = RESTART.delay(attempt, random.random())  # noqa: S311  # jitter
            self._log.error("a worker ended", worker=index, status=status, restart_in_s=round(delay, 2))
            await self._pause(delay)

    async def _once(self, index: int) -> int:
        """Run one worker from its start to its end."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "exporters.worker", stdin=asyncio.subprocess.PIPE, start_new_session=True
        )
        self._processes[index] = process
        if self._stopping.is_set():
            _signal(process, signal.SIGTERM)
        self._metrics.running.set(len(self._processes))
        try:
            async with asyncio.TaskGroup() as group:
                watch = group.create_task(self._watch(index, process))
                await self._instruct(index, process)
                status = await process.wait()
                watch.cancel()
        finally:
            del self._processes[index]
            self._metrics.running.set(len(self._processes))
            self._folder.socket(index).unlink(missing_ok=True)
            await asyncio.to_thread(self._files.worker_died, process.pid)
        return status

    async def _instruct(self, index: int, process: asyncio.subprocess.Process) -> None:
        """Tell a worker what to do. Its standard input stays open: at its end a worker stops, so none is orphaned."""
        orders = Orders(index, self._workers, str(self._folder.path), self._options)
        assert process.stdin is not None  # noqa: S101  # a pipe was asked for
        try:
            process.stdin.write(msgspec.json.encode(orders) + b"\n")
            await process.stdin.drain()
        except OSError:
            return  # it has ended already; wait() tells how

    async def _watch(self, index: int, process: asyncio.subprocess.Process) -> None:
        """Wait until a worker serves, then see that it goes on; one that hangs is killed."""
        while not self._folder.socket(index).exists():  # noqa: ASYNC110  # a file that another process makes
            await asyncio.sleep(READY_POLL_S)
        self._served.add(index)
        if len(self._served) == self._workers:
            self._all_served.set()

        def hung() -> None:
            self._log.error("a worker hangs and is killed", worker=index, pid=process.pid)
            _signal(process, signal.SIGKILL)

        await listen(self._folder.socket(index), f"worker {index}", hung)

    def _homeless(self, error: FileNotFoundError) -> None:
        """End: without the private folder the workers cannot find each other, and what they counted is gone."""
        if not self._stopping.is_set():
            self._log.error("the private folder is gone: ending, so that the next start makes a new one",
                            missing=error.filename)  # fmt: skip
        self._status = 1
        self.stop()

    def _give_up(self, index: int, status: int) -> None:
        self._log.error("a worker could not start", worker=index, status=status)
        self._status = status or 1
        self.stop()

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return

    async def _end(self, keepers: Sequence[asyncio.Task[None]]) -> None:
        """SIGTERM, then SIGKILL for who has not ended in time."""
        self._signal_all(signal.SIGTERM)
        _, late = await asyncio.wait(keepers, timeout=STOP_S)
        if late:
            self._log.error("workers did not stop in time and are killed", workers=sorted(self._processes))
            self._signal_all(signal.SIGKILL)

    def _signal_all(self, number: signal.Signals) -> None:
        for process in list(self._processes.values()):
            _signal(process, number)


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except ProcessLookupError:
        return


def _faults(answer: bytes) -> str:
    if not answer:
        return ""
    faults = msgspec.msgpack.decode(answer, type=list[tuple[str, int, str, str]])
    return "\n".join(f"{file}:{line}: {path}: {message}" for file, line, path, message in faults)


def reserve(listen: Sequence[HostPort]) -> tuple[list[socket.socket], list[HostPort]]:
    """Bind the addresses without listening, so that a port 0 becomes the same port for all workers.

    Raises CannotListenError.
    """
    sockets: list[socket.socket] = []
    places: list[HostPort] = []
    for place in listen:
        family, kind, protocol, _, address = socket.getaddrinfo(
            place.host or None, place.port or 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        sock = socket.socket(family, kind, protocol)
        sockets.append(sock)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        with telling_why(place):
            sock.bind(address)
        places.append(HostPort(place.host, sock.getsockname()[1]))
    return sockets, places
