"""Every metric that a dashboard or a rule may use, with where it comes from.

A query over a metric that nobody emits shows an empty panel for ever; a test refuses it.
"""

from collections.abc import Mapping
from typing import Final

from grafana.dashboards_src.catalogue_modules import MODULES

SNMP: Final = "exporters: {}.yml of the shipped SNMP modules"
RULE: Final = "recorded by prometheus/rules/recording*.yml"
DETECTOR: Final = "written by the detector"
PROMETHEUS: Final = "Prometheus itself"
ALERTMANAGER: Final = "Alertmanager itself"

METER: Final = ("electrical_power_watts", "electrical_total_power_watts", "electrical_voltage_volts")
SCRAPES: Final = (
    "probe_failure_info",
    "probe_success",
    "snmp_module_success",
    "snmp_scrape_duration_seconds",
    "snmp_scrape_packets_retried",
    "snmp_scrape_packets_sent",
    "snmp_scrape_pdus_returned",
)
EXPORTER: Final = (
    "heronwatch_exporter_devices",
    "heronwatch_exporter_duplicate_samples_total",
    "heronwatch_exporter_scrape_duration_seconds_bucket",
    "heronwatch_exporter_scrape_failures_total",
    "heronwatch_exporter_scrapes_total",
    "heronwatch_exporter_shared_scrapes_total",
    "heronwatch_exporter_worker_restarts_total",
    "snmp_packet_duration_seconds_bucket",
    "snmp_packet_retries_total",
    "snmp_packets_total",
)
DETECTOR_SELF: Final = (
    "heronwatch_detector_false_alarm_expires_timestamp_seconds",
    "heronwatch_detector_feedback_in_force",
    "heronwatch_detector_lag_seconds",
    "heronwatch_detector_lag_usual_seconds",
    "heronwatch_detector_leads",
    "heronwatch_detector_marks",
    "heronwatch_detector_marks_failures_total",
    "heronwatch_detector_missed_instants_total",
    "heronwatch_detector_query_works",
    "heronwatch_detector_queue_samples",
    "heronwatch_detector_read_failures_total",
    "heronwatch_detector_samples_rejected_total",
    "heronwatch_detector_samples_written_total",
    "heronwatch_detector_series",
    "heronwatch_detector_snapshots_total",
    "heronwatch_detector_stage_duration_seconds_sum",
    "heronwatch_detector_state_bytes",
    "heronwatch_detector_unusable_samples_total",
    "heronwatch_detector_write_failures_total",
)
DETECTOR_OUTPUT: Final = (
    "anomaly_confidence",
    "anomaly_contribution",
    "anomaly_group_score",
    "anomaly_score",
    "anomaly_site_score",
    "anomaly_worst",
    "forecast",
    "forecast_lower",
    "forecast_time_to_threshold_seconds",
    "forecast_upper",
    "yhat",
    "yhat_lower",
    "yhat_upper",
)
WEBHOOK: Final = (
    "heronwatch_webhook_alerts_quarantined_total",
    "heronwatch_webhook_audit_passed",
    "heronwatch_webhook_calendars_stale",
    "heronwatch_webhook_incidents",
    "heronwatch_webhook_intake_requests_total",
    "heronwatch_webhook_notifications_total",
    "heronwatch_webhook_oldest_due_seconds",
    "heronwatch_webhook_oncall_covered",
    "heronwatch_webhook_oncall_gap_seconds",
    "heronwatch_webhook_page_seconds",
    "heronwatch_webhook_provider_breaker_state",
    "heronwatch_webhook_reconcile_age_seconds",
    "heronwatch_webhook_time_to_ack_seconds",
    "heronwatch_webhook_time_to_resolve_seconds",
    "heronwatch_webhook_timers_overdue_seconds",
    "heronwatch_webhook_unacked_incidents",
)
SHARED: Final = ("heronwatch_config_last_reload_successful",)
RECORDED: Final = (
    "channel:heronwatch_webhook_failed_per_notifications:ratio_rate15m",
    "instance:device_up:min",
    "instance:device_vendor:info",
    "instance:ifHCInOctets:rate5m",
    "instance:ifHCOutOctets:rate5m",
    "instance:power:watts",
    "instance:ups_battery:celsius",
    "instance:ups_battery_bad:bool",
    "instance:ups_charge:ratio",
    "instance:ups_on_battery:bool",
    "instance:ups_runtime:seconds",
    "instance_ifName:ifHCInOctets:rate5m",
    "instance_ifName:ifHCInOctets_per_ifHighSpeed:ratio_rate5m",
    "instance_ifName:ifHCOutOctets:rate5m",
    "instance_ifName:ifHCOutOctets_per_ifHighSpeed:ratio_rate5m",
    "instance_ifName:ifInDiscards_per_ifHCInUcastPkts:ratio_rate5m",
    "instance_ifName:ifInErrors_per_ifHCInUcastPkts:ratio_rate5m",
    "instance_ifName:ifOutDiscards_per_ifHCOutUcastPkts:ratio_rate5m",
    "instance_ifName:ifOutErrors_per_ifHCOutUcastPkts:ratio_rate5m",
    "instance_part:cpu_used:ratio",
    "instance_part:health:state",
    "instance_part:humidity:ratio",
    "instance_part:memory_used:ratio",
    "instance_part:pdu_current:amperes",
    "instance_part:pdu_load:state",
    "instance_part:room:celsius",
    "instance_part:storage_used:ratio",
    "instance_part:temperature:celsius",
    "instance_part:temperature_limit:celsius",
    "instance_part:ups_input:volts",
    "instance_part:ups_load:ratio",
    "instance_part:ups_output:volts",
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
    "scrape_timeout_seconds",
    "up",
)
ALERTMANAGER_SELF: Final = ("alertmanager_config_last_reload_successful", "alertmanager_notifications_failed_total")

METRICS: Final[Mapping[str, str]] = {
    **{name: SNMP.format(file) for file, names in MODULES.items() for name in names},
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
