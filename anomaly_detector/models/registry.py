"""Which models there are: one literal for ours, the entry points `heronwatch.models` for third parties'."""

from anomaly_detector.models.model import Plugin
from heronwatch.plugins import Registry

GROUP = "heronwatch.models"
BUILTIN = {
    "all_time_range": "anomaly_detector.models.all_time_range:PLUGIN",
    "bank": "anomaly_detector.models.bank:PLUGIN",
    "holt_winters": "anomaly_detector.models.holt_winters:PLUGIN",
    "isolation_forest": "anomaly_detector.models.isolation_forest:PLUGIN",
    "seasonal_robust": "anomaly_detector.models.seasonal_robust:PLUGIN",
    "static_z": "anomaly_detector.models.static_z:PLUGIN",
    "trend": "anomaly_detector.models.trend:PLUGIN",
}


def models() -> Registry[Plugin]:
    """Return the registry; building it imports no model."""
    return Registry(GROUP, BUILTIN, {})
