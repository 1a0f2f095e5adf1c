"""The daily report of shadow mode comes by itself: logged once a day, by one of the replicas, also after a restart."""

from datetime import UTC, date, datetime, timedelta

from alert_webhook.parts import Parts
from alert_webhook.shadow.report import Day, bounds, lines
from alert_webhook.store import digests, shadowed
from alert_webhook.store.database import Transaction
from heronwatch.logs import get_logger

NAME = "shadow report"  # no digest of a configuration can have a name with a space
TURN_EVERY_S = 60.0
MOST_DAYS = 7  # told of at once, after a long rest


class ShadowReports:
    """Tells, after midnight (UTC), who would have been paged on the days that are over."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._log = get_logger("heronwatch.webhook.shadow")

    def turn(self) -> list[str]:
        """Log what is due and return its lines; StoreUnavailableError when the database is away."""
        if not self._parts.settings().shadows() or not self._parts.store.read(_due):
            return []
        told = [line for day in self._parts.store.write(_days_over, "shadow_report") for line in lines(day)]
        for line in told:
            self._log.info("shadow", report=line)
        return told


def _today(tx: Transaction) -> date:
    return datetime.fromtimestamp(tx.now, UTC).date()


def _due(tx: Transaction) -> bool:
    latest = digests.latest(tx, NAME)
    return latest is None or latest.slot_at < bounds(_today(tx))[0]


def _days_over(tx: Transaction) -> list[Day]:
    """Return the days that nobody told of yet, the oldest first; the first time only marks where they begin."""
    today, before = _today(tx), digests.latest(tx, NAME)
    midnight = bounds(today)[0]
    since = midnight if before is None else before.slot_at
    if digests.make(tx, NAME, midnight, since) is None:
        return []
    number = min(MOST_DAYS, round((midnight - since) / 86_400.0))
    days = [today - timedelta(days=back) for back in range(number, 0, -1)]
    return [Day(day, shadowed.kept_back(tx, *bounds(day))) for day in days]
