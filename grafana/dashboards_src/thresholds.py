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
INTERFACE_DISCARD_RATIO: Final = 0.01
INTERFACE_FLAPS: Final = 4
UPLINK_RATIO: Final = 0.95

CPU_RATIO: Final = 0.9
MEMORY_RATIO: Final = 0.95
STORAGE_RATIO: Final = 0.9
STORAGE_FULL_RATIO: Final = 0.97

TEMPERATURE_CELSIUS: Final = 75
"""For a sensor without a limit of its own; chips run hotter than this, air inside a chassis does not."""
TEMPERATURE_CELSIUS_WARN: Final = 60  # dashboards only
ROOM_CELSIUS: Final = 32
"""Upper end of what ASHRAE TC 9.9 allows at the inlet of equipment of class A1 (15 to 32 degrees Celsius)."""
HUMIDITY_LOW: Final = 0.2
HUMIDITY_HIGH: Final = 0.8

HEALTH_DEGRADED: Final = 2
HEALTH_FAILED: Final = 3
"""instance_part:health:state: 1 good, 2 degraded, 3 failed, whatever the vendor calls it."""

UPS_ON_BATTERY: Final = 5
"""upsOutputSource = battery(5), RFC 1628 section 4."""
UPS_BATTERY_LOW: Final = 3
"""upsBatteryStatus: batteryLow(3), batteryDepleted(4), RFC 1628 section 4."""
UPS_RUNTIME_MINUTES: Final = 15
UPS_LOAD_PERCENT: Final = 80
UPS_LOAD_PERCENT_BAD: Final = 95
UPS_BYPASS: Final = 4
"""upsOutputSource = bypass(4), RFC 1628 section 4."""
UPS_BATTERY_CELSIUS: Final = 40
"""A lead battery lives half as long for every ten degrees above 25, as their makers say; warm enough to look."""
UPS_INPUT_DEVIATION_RATIO: Final = 0.15
PDU_NEAR_OVERLOAD: Final = 2
PDU_OVERLOAD: Final = 3
"""instance_part:pdu_load:state: 1 normal, 2 near the limit set in the strip, 3 beyond it."""
UPS_CHARGE_PERCENT_WARN: Final = 80  # dashboards only
UPS_CHARGE_PERCENT_BAD: Final = 50  # dashboards only

SCRAPE_FAILURE_RATIO: Final = 0.2
SCRAPE_SLOW_RATIO: Final = 0.8
SCRAPE_SECONDS_WARN: Final = 8  # dashboards only: 80 % of the shipped time-out of ten seconds
DETECTOR_LAG_SECONDS: Final = 300
DETECTOR_QUEUE_SAMPLES: Final = 100_000
"""A fifth of the default `queue_capacity` of one receiver."""
DETECTOR_FALSE_ALARMS: Final = 50
"""Raised thresholds: with more, the queries want tuning rather than their series."""
DELIVERY_FAILURE_RATIO: Final = 0.1
OUTBOX_AGE_SECONDS: Final = 120
TIMERS_OVERDUE_SECONDS: Final = 60

INGEST_STALLED_SECONDS: Final = 240
"""More than three times the longest shipped scrape interval, below Prometheus's look-back of 300 s."""
