"""Serving: the listeners and the engine of one process, from start to a graceful stop."""

import gc
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from msgspec import Struct

from alert_webhook.app import OWN_AUTH, main_app, never_429, public_app
from alert_webhook.config import Config
from alert_webhook.intake.accepting import Intake
from alert_webhook.intake.endpoint import PREFIX, screen
from alert_webhook.service import RunningEngine, Seams, Service, build
from alert_webhook.store import probing
from heronwatch.clock import SystemClock
from heronwatch.commands import EXIT_FAULT, EXIT_OK
from heronwatch.config import load
from heronwatch.errors import ConfigError, HeronwatchError
from heronwatch.flags import WebFlags
from heronwatch.httpd_wsgi import Limits, WsgiServer, common_pages
from heronwatch.lifecycle import Lifecycle
from heronwatch.pages import Link
from heronwatch.site import SiteOptions
from heronwatch.values import HostPort
from heronwatch.webconfig import WebConfigFile

THREADS = 80  # the intake has 64 bodies at most; the rest is left for people
COLLECT_AFTER = (
    20_000  # objects made since the last look for cycles; the default of 700 costs a storm a tenth of its time
)
PUBLIC_THREADS = 8
STOP_DEADLINE_S = 25.0  # longer than a channel's timeout: messages on their way are recorded
SERVER_STOP_DEADLINE_S = 5.0
PUBLIC_BODY_BYTES = 64 * 1024  # a form, a provider's callback
BODY_MARGIN_BYTES = 1 << 20  # a body a little too large is refused by the intake, which counts it


class Role(Struct, frozen=True):
    """What this process does."""

    name: str
    accepts: bool
    escalates: bool


ROLES = {
    "all": Role("all", accepts=True, escalates=True),
    "serve": Role("serve", accepts=True, escalates=False),
    "engine": Role("engine", accepts=False, escalates=True),
}


class Listening(Struct, frozen=True, kw_only=True):
    """Where and how it listens."""

    web: WebFlags
    public_listen: HostPort | None = None
    public_web_config: Path | None = None


class Running:
    """The listeners and the engine of one process."""

    def __init__(self, service: Service, role: Role, where: Listening) -> None:
        self._service = service
        self._engine = RunningEngine(service) if role.escalates else None
        web = WebConfigFile(where.web.config_file, telemetry=service.telemetry)
        intake = Intake(service.parts, service.meters)
        site = _site(service, role, where.web, self._reasons)
        inner = main_app(service.parts, intake) if role.accepts else _nothing_here
        app = never_429(common_pages(inner, site, web=web))
        limits, screened, because = self._limits(), screen(intake, service.parts.settings), where.web.open_because
        self.servers = [
            WsgiServer(app, listen=each, web=web, threads=THREADS, limits=limits, open_because=because, screen=screened)
            for each in where.web.listen
        ]
        self.public = _public(service, where.public_listen, where) if where.public_listen and role.accepts else None

    def _limits(self) -> Limits:
        integrations = self._service.parts.settings().integrations.values()
        max_body = max((int(each.max_body) for each in integrations), default=0)
        return Limits(body_bytes=max_body + BODY_MARGIN_BYTES, ends_under=PREFIX)

    def start(self) -> None:
        """Start the engine, then listen."""
        if self._engine is not None:
            self._engine.start()
        for server in self._servers():
            server.start()
        self._service.telemetry.reload_succeeded(self._service.parts.clock.now())

    def reload(self) -> None:
        """Read the configuration again; ConfigError leaves the old one in force."""
        try:
            self._service.live.reload()
        except ConfigError:
            self._service.telemetry.reload_failed()
            raise
        self._service.telemetry.reload_succeeded(self._service.parts.clock.now())

    def stop(self) -> None:
        """Take no more requests, let messages on their way be recorded, close the database."""
        ends = time.monotonic() + STOP_DEADLINE_S
        if self._engine is not None:
            self._engine.take_nothing_new()
        for server in self._servers():
            server.stop(deadline_s=SERVER_STOP_DEADLINE_S)
        if self._engine is not None:
            self._engine.stop(deadline_s=max(0.0, ends - time.monotonic()))
        self._service.live.close()
        self._service.parts.store.close()

    def _servers(self) -> list[WsgiServer]:
        return [*self.servers, *([self.public] if self.public else [])]

    def _reasons(self) -> list[str]:
        """Why this process is not ready."""
        reasons = [f"engine: {self._engine.trouble}"] if self._engine and self._engine.trouble else []
        trouble = probing.trouble(self._service.parts.store)
        return [*reasons, *([f"database: {trouble}"] if trouble else [])]


def _site(service: Service, role: Role, flags: WebFlags, reasons: Callable[[], list[str]]) -> SiteOptions:
    return SiteOptions(
        title="Heronwatch webhook",
        version=version("heronwatch"),
        about=f"Turns alerts into incidents and pages people. This process: {role.name}.",
        telemetry=service.telemetry,
        ready=reasons,
        reload=service.live.reload,
        config_text=service.live.masked,
        enable_lifecycle=flags.enable_lifecycle,
        links=(Link("incidents", "Incidents"),) if role.accepts else (),
        own_auth=OWN_AUTH,
        external_url=flags.external_url,
        now=service.parts.clock.now,
    )


def _nothing_here(_environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """Answer what an engine is asked besides the common pages."""
    start_response("404 Not Found", [("Content-Type", "text/plain; charset=utf-8")])
    return [b"This process only escalates and sends.\n"]


def _public(service: Service, listen: HostPort, where: Listening) -> WsgiServer:
    """Return the public listener: capability links and callbacks only, each with a check of its own."""
    return WsgiServer(
        public_app(service.parts),
        listen=listen,
        web=WebConfigFile(where.public_web_config, telemetry=service.telemetry),
        threads=PUBLIC_THREADS,
        limits=Limits(body_bytes=PUBLIC_BODY_BYTES),
        open_because="capability links and signed callbacks only",
    )


def _collect_seldom() -> None:
    """Look for cycles less often, and never again through what stays: alerts in flight are many, and hold no cycles."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER, *gc.get_threshold()[1:])


def serve(files: Sequence[str], role: Role, where: Listening, warn: Callable[[str], None]) -> int:
    """Run until told to stop. Exit status 1 when it cannot start, with the reason."""
    try:
        loaded = load(files, Config)
        service = build(loaded, files, Seams(clock=SystemClock()), external_url=where.web.external_url)
        running = Running(service, role, where)
        with Lifecycle(running.reload) as lifecycle:
            _collect_seldom()
            running.start()
            lifecycle.wait()
            running.stop()
    except (HeronwatchError, OSError) as error:
        warn(str(error))
        return EXIT_FAULT
    return EXIT_OK
