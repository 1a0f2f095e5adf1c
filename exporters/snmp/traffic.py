"""The plug-in's own metrics: ours, and those of snmp_exporter that dashboards and rules rely on, under its names."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from exporters.metric.samples import ModuleStats

PACKET_BUCKETS_S = (0.0001, 0.0002, 0.0004, 0.0008, 0.0016, 0.0032, 0.0064, 0.0128, 0.0256, 0.0512, 0.1024, 0.2048,
                    0.4096, 0.8192, 1.6384, 3.2768, 6.5536, 13.1072)  # fmt: skip
"""From 100 µs, each twice the one before: a device in the next rack to one behind a satellite."""


class Traffic:
    """Counts what goes over the wire."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._packets = Counter(
            "heronwatch_exporter_snmp_packets_total", "SNMP packets sent, repeated ones too.", registry=registry
        )
        self._retries = Counter(
            "heronwatch_exporter_snmp_packet_retries_total", "SNMP packets sent again.", registry=registry
        )
        self._their_packets = Counter("snmp_packets_total", "SNMP packets sent, repeated ones too.", registry=registry)
        self._their_retries = Counter("snmp_packet_retries_total", "SNMP packets sent again.", registry=registry)
        self._errors = Counter("snmp_request_errors_total", "Modules that could not be read.", registry=registry)
        self._packet_s = Histogram(
            "snmp_packet_duration_seconds",
            "Time from a packet to its answer; the mean of one module's packets counts as one.",
            buckets=PACKET_BUCKETS_S,
            registry=registry,
        )
        self._collection_s = Histogram(
            "snmp_collection_duration_seconds", "Time that reading a module took.", ["module"], registry=registry
        )
        self._in_flight = Gauge(
            "snmp_request_in_flight",
            "Scrapes under way.",
            registry=registry,
            multiprocess_mode="livesum",
        )

    def begun(self) -> None:
        """Count a scrape that begins."""
        self._in_flight.inc()

    def ended(self, stats: dict[str, ModuleStats]) -> None:
        """Count what a scrape cost."""
        self._in_flight.dec()
        packets = sum(module.packets_sent for module in stats.values())
        retries = sum(module.packets_retried for module in stats.values())
        self._packets.inc(packets)
        self._their_packets.inc(packets)
        if retries:
            self._retries.inc(retries)
            self._their_retries.inc(retries)
        for name, module in stats.items():
            self._collection_s.labels(name).observe(module.duration_s)
            if not module.success:
                self._errors.inc()

    def answered(self, mean_s: float) -> None:
        """Count how long a module's answers took, on average."""
        self._packet_s.observe(mean_s)
