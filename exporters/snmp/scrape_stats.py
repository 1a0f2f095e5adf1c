"""What a walk cost, as series beside the device's own: names and labels are those of snmp_exporter 0.30."""

from exporters.metric.samples import Family, ModuleStats, Sample, label_text

DURATION = Family(
    "snmp_scrape_duration_seconds", "gauge", "Seconds that walking the device and reading its answers took."
)
WALK = Family("snmp_scrape_walk_duration_seconds", "gauge", "Seconds that walking the device took.")
SENT = Family("snmp_scrape_packets_sent", "gauge", "Packets sent to the device, repeated ones too.")
RETRIED = Family("snmp_scrape_packets_retried", "gauge", "Packets sent to the device again.")
RETURNED = Family("snmp_scrape_pdus_returned", "gauge", "Values that the device returned, repeated ones too.")


def stats_samples(module: str, stats: ModuleStats) -> list[Sample]:
    """Return the five series of one module that was read completely."""
    labels = label_text([("module", module)])
    return [
        (DURATION, labels, stats.duration_s),
        (WALK, labels, stats.walk_duration_s),
        (SENT, labels, stats.packets_sent),
        (RETRIED, labels, stats.packets_retried),
        (RETURNED, labels, stats.pdus_returned),
    ]
