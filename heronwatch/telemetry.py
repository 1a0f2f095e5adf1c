"""A service's metrics about itself, for one process or for several that answer as one."""

import platform
from pathlib import Path

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
    values,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, choose_encoder

from heronwatch.compression import accepts_gzip, gzip_bytes
from heronwatch.errors import HeronwatchError
from heronwatch.worker_metrics import WorkerFiles

Headers = list[tuple[str, str]]


class TelemetryError(HeronwatchError):
    """Several processes were asked for, but this one keeps its metrics to itself."""


class Telemetry:
    """The registry of one service and its exposition at /metrics.

    Create metrics with `registry=telemetry.registry`. With `multiprocess_dir` (prepared by the launcher, see
    `heronwatch.worker_metrics`) every process writes its values to files there and any of them exposes the sum;
    then a Gauge needs a `multiprocess_mode` that starts with "live", so that a dead worker's value goes with it.
    """

    def __init__(self, service: str, version: str, *, multiprocess_dir: Path | None = None) -> None:
        """TelemetryError when multiprocess_dir is given but the process was started without its environment."""
        self.service = service
        self.version = version
        self.registry = CollectorRegistry()
        self._files = _worker_files(multiprocess_dir)
        disable_created_metrics()  # type: ignore[no-untyped-call]  # prometheus_client is half typed
        if self._files is None:
            ProcessCollector(registry=self.registry)
        self._describe()

    def _describe(self) -> None:
        build_info = Gauge(
            "heronwatch_build_info",
            "Always 1; the labels say what runs.",
            ("service", "version", "python"),
            registry=self.registry,
            multiprocess_mode="livemax",
        )
        build_info.labels(self.service, self.version, platform.python_version()).set(1)
        self._config = _ReloadGauges("heronwatch_config", "configuration", self.registry)
        self._web_config = _ReloadGauges("heronwatch_web_config", "web configuration file", self.registry)
        self._unauthorized = Counter(
            "heronwatch_web_unauthorized_requests",
            "Requests refused for missing or wrong credentials of the web configuration.",
            registry=self.registry,
        )

    def reload_succeeded(self, now: float) -> None:
        """The configuration in force was loaded at `now` (Unix seconds)."""
        self._config.succeeded(now)

    def reload_failed(self) -> None:
        """The configuration on disk was refused; the old one keeps running."""
        self._config.failed()

    def web_config_read(self, now: float) -> None:
        """The web configuration in force was loaded at `now` (Unix seconds)."""
        self._web_config.succeeded(now)

    def web_config_refused(self) -> None:
        """The web configuration on disk was refused; the old one stays in force."""
        self._web_config.failed()

    def unauthorized(self) -> None:
        """Count a request refused for its credentials."""
        self._unauthorized.inc()

    def expose(self, accept: str = "", accept_encoding: str = "") -> tuple[bytes, Headers]:
        """The body of /metrics and its headers: OpenMetrics or text 0.0.4, gzip when asked for."""
        try:
            encoder, content_type = choose_encoder(accept)
        except (TypeError, ValueError):  # a version that is no version
            encoder, content_type = generate_latest, CONTENT_TYPE_PLAIN_0_0_4
        body = encoder(self.registry if self._files is None else self._files.merged())
        headers = [("Content-Type", content_type), ("Vary", "Accept-Encoding")]
        if not accepts_gzip(accept_encoding):
            return body, headers
        return gzip_bytes(body), [*headers, ("Content-Encoding", "gzip")]


class _ReloadGauges:
    """`<name>_last_reload_successful` and `…_last_reload_success_timestamp_seconds`."""

    def __init__(self, name: str, what: str, registry: CollectorRegistry) -> None:
        self._successful = Gauge(
            f"{name}_last_reload_successful",
            f"1 when the last attempt to load the {what} succeeded.",
            registry=registry,
            multiprocess_mode="livemin",
        )
        self._timestamp = Gauge(
            f"{name}_last_reload_success_timestamp_seconds",
            f"When the {what} in force was loaded, Unix time.",
            registry=registry,
            multiprocess_mode="livemin",
        )

    def succeeded(self, now: float) -> None:
        self._successful.set(1)
        self._timestamp.set(now)

    def failed(self) -> None:
        self._successful.set(0)


def _worker_files(directory: Path | None) -> WorkerFiles | None:
    if directory is None:
        return None
    if not getattr(values.ValueClass, "_multiprocess", False):
        raise TelemetryError(
            "this process was started without PROMETHEUS_MULTIPROC_DIR: the launcher calls activate() before it "
            "creates a metric or starts a worker"
        )
    return WorkerFiles(directory)
