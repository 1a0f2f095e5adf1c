"""The numbers at which something is bad, for the dashboards' colours and the alert rules alike.

A rule cannot import Python, so each number stands in `prometheus/rules/*.yml` a second time;
`tests/grafana/test_thresholds.py` holds that both are equal.
"""

from typing import Final

DEVICE_JOBS: Final = "snmp|ssh|modbus"
"""Values of the `job` label that `/sd` gives to devices: one for each protocol."""

NAMED_PORT: Final = "(?i).*(uplink|trunk|wan|critical).*"
"""An interface whose ifAlias matches matters enough to page when it goes down (RE2, anchored)."""

ANOMALY_SCORE: Final = 1
"""`anomaly_score` above this is outside the learnt band; the detector scales scores so."""

SITE_UP_RATIO: Final = 0.5
"""A site with fewer of its devices answering is reported once, as a site."""

REBOOT_UPTIME_CENTISECONDS: Final = 60_000
"""sysUpTime below ten minutes, in SNMP's hundredths of a second."""

INTERFACE_UTILIZATION_RATIO: Final = 0.9
INTERFACE_UTILIZATION_RATIO_WARN: Final = 0.7  # dashboards only: colour before the alert
INTERFACE_ERROR_RATIO: Final = 0.01

UPS_ON_BATTERY: Final = 5
"""upsOutputSource = battery(5), RFC 1628 section 4."""
UPS_BATTERY_LOW: Final = 3
"""upsBatteryStatus: batteryLow(3), batteryDepleted(4), RFC 1628 section 4."""
UPS_RUNTIME_MINUTES: Final = 15
UPS_LOAD_PERCENT: Final = 80
UPS_CHARGE_PERCENT_WARN: Final = 80  # dashboards only
UPS_CHARGE_PERCENT_BAD: Final = 50  # dashboards only

SCRAPE_FAILURE_RATIO: Final = 0.2
DETECTOR_LAG_SECONDS: Final = 300
DELIVERY_FAILURE_RATIO: Final = 0.1
OUTBOX_AGE_SECONDS: Final = 120
TIMERS_OVERDUE_SECONDS: Final = 60

INGEST_STALLED_SECONDS: Final = 240
"""More than three times the longest shipped scrape interval, below Prometheus's look-back of 300 s."""
