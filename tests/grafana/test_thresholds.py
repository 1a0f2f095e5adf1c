"""Dashboards and alert rules use the same numbers."""

import re
from functools import cache
from pathlib import Path

import pytest
import yaml

from grafana.dashboards_src import thresholds

RULES = Path(__file__).parents[2] / "prometheus/rules"

# alert → the comparison that its expression must contain
COMPARISONS = {
    "SiteDown": f"< {thresholds.SITE_UP_RATIO}",
    "DeviceRebooted": f"sysUpTime < {thresholds.REBOOT_UPTIME_CENTISECONDS}",
    "InterfaceDown": f'ifAlias=~"{thresholds.NAMED_PORT}"',
    "InterfaceUtilizationHigh": f"ratio_rate5m > {thresholds.INTERFACE_UTILIZATION_RATIO}",
    "InterfaceErrorsHigh": f"> {thresholds.INTERFACE_ERROR_RATIO}",
    "InterfaceDiscardsHigh": f"> {thresholds.INTERFACE_DISCARD_RATIO}",
    "InterfaceFlapping": f"changes(ifOperStatus[15m]) > {thresholds.INTERFACE_FLAPS}",
    "InterfaceWentDown": f'ifAlias!~"{thresholds.NAMED_PORT}"',
    "UplinkSaturated": f'ifAlias=~"{thresholds.NAMED_PORT}"}} > {thresholds.UPLINK_RATIO}',
    "ScrapeSlow": f"scrape_timeout_seconds > {thresholds.SCRAPE_SLOW_RATIO}",
    "DeviceCpuHigh": f"> {thresholds.CPU_RATIO}",
    "DeviceMemoryHigh": f"> {thresholds.MEMORY_RATIO}",
    "StorageFilling": f"> {thresholds.STORAGE_RATIO}",
    "StorageFull": f"> {thresholds.STORAGE_FULL_RATIO}",
    "TemperatureHigh": f"> {thresholds.TEMPERATURE_CELSIUS}",
    "RoomTemperatureHigh": f"> {thresholds.ROOM_CELSIUS}",
    "HumidityOutOfRange": f"< {thresholds.HUMIDITY_LOW} or instance_part:humidity:ratio > {thresholds.HUMIDITY_HIGH}",
    "FanFailed": f"== {thresholds.HEALTH_FAILED}",
    "ComponentDegraded": f"== {thresholds.HEALTH_DEGRADED}",
    "UpsOnBattery": f"upsOutputSource == {thresholds.UPS_ON_BATTERY}",
    "UpsBatteryLow": f"upsBatteryStatus >= {thresholds.UPS_BATTERY_LOW}",
    "UpsRuntimeLow": f"< {thresholds.UPS_RUNTIME_MINUTES}",
    "UpsOverloaded": f"> {thresholds.UPS_LOAD_PERCENT}",
    "UpsLoadCritical": f"> {thresholds.UPS_LOAD_PERCENT_BAD / 100}",
    "UpsOnBypass": f"upsOutputSource == {thresholds.UPS_BYPASS}",
    "UpsBatteryHot": f"> {thresholds.UPS_BATTERY_CELSIUS}",
    "UpsInputVoltageOutOfRange": f"> {thresholds.UPS_INPUT_DEVIATION_RATIO}",
    "PduCurrentHigh": f"== {thresholds.PDU_NEAR_OVERLOAD}",
    "PduOverloaded": f"== {thresholds.PDU_OVERLOAD}",
    "AnomalyDetected": f"> {thresholds.ANOMALY_SCORE}",
    "AnomalyPage": f"> {thresholds.ANOMALY_SCORE}",
    "ScrapeFailuresHigh": f"> {thresholds.SCRAPE_FAILURE_RATIO}",
    "DetectorLagging": f"> {thresholds.DETECTOR_LAG_SECONDS}",
    "DetectorQueueGrowing": f"> {thresholds.DETECTOR_QUEUE_SAMPLES}",
    "DetectorManyFalseAlarms": f"> {thresholds.DETECTOR_FALSE_ALARMS}",
    "WebhookDeliveryFailing": f"> {thresholds.DELIVERY_FAILURE_RATIO}",
    "WebhookOutboxStuck": f"> {thresholds.OUTBOX_AGE_SECONDS}",
    "WebhookTimersOverdue": f"> {thresholds.TIMERS_OVERDUE_SECONDS}",
    "IngestStalled": f"> {thresholds.INGEST_STALLED_SECONDS}",
    "MonitoringFresh": f"< {thresholds.INGEST_STALLED_SECONDS}",
}


@cache
def expressions() -> dict[str, str]:
    texts = [path.read_text() for path in RULES.glob("*.yml")]
    groups = [group for text in texts for group in yaml.load(text, Loader=yaml.CSafeLoader)["groups"]]
    return {rule["alert"]: rule["expr"] for group in groups for rule in group["rules"] if "alert" in rule}


@pytest.mark.parametrize(("alert", "comparison"), COMPARISONS.items())
def test_rule_compares_with_the_shared_number(alert: str, comparison: str) -> None:
    assert re.search(re.escape(comparison) + r"(?![\d.])", expressions()[alert])


def test_rules_name_the_same_device_jobs() -> None:
    text = (RULES / "recording.yml").read_text() + (RULES / "exporters.yml").read_text()
    lists = re.findall(r'(?:up|probe_success)\{job=~"([^"]+)"', text)
    assert len(lists) == 3
    assert set(lists) == {thresholds.DEVICE_JOBS}
