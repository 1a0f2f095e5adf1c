"""Which models there are: one literal for ours, the entry points `heronwatch.models` for third parties'."""

from anomaly_detector.models.model import Plugin
from heronwatch.plugins import Registry

GROUP = "heronwatch.models"
BUILTIN = {
    "seasonal_robust": "anomaly_detector.models.seasonal_robust:PLUGIN",
}


def models() -> Registry[Plugin]:
    """Return the registry; building it imports no model."""
    return Registry(GROUP, BUILTIN, {})
