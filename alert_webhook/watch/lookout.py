"""The watch and what it tells: Prometheus, and outside that all is well."""

from prometheus_client import CollectorRegistry, Counter, Gauge

from alert_webhook.errors import StoreUnavailableError
from alert_webhook.parts import Parts
from alert_webhook.watch.heartbeat import beat
from alert_webhook.watch.watch import Refusals, Watch
from heronwatch.logs import get_logger

LOOK_EVERY_S = 10.0


class WatchMeters:
    """What the watch tells Prometheus."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.on_time = Gauge(
            "heronwatch_webhook_audit_passed",
            "1 while no timer and no message is late, 0 also while that cannot be found out.",
            registry=registry,
        )
        self.heartbeats = Counter(
            "heronwatch_webhook_heartbeats_total",
            "Outward heartbeats, by how they ended: heard, failed, withheld (something was late).",
            ("outcome",),
            registry=registry,
        )


class Lookout:
    """Looks every ten seconds, and says outside that all is well only after a look that found nothing wrong."""

    def __init__(self, parts: Parts, refusals: Refusals, meters: WatchMeters) -> None:
        self._parts = parts
        self._watch = Watch(parts, refusals)
        self._meters = meters
        self._beat_at: float | None = None
        self._log = get_logger("heronwatch.webhook.watch")

    def look(self) -> bool:
        """Look once and, when all is well and it is time, say so outside; return whether all is well."""
        well = self._guarded_look()
        self._meters.on_time.set(float(well))
        block, now = self._parts.settings().health.heartbeat, self._parts.clock.monotonic()
        if block is None or (self._beat_at is not None and now - self._beat_at < float(block.every)):
            return well
        self._beat_at = now
        trouble = beat(block) if well else ""
        self._meters.heartbeats.labels("withheld" if not well else "failed" if trouble else "heard").inc()
        if trouble:
            self._log.warning("the heartbeat was not heard", reason=trouble)
        return well

    def _guarded_look(self) -> bool:
        try:
            return not self._watch.turn().troubles
        except StoreUnavailableError as error:
            self._log.warning("the watch waits for the database", reason=str(error))
        except Exception:  # noqa: BLE001  # the outermost loop of this thread
            self._log.exception("the watch failed")
        return False
