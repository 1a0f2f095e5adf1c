"""`heronwatch detector serve`: the parts, put together and run until a signal asks to stop."""

from collections.abc import Sequence
from importlib.metadata import version

from anomaly_detector.active_config import ActiveConfig
from anomaly_detector.app import SCORES, application
from anomaly_detector.feedback.metrics import FeedbackCollector
from anomaly_detector.metrics import Metrics, StatusCollector
from anomaly_detector.people import OWN_AUTH, people
from anomaly_detector.service import Detector
from heronwatch.clock import SystemClock
from heronwatch.commands import EXIT_OK
from heronwatch.errors import ConfigError
from heronwatch.flags import WebFlags
from heronwatch.httpd_wsgi import WsgiServer, common_pages
from heronwatch.lifecycle import Lifecycle
from heronwatch.pages import Link
from heronwatch.site import SiteOptions
from heronwatch.telemetry import Telemetry
from heronwatch.webconfig import WebConfigFile


def serve(files: Sequence[str], flags: WebFlags) -> int:
    """Run the detector; returns the exit status. Raises ConfigError, OSError where it cannot listen."""
    clock, telemetry = SystemClock(), Telemetry("detector", version("heronwatch"))
    active = ActiveConfig(files)
    telemetry.reload_succeeded(clock.now())
    detector = Detector(active.value, clock=clock, metrics=Metrics(telemetry.registry))
    telemetry.registry.register(StatusCollector(detector.status))
    telemetry.registry.register(FeedbackCollector(detector.feedback))

    def reload() -> None:
        active.reload(detector.reload)

    def reload_on_signal() -> None:
        try:
            reload()
        except ConfigError:
            telemetry.reload_failed()
            raise
        telemetry.reload_succeeded(clock.now())

    site = SiteOptions(
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
        links=(Link(SCORES, "Newest scores"),),
    )
    web = WebConfigFile(flags.config_file, telemetry=telemetry)
    app = common_pages(people(application(detector.pages), detector, active, clock=clock), site, web=web)
    servers = [WsgiServer(app, listen=one, web=web, open_because=flags.open_because) for one in flags.listen]
    with Lifecycle(reload_on_signal) as lifecycle:
        _run(servers, detector, lifecycle)
    return EXIT_OK


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
