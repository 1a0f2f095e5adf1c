"""The object graph of `heronwatch exporter serve`: one process alone, a worker of several, or their supervisor."""

import asyncio
import contextlib
import fcntl
import gc
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

import msgspec
from prometheus_client import CollectorRegistry

from exporters.inventory.sd import PROBE_PATH
from exporters.listening import open_because
from exporters.loading import Setup, files_of, load_setup
from exporters.options import ServeOptions
from exporters.packet_logs import packet_logs
from exporters.probing.collector import CollectorContext, Endpoint, Plugin
from exporters.probing.crew import Crew, Folder
from exporters.probing.process import Process
from exporters.probing.registry import installed
from exporters.probing.relay import RelayServer
from exporters.probing.routes import SD_PATH, Pages
from exporters.probing.signals import Signals
from exporters.probing.supervisor import Orders, Supervisor, SupervisorMetrics, reserve
from exporters.snapshot import FILES, Snapshot
from heronwatch.aio_routes import Route
from heronwatch.clock import SystemClock
from heronwatch.http_message import Request, Response
from heronwatch.httpd_aio import AioServer
from heronwatch.pages import Field, Form, Link
from heronwatch.site import METRICS, SiteOptions, check_listen
from heronwatch.telemetry import Telemetry
from heronwatch.values import HostPort
from heronwatch.webconfig import WebConfigFile
from heronwatch.worker_metrics import activate, prepare

TITLE = "Heronwatch exporters"
ABOUT = "SNMP, SSH and Modbus devices as Prometheus metrics."
STOP_S = 10.0
FIRST = 1
LONGEST_FOLDER = 80  # unix(7): the path of a socket has at most 108 bytes, and worker-255.sock is still to come


class Served:
    """What one serving process consists of; an asynchronous context inside which it serves."""

    def __init__(self, options: ServeOptions, telemetry: Telemetry, snapshot: Snapshot = FILES) -> None:
        self._options = options
        self._telemetry = telemetry
        self._plugins = _plugins()
        self._web = WebConfigFile(_path(options.web_config_file), telemetry=telemetry)
        context = CollectorContext(
            registry=telemetry.registry,
            options={**options.plugin_options, **packet_logs(self._plugins, options.plugin_options)},
            idle_timeout_s=options.idle_timeout_s,
        )
        self.process = Process(self._load(None, snapshot), self._load, telemetry, SystemClock(), context)

    def _load(self, previous: Setup | None, snapshot: Snapshot) -> Setup:
        return load_setup(self._options.sources(), self._plugins, previous, snapshot)

    def server(self, listen: tuple[HostPort, ...], *, reuse_port: bool) -> AioServer:
        """Return the web server, not yet listening."""
        process = self.process
        pages = Pages(
            process.answers,
            lambda: process.setup,
            lambda: process.team,
            external_url=self._options.external_url,
            enable_lifecycle=self._options.enable_lifecycle,
            authenticates=lambda: self._web.authenticates,
            paused=lambda: process.paused,
        )
        endpoints = [plugin.endpoint.path for plugin in self._plugins if plugin.endpoint]
        return AioServer(
            [*pages.routes(endpoints), *self._second_metrics()],
            self._site(),
            listen=listen,
            web=self._web,
            reuse_port=reuse_port,
            open_because=open_because(self._options, process.setup, authenticates=self._web.authenticates),
        )

    def _second_metrics(self) -> list[Route]:
        path = self._options.telemetry_path
        return [] if path == METRICS else [Route("GET", path, self._metrics)]

    async def _metrics(self, request: Request) -> Response:
        """Answer as /metrics does, at the path of `--web.telemetry-path`."""
        accept, encoding = request.headers.get("Accept", ""), request.headers.get("Accept-Encoding", "")
        body, out = await asyncio.to_thread(self._telemetry.expose, accept, encoding)
        fields = dict(out)
        content_type = fields.pop("Content-Type")
        return Response(body=body, content_type=content_type, headers=tuple(fields.items()), compressible=False)

    def _missing(self) -> list[str]:
        return self.process.team.missing()  # the team is only known once this process serves

    def _site(self) -> SiteOptions:
        return SiteOptions(
            title=TITLE,
            version=version("heronwatch"),
            telemetry=self._telemetry,
            about=ABOUT,
            ready=self._missing,
            reload=self.process.reload,
            config_text=lambda: self.process.setup.masked,
            enable_lifecycle=self._options.enable_lifecycle,
            links=(Link(SD_PATH[1:], "Service discovery (http_sd)"),),
            forms=_forms(self._plugins),
            external_url=self._options.external_url,
        )


def spare_the_collector() -> None:
    """Keep the garbage collector from going through compiled modules and each scrape's samples again and again.

    The configuration lives as long as the process, and samples form no cycles: a sixth of a scrape's CPU was the
    collector's (benchmarks/snmp_scrape.py).
    """
    gc.freeze()
    gc.set_threshold(50_000, 50, 1000)


async def serve_alone(options: ServeOptions) -> int:
    """Serve in this process until a signal; returns the exit status."""
    served = Served(options, Telemetry("exporter", version("heronwatch")))
    async with served.process:
        spare_the_collector()
        server = served.server(options.places(), reuse_port=False)
        async with _running(server), Signals(server.reload) as signals:
            await signals.until_stopped()
    return 0


async def serve_worker(orders: Orders) -> int:
    """Serve as one of several workers until a signal, or until the supervisor is gone."""
    folder, options = Folder(Path(orders.folder)), orders.options
    generation = folder.generation()
    telemetry = Telemetry("exporter", version("heronwatch"), multiprocess_dir=folder.metrics)
    served = Served(options, telemetry, folder.snapshot(generation))
    process = served.process
    async with process, Crew(folder, process, index=orders.index, workers=orders.workers) as crew:
        process.team = crew
        spare_the_collector()
        server = served.server(options.places(), reuse_port=True)
        async with _running(server), RelayServer(folder.socket(orders.index), crew.handle):
            await crew.catch_up(generation)
            async with Signals(server.reload) as signals:
                signals.stop_at_end_of_input()
                await signals.stopped.wait()
    if signals.orphaned:  # the supervisor was killed: nobody else removes the copies of the configuration
        shutil.rmtree(folder.path, ignore_errors=True)
    return 0


async def supervise(options: ServeOptions, workers: int) -> int:
    """Run several workers until a signal; returns the exit status."""
    setup = load_setup(options.sources(), _plugins())  # every fault is told once, before anything is started
    web = WebConfigFile(_path(options.web_config_file))
    reason = open_because(options, setup, authenticates=web.authenticates)
    for place in options.places():
        check_listen(place.host, authenticates=web.authenticates, open_because=reason)
    sockets, places = reserve(options.places())
    with contextlib.ExitStack() as stack:
        for sock in sockets:
            stack.enter_context(sock)
        folder = stack.enter_context(_private_folder())
        folder.snapshot(FIRST).take(files_of(setup))
        folder.set_generation(FIRST)
        told = msgspec.structs.replace(options, listen=tuple(map(str, places)))
        return await _supervised(told, folder, workers)


async def _supervised(options: ServeOptions, folder: Folder, workers: int) -> int:
    prepare(folder.metrics)
    activate(folder.metrics)
    metrics = SupervisorMetrics(CollectorRegistry())  # a registry of its own: what it counts lies in the folder
    supervisor = Supervisor(folder, options, workers=workers, metrics=metrics)

    async with asyncio.TaskGroup() as group:
        running = group.create_task(supervisor.run())
        async with Signals(supervisor.reload) as signals:
            waiting = group.create_task(_told(supervisor, signals))
            await asyncio.wait([running, waiting], return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            supervisor.stop()
            return await running


async def _told(supervisor: Supervisor, signals: Signals) -> None:
    """Wait for the signal to stop, meanwhile tell the system when all workers serve."""
    async with asyncio.TaskGroup() as group:
        ready = group.create_task(supervisor.ready())
        stopped = group.create_task(signals.stopped.wait())
        await asyncio.wait([ready, stopped], return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        await signals.until_stopped()


def _forms(plugins: Sequence[Plugin]) -> tuple[Form, ...]:
    probe = Form(action=PROBE_PATH[1:], title="Probe a device", fields=(Field(name="target"), Field(name="module")))
    return (probe, *(_original(plugin.endpoint) for plugin in plugins if plugin.endpoint))


def _original(endpoint: Endpoint) -> Form:
    fields = (
        Field(name="target"),
        Field(name="module", value=endpoint.default_module),
        Field(name=endpoint.credential_param, value=endpoint.default_credential),
    )
    return Form(action=endpoint.path[1:], title=f"{endpoint.path}: as the original", fields=fields)


def _plugins() -> list[Plugin]:
    return installed()[0]


def _path(name: str) -> Path | None:
    return Path(name) if name else None


@contextlib.asynccontextmanager
async def _running(server: AioServer) -> AsyncIterator[None]:
    await server.start()
    try:
        yield
    finally:
        await server.stop(deadline_s=STOP_S)


@contextlib.contextmanager
def _private_folder() -> Iterator[Folder]:
    """Make a folder that only this user can read, gone at the end."""
    path = Path(tempfile.mkdtemp(prefix="heronwatch-"))
    if len(str(path)) > LONGEST_FOLDER:
        path.rmdir()
        path = Path(tempfile.mkdtemp(prefix="heronwatch-", dir="/tmp"))  # mkdtemp makes it private
    lock = os.open(path, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_SH)  # what cleans up old files passes over a folder that is locked (tmpfiles.d(5))
    try:
        yield Folder(path)
    finally:
        os.close(lock)
        shutil.rmtree(path, ignore_errors=True)
