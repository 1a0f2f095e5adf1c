"""`heronwatch detector serve`: the parts, put together and run until a signal asks to stop."""

from collections.abc import Callable, Sequence
from importlib.metadata import version

from anomaly_detector.active_config import ActiveConfig
from anomaly_detector.app import SCORES, application
from anomaly_detector.config import Config
from anomaly_detector.feedback.metrics import FeedbackCollector
from anomaly_detector.metrics import Metrics, StatusCollector
from anomaly_detector.people import OWN_AUTH, people
from anomaly_detector.service import Detector
from anomaly_detector.state import unusable
from anomaly_detector.state_lock import StateLock
from anomaly_detector.status.api import PATH as STATUS
from anomaly_detector.status.api import resident_bytes
from anomaly_detector.status.report import Report, report_of
from heronwatch.clock import SystemClock
from heronwatch.commands import EXIT_OK
from heronwatch.errors import ConfigError
from heronwatch.flags import WebFlags
from heronwatch.httpd_wsgi import WsgiServer, common_pages
from heronwatch.lifecycle import Lifecycle
from heronwatch.logs import get_logger
from heronwatch.pages import Link
from heronwatch.site import SiteOptions
from heronwatch.telemetry import Telemetry
from heronwatch.webconfig import WebConfigFile

log = get_logger(__name__)


def serve(files: Sequence[str], flags: WebFlags) -> int:
    """Run the detector; returns the exit status. Raises ConfigError, OSError where it cannot listen."""
    lock = StateLock()
    try:
        return _serve(files, flags, lock)
    finally:
        lock.give_back()


def _serve(files: Sequence[str], flags: WebFlags, lock: StateLock) -> int:
    clock, telemetry = SystemClock(), Telemetry("detector", version("heronwatch"))
    active = ActiveConfig(files)
    telemetry.reload_succeeded(clock.now())
    _warn_of_state_dir(active.value)
    with lock.moving_to(active.value.settings.state_dir, config_file=files[0]):
        pass  # what it enters stays locked
    detector = Detector(active.value, clock=clock, metrics=Metrics(telemetry.registry))
    telemetry.registry.register(StatusCollector(detector.status))
    telemetry.registry.register(FeedbackCollector(detector.feedback))

    def report() -> Report:
        memory = resident_bytes()
        return report_of(detector.status(), detector.not_ready(), version=telemetry.version, memory_bytes=memory)

    def use(config: Config) -> None:
        with lock.moving_to(config.settings.state_dir, config_file=files[0]):
            detector.reload(config)

    def reload() -> None:
        active.reload(use)

    def reload_on_signal() -> None:
        try:
            reload()
        except ConfigError:
            telemetry.reload_failed()
            raise
        telemetry.reload_succeeded(clock.now())

    site = _site(flags, telemetry=telemetry, detector=detector, active=active, reload=reload)
    web = WebConfigFile(flags.config_file, telemetry=telemetry)
    app = common_pages(people(application(detector.pages, report), detector, active, clock=clock), site, web=web)
    servers = [WsgiServer(app, listen=one, web=web, open_because=flags.open_because) for one in flags.listen]
    with Lifecycle(reload_on_signal) as lifecycle:
        _run(servers, detector, lifecycle)
    return EXIT_OK


def _site(
    flags: WebFlags, *, telemetry: Telemetry, detector: Detector, active: ActiveConfig, reload: Callable[[], None]
) -> SiteOptions:
    """Return what the pages that all services have show of this one."""
    return SiteOptions(
        title="Heronwatch anomaly detector",
        about="Learns what is normal and says what is not.",
        version=telemetry.version,
        telemetry=telemetry,
        ready=detector.not_ready,
        reload=reload,
        config_text=active.text,
        enable_lifecycle=flags.enable_lifecycle,
        external_url=flags.external_url,
        own_auth=OWN_AUTH,
        links=(Link(SCORES, "Newest scores"), Link(STATUS, "How it is")),
    )


def _warn_of_state_dir(config: Config) -> None:
    """Say at once that nothing learnt and no verdict will survive a restart."""
    directory = config.settings.state_dir
    why = unusable(directory, make=True) if directory is not None else ""
    if why:
        log.warning("settings.state_dir cannot be used: nothing survives a restart", path=str(directory), detail=why)


def _run(servers: Sequence[WsgiServer], detector: Detector, lifecycle: Lifecycle) -> None:
    started = []
    try:
        for server in servers:
            server.start()
            started.append(server)
        detector.start()
        lifecycle.wait()
    finally:
        for server in started:
            server.stop()
        detector.stop()
        log.info("stopped")
