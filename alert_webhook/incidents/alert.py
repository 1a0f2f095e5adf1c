"""An alert as it is remembered, and what one delivery did to it."""

from msgspec import Struct

from alert_webhook.incidents.episode import Life
from alert_webhook.incidents.flapping import Flaps
from alert_webhook.incidents.urgency import Severity
from alert_webhook.intake.update import AlertUpdate

SEEN_EVERY_S = 60.0  # how far behind `last_seen_at` may be: an update that says nothing new is not written each time


class Shown(Struct, frozen=True, gc=False):
    """What is shown of an alert besides its labels, as it is stored."""

    annotations: str  # JSON object
    generator_url: str
    urgency: str
    rank: int


class KnownAlert(Struct, frozen=True, kw_only=True, gc=False):
    """One alert before a delivery; `id` 0 for one never seen. `incident_id`: the incident it belongs to while it fires.

    While its end is held (see `flapping`) it belongs to its incident as if it fired.
    """

    id: int
    fingerprint: str
    life: Life
    incident_id: int | None
    flaps: Flaps = Flaps()
    shown: Shown | None = None
    last_seen_at: float = 0.0

    @property
    def going_on(self) -> bool:
        """Whether its episode is open: it fires, or its end is held."""
        return self.life.firing or self.flaps.held_until is not None


class TouchedAlert(Struct, frozen=True, kw_only=True, gc=False):
    """One alert and what a delivery made of it. `update` is the last one the delivery had for it."""

    before: KnownAlert
    life: Life
    update: AlertUpdate
    severity: Severity
    stale: bool  # it was said to fire, and that was old news
    flaps: Flaps = Flaps()

    @property
    def quiet(self) -> bool:
        """Whether nothing is new about it, but perhaps what is shown of it: most of what a storm says again."""
        before = self.before
        same = self.life is before.life and self.flaps is before.flaps
        return same and before.id > 0 and (before.incident_id is not None) == self.going_on

    @property
    def going_on(self) -> bool:
        """Whether its episode is open now."""
        return self.life.firing or self.flaps.held_until is not None

    @property
    def opened(self) -> bool:
        """Whether an episode began."""
        return self.life.firing and not self.before.going_on

    @property
    def closed(self) -> bool:
        """Whether its episode ended."""
        return self.before.going_on and not self.going_on

    @property
    def held(self) -> bool:
        """Whether it ended just now and that is not believed yet."""
        return self.flaps.held_until is not None and self.before.flaps.held_until is None

    @property
    def name(self) -> str:
        """Return the alert's name."""
        return self.update.labels.get("alertname", "alert")
