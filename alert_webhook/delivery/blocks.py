"""The configuration's block about how many critical messages one contact gets before they are bundled."""

from alert_webhook.config_block import Block, Faults
from alert_webhook.delivery.throttle import CRITICAL, MOST_COUNTED, Ceiling
from heronwatch.values import Duration


class CriticalBlock(Block, frozen=True, kw_only=True):
    """One contact gets `messages` in `within`, each at once; what is above that goes out together, a bit later."""

    messages: int = CRITICAL.count
    within: Duration = Duration(CRITICAL.window_s)
    bundle_after: Duration = Duration(CRITICAL.bundle_after_s)  # how long a critical page waits for others, at most

    def config_faults(self) -> Faults:
        """Check that the first pages go at once, and that the others do not wait for long."""
        if not 1 <= self.messages <= MOST_COUNTED:
            yield "messages", f"expected 1 to {MOST_COUNTED}, found {self.messages}"
        if not 60 <= self.within <= 3 * 3600:
            yield "within", f"expected 1m to 3h, found {float(self.within):g} s"
        if not 5 <= self.bundle_after <= 300:
            yield "bundle_after", f"expected 5s to 5m, found {float(self.bundle_after):g} s"

    def ceiling(self) -> Ceiling:
        """Return the limit as the throttle applies it."""
        return Ceiling(self.messages, float(self.within), float(self.bundle_after))
