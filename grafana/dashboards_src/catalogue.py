"""Every metric that a dashboard or a rule may use, with where it comes from.

A query over a metric that nobody emits shows an empty panel for ever; a test refuses it.
"""

from collections.abc import Mapping
from typing import Final

SNMP: Final = "exporters: module {} of snmp.yml"
RULE: Final = "recorded by prometheus/rules/recording.yml"
DETECTOR: Final = "written by the detector"
PROMETHEUS: Final = "Prometheus itself"
ALERTMANAGER: Final = "Alertmanager itself"

SYSTEM_MIB: Final = ("sysDescr", "sysLocation", "sysName", "sysUpTime")
IF_MIB: Final = (
    "ifAdminStatus",
    "ifHCInOctets",
    "ifHCInUcastPkts",
    "ifHCOutOctets",
    "ifHighSpeed",
    "ifInDiscards",
    "ifInErrors",
    "ifOperStatus",
    "ifOutDiscards",
)
UPS_MIB: Final = (
    "upsBatteryStatus",
    "upsEstimatedChargeRemaining",
    "upsEstimatedMinutesRemaining",
    "upsInputVoltage",
    "upsOutputPercentLoad",
    "upsOutputSource",
    "upsSecondsOnBattery",
)
METER: Final = ("electrical_power_watts", "electrical_total_power_watts", "electrical_voltage_volts")
SCRAPES: Final = (
    "probe_failure_info",
    "probe_success",
    "snmp_scrape_duration_seconds",
    "snmp_scrape_packets_retried",
    "snmp_scrape_packets_sent",
)
EXPORTER: Final = (
    "heronwatch_exporter_devices",
    "heronwatch_exporter_scrape_failures_total",
    "heronwatch_exporter_scrapes_total",
    "heronwatch_exporter_worker_restarts_total",
)
DETECTOR_SELF: Final = (
    "heronwatch_detector_last_success_timestamp_seconds",
    "heronwatch_detector_read_failures_total",
    "heronwatch_detector_samples_rejected_total",
    "heronwatch_detector_write_failures_total",
)
DETECTOR_OUTPUT: Final = ("anomaly_score", "yhat", "yhat_lower", "yhat_upper")
WEBHOOK: Final = (
    "heronwatch_webhook_alerts_quarantined_total",
    "heronwatch_webhook_incidents",
    "heronwatch_webhook_intake_requests_total",
    "heronwatch_webhook_notifications_total",
    "heronwatch_webhook_oldest_due_seconds",
    "heronwatch_webhook_timers_overdue_seconds",
)
SHARED: Final = ("heronwatch_config_last_reload_successful",)
RECORDED: Final = (
    "channel:heronwatch_webhook_failed_per_notifications:ratio_rate15m",
    "instance:device_up:min",
    "instance:ifHCInOctets:rate5m",
    "instance:ifHCOutOctets:rate5m",
    "instance_ifName:ifHCInOctets:rate5m",
    "instance_ifName:ifHCInOctets_per_ifHighSpeed:ratio_rate5m",
    "instance_ifName:ifHCOutOctets:rate5m",
    "instance_ifName:ifHCOutOctets_per_ifHighSpeed:ratio_rate5m",
    "instance_ifName:ifInErrors_per_ifHCInUcastPkts:ratio_rate5m",
    "module:heronwatch_exporter_scrape_failures_per_scrapes:ratio_rate5m",
    "site:device_up:avg",
)
PROMETHEUS_SELF: Final = (
    "ALERTS",
    "prometheus_config_last_reload_successful",
    "prometheus_notifications_alertmanagers_discovered",
    "prometheus_notifications_errors_total",
    "prometheus_rule_evaluation_failures_total",
    "prometheus_sd_http_failures_total",
    "scrape_duration_seconds",
    "up",
)
ALERTMANAGER_SELF: Final = ("alertmanager_config_last_reload_successful", "alertmanager_notifications_failed_total")

METRICS: Final[Mapping[str, str]] = {
    **dict.fromkeys(SYSTEM_MIB, SNMP.format("system")),
    **dict.fromkeys(IF_MIB, SNMP.format("if_mib")),
    **dict.fromkeys(UPS_MIB, SNMP.format("ups_mib")),
    **dict.fromkeys(METER, "exporters: module eastron_sdm630"),
    **dict.fromkeys(SCRAPES, "exporters: every scrape of a device"),
    **dict.fromkeys(EXPORTER, "exporters: /metrics"),
    **dict.fromkeys(DETECTOR_SELF, "detector: /metrics"),
    **dict.fromkeys(DETECTOR_OUTPUT, DETECTOR),
    **dict.fromkeys(WEBHOOK, "webhook: /metrics"),
    **dict.fromkeys(SHARED, "every service: /metrics"),
    **dict.fromkeys(RECORDED, RULE),
    **dict.fromkeys(PROMETHEUS_SELF, PROMETHEUS),
    **dict.fromkeys(ALERTMANAGER_SELF, ALERTMANAGER),
}
