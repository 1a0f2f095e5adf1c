"""What the exporters count about themselves; never by target, so that it stays small."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from exporters.metric.samples import Reading
from exporters.probing.collector import Module

BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
RESTARTS = "heronwatch_exporter_worker_restarts"
RESTARTS_HELP = "Workers that ended by themselves and were restarted."


class ScrapeMetrics:
    """The counters of the engine."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._scrapes = Counter(
            "heronwatch_exporter_scrapes", "Scrapes of a module, failed ones too.", ("module",), registry=registry
        )
        self._failures = Counter(
            "heronwatch_exporter_scrape_failures",
            "Scrapes of a module that were not complete.",
            ("module", "reason"),
            registry=registry,
        )
        self._duration = Histogram(
            "heronwatch_exporter_scrape_duration_seconds",
            "How long reading a module took.",
            ("module",),
            buckets=BUCKETS_S,
            registry=registry,
        )
        self._duplicates = Counter(
            "heronwatch_exporter_duplicate_samples",
            "Samples left out because their series had been read before in the same scrape.",
            registry=registry,
        )
        self._shared = Counter(
            "heronwatch_exporter_shared_scrapes",
            "Requests answered by a scrape that was under way or young enough, without asking the device again.",
            registry=registry,
        )
        self._refused = Counter(
            "heronwatch_exporter_refused_requests", "Requests refused by a guard.", ("route",), registry=registry
        )
        self._children: dict[str, tuple[Counter, Histogram]] = {}

    def record(self, modules: Iterable[Module], reading: Reading, duration_s: float) -> None:
        """Count one scrape; modules without a duration of their own get that of the whole."""
        for module in modules:
            scrapes, duration = self._of(module.name)
            stats = reading.modules.get(module.name)
            scrapes.inc()
            duration.observe(stats.duration_s if stats and stats.duration_s else duration_s)
        for name, reason in {(fault.module, fault.reason) for fault in reading.faults}:
            self._failures.labels(name, reason).inc()

    def _of(self, name: str) -> tuple[Counter, Histogram]:
        found = self._children.get(name)
        if found is None:
            found = self._children[name] = (self._scrapes.labels(name), self._duration.labels(name))
        return found

    def duplicates(self, count: int) -> None:
        """Count samples that were left out."""
        if count:
            self._duplicates.inc(count)

    def shared(self) -> None:
        """Count a request that cost the device nothing."""
        self._shared.inc()

    def refused(self, route: str) -> None:
        """Count a request that a guard refused."""
        self._refused.labels(route).inc()


class StateMetrics:
    """Gauges of what is configured; every worker has the same, so one of them speaks for all."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._devices = Gauge(
            "heronwatch_exporter_devices",
            "Devices in the configuration.",
            registry=registry,
            multiprocess_mode="livemax",
        )
        self._paused = Gauge(
            "heronwatch_exporter_paused_targets",
            "Targets that a person has paused.",
            registry=registry,
            multiprocess_mode="livemax",
        )
        self._any_target = Gauge(
            "heronwatch_exporter_any_target_allowed",
            "1 where credentials may be sent to any address (--PROTOCOL.allow-any-target).",
            ("protocol",),
            registry=registry,
            multiprocess_mode="livemax",
        )
        self._workers = Gauge(
            "heronwatch_exporter_workers", "Worker processes running.", registry=registry, multiprocess_mode="livemax"
        )
        self._workers.set(1)
        Counter(RESTARTS, RESTARTS_HELP, registry=registry)  # counted by the supervisor, where there is one

    def describe(self, *, devices: int, paused: int, any_target: dict[str, bool]) -> None:
        """Set the gauges."""
        self._devices.set(devices)
        self._paused.set(paused)
        for protocol, allowed in any_target.items():
            self._any_target.labels(protocol).set(allowed)
