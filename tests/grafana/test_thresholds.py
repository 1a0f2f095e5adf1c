"""Dashboards and alert rules use the same numbers."""

import re
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
    "UpsOnBattery": f"upsOutputSource == {thresholds.UPS_ON_BATTERY}",
    "UpsBatteryLow": f"upsBatteryStatus >= {thresholds.UPS_BATTERY_LOW}",
    "UpsRuntimeLow": f"< {thresholds.UPS_RUNTIME_MINUTES}",
    "UpsOverloaded": f"> {thresholds.UPS_LOAD_PERCENT}",
    "AnomalyDetected": f"> {thresholds.ANOMALY_SCORE}",
    "AnomalyPage": f"> {thresholds.ANOMALY_SCORE}",
    "ScrapeFailuresHigh": f"> {thresholds.SCRAPE_FAILURE_RATIO}",
    "DetectorLagging": f"> {thresholds.DETECTOR_LAG_SECONDS}",
    "WebhookDeliveryFailing": f"> {thresholds.DELIVERY_FAILURE_RATIO}",
    "WebhookOutboxStuck": f"> {thresholds.OUTBOX_AGE_SECONDS}",
    "WebhookTimersOverdue": f"> {thresholds.TIMERS_OVERDUE_SECONDS}",
    "IngestStalled": f"> {thresholds.INGEST_STALLED_SECONDS}",
    "MonitoringFresh": f"< {thresholds.INGEST_STALLED_SECONDS}",
}


def expressions() -> dict[str, str]:
    groups = [group for path in RULES.glob("*.yml") for group in yaml.safe_load(path.read_text())["groups"]]
    return {rule["alert"]: rule["expr"] for group in groups for rule in group["rules"] if "alert" in rule}


@pytest.mark.parametrize(("alert", "comparison"), COMPARISONS.items())
def test_rule_compares_with_the_shared_number(alert: str, comparison: str) -> None:
    assert re.search(re.escape(comparison) + r"(?![\d.])", expressions()[alert])


def test_rules_name_the_same_device_jobs() -> None:
    text = (RULES / "recording.yml").read_text() + (RULES / "exporters.yml").read_text()
    lists = re.findall(r'(?:up|probe_success)\{job=~"([^"]+)"', text)
    assert len(lists) == 3
    assert set(lists) == {thresholds.DEVICE_JOBS}
