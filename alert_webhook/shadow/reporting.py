"""The daily report of shadow mode comes by itself, from one of the replicas, also after a restart: logged, and sent."""

from collections.abc import Callable

from msgspec import Struct

from alert_webhook.config import Config
from alert_webhook.incidents.digesting import owe, recipients
from alert_webhook.oncall.wall import Zone
from alert_webhook.parts import Parts
from alert_webhook.shadow.report import NAME, Day, bounds, lines
from alert_webhook.store import digests, incidents, shadowed
from alert_webhook.store.database import Transaction
from heronwatch.logs import get_logger

TURN_EVERY_S = 60.0


class Report(Struct, frozen=True):
    """The days that are over and that nobody told of yet, the oldest first; `id` is 0 where there is none to send."""

    id: int
    days: tuple[Day, ...]


class ShadowReports:
    """Tells, after midnight, who would have been paged on the days that are over."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._log = get_logger("heronwatch.webhook.shadow")

    def turn(self) -> list[str]:
        """Log what is due, owe it to whom it is for, return its lines; StoreUnavailableError without the database."""
        config = self._parts.settings()
        zone = config.common_zone()
        if not config.shadows() or not self._parts.store.read(lambda tx: _due(tx, zone)):
            return []
        found = self._parts.store.write(lambda tx: _told(tx, config, self._parts.random), "shadow_report")
        self._parts.wake()
        told = [line for day in found.days for line in lines(day, zone)]
        for line in told:
            self._log.info("shadow", report=line)
        return told


def _midnight(tx: Transaction, zone: Zone) -> float:
    return bounds(zone.wall(tx.now).date(), zone)[0]


def _due(tx: Transaction, zone: Zone) -> bool:
    latest = digests.latest(tx, NAME)
    return latest is None or latest.slot_at < _midnight(tx, zone)


def _told(tx: Transaction, config: Config, random: Callable[[int], bytes]) -> Report:
    """Return what is told, and owe it to its readers; the first time only marks where the days begin."""
    zone, before = config.common_zone(), digests.latest(tx, NAME)
    midnight = _midnight(tx, zone)
    made = digests.make(tx, NAME, midnight, midnight if before is None else before.slot_at)
    if made is None:
        return Report(0, ())
    report = Report(made.id, shadowed.days(tx, made.since_at, midnight, zone))
    _owe(tx, report, config, random)
    return report


def _owe(tx: Transaction, report: Report, config: Config, random: Callable[[int], bytes]) -> None:
    """Owe the report to its readers; a message needs an incident, so a report about none is only logged."""
    newest = next((each.messages[-1].incident for each in reversed(report.days) if each.messages), "")
    about = incidents.find(tx, newest) if newest else None
    if about is not None and config.shadow_report is not None:
        owe(tx, about, report.id, recipients(tx, config.shadow_report, config), random)
