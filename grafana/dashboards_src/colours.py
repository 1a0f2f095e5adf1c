"""At which numbers a cell or a line changes its colour."""

from grafana.dashboards_src import thresholds
from grafana.dashboards_src.panels import steps

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
