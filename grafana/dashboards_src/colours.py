"""At which numbers a cell or a line changes its colour."""

from grafana.dashboards_src import thresholds
from grafana.dashboards_src.panels import steps

EXPECTED = {"mode": "fixed", "fixedColor": "semi-dark-purple"}
"""The colour of what the detector expected."""
PLAIN = steps((None, "blue"))
COUNT_IS_BAD = steps((None, "green"), (1, "red"))
COUNT_IS_ODD = steps((None, "green"), (1, "orange"))
SCORE = steps((None, "green"), (thresholds.ANOMALY_SCORE, "purple"))
UTILIZATION = steps(
    (None, "green"),
    (thresholds.INTERFACE_UTILIZATION_RATIO_WARN, "orange"),
    (thresholds.INTERFACE_UTILIZATION_RATIO, "red"),
)
UPS_CHARGE = steps(
    (None, "red"), (thresholds.UPS_CHARGE_PERCENT_BAD, "orange"), (thresholds.UPS_CHARGE_PERCENT_WARN, "green")
)
UPS_RUNTIME = steps((None, "red"), (thresholds.UPS_RUNTIME_MINUTES, "green"))
UPS_LOAD = steps((None, "green"), (thresholds.UPS_LOAD_PERCENT, "orange"))
SITE_UP = steps((None, "red"), (thresholds.SITE_UP_RATIO, "orange"), (1, "green"))
ERRORS = steps((None, "green"), (thresholds.INTERFACE_ERROR_RATIO, "red"))
CPU = steps((None, "green"), (thresholds.CPU_RATIO, "red"))
MEMORY = steps((None, "green"), (thresholds.MEMORY_RATIO, "red"))
STORAGE = steps((None, "green"), (thresholds.STORAGE_RATIO, "orange"), (thresholds.STORAGE_FULL_RATIO, "red"))
TEMPERATURE = steps(
    (None, "green"), (thresholds.TEMPERATURE_CELSIUS_WARN, "orange"), (thresholds.TEMPERATURE_CELSIUS, "red")
)
SLOW = steps((None, "green"), (thresholds.SCRAPE_SECONDS_WARN, "orange"))
UPS_CHARGE_RATIO = steps(
    (None, "red"),
    (thresholds.UPS_CHARGE_PERCENT_BAD / 100, "orange"),
    (thresholds.UPS_CHARGE_PERCENT_WARN / 100, "green"),
)
UPS_RUNTIME_SECONDS = steps((None, "red"), (thresholds.UPS_RUNTIME_MINUTES * 60, "green"))
UPS_LOAD_RATIO = steps(
    (None, "green"), (thresholds.UPS_LOAD_PERCENT / 100, "orange"), (thresholds.UPS_LOAD_PERCENT_BAD / 100, "red")
)
BATTERY_TEMPERATURE = steps((None, "green"), (thresholds.UPS_BATTERY_CELSIUS, "orange"))
