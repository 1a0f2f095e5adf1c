"""An alert as it is remembered, and what one delivery did to it."""

from msgspec import Struct

from alert_webhook.incidents.episode import Life
from alert_webhook.incidents.urgency import Severity
from alert_webhook.intake.update import AlertUpdate


class KnownAlert(Struct, frozen=True, kw_only=True):
    """One alert before a delivery. `incident_id` is that of the incident it belongs to while it fires."""

    id: int
    fingerprint: str
    life: Life
    incident_id: int | None


class TouchedAlert(Struct, frozen=True, kw_only=True):
    """One alert and what a delivery made of it. `update` is the last one the delivery had for it."""

    before: KnownAlert
    life: Life
    update: AlertUpdate
    severity: Severity
    stale: bool  # it was said to fire, and that was old news

    @property
    def opened(self) -> bool:
        """Whether an episode began."""
        return self.life.firing and not self.before.life.firing

    @property
    def closed(self) -> bool:
        """Whether its episode ended."""
        return self.before.life.firing and not self.life.firing

    @property
    def name(self) -> str:
        """Return the alert's name."""
        return self.update.labels.get("alertname", "alert")
