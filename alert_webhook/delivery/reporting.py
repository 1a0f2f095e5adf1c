"""What follows from a provider's report: how far a message is, and another way where it did not arrive."""

from collections.abc import Callable

from alert_webhook.delivery.callback import Report, Stage
from alert_webhook.delivery.following import fall_back, hasten_step
from alert_webhook.delivery.owed import Owed, Progress
from alert_webhook.incidents.incident import Incident
from alert_webhook.incidents.timeline import Event, Kind
from alert_webhook.incidents.transitions import PAGEABLE
from alert_webhook.oncall.people import People
from alert_webhook.store import bundling, hopeless, incidents, notifications, tracked
from alert_webhook.store.database import Transaction
from alert_webhook.store.tracked import Tracked

Random = Callable[[int], bytes]
PAGES = notifications.PAGES


def apply_report(tx: Transaction, channel: str, report: Report, *, people: People, random: Random) -> bool:
    """Write a report down and do what follows; False where it changes nothing: unknown, late, or known already.

    Locks the incident first, as everybody does.
    """
    found = tracked.find(tx, channel, report.reference)
    told = tracked.notification_of(tx, found.uid) if found else None
    if found is None or told is None:
        return False
    incident = incidents.lock(tx, [told.incident_id]).get(told.incident_id)
    current = tracked.lock(tx, channel, report.reference)
    if current is None:
        return False
    if report.ask_now and current.stage is not Stage.FAILED:
        tracked.ask_at(tx, current, tx.now)
    if current.stage.final or report.stage <= current.stage:
        return report.ask_now
    tracked.move(tx, current, report.stage, word=report.word, detail=report.reason)
    if report.disable_contact:
        hopeless.mark(tx, channel, current.address, report.reason or report.word)
    owed = notifications.lock(tx, told.id)
    if owed is None or incident is None:
        return True
    if report.stage is Stage.FAILED:
        _failed(tx, incident, owed, current, report, people, random)
    elif report.stage is Stage.DELIVERED:
        _tell(tx, owed, Kind.SENT, f"{_what(owed)} arrived: {report.word}")
    return True


def _failed(
    tx: Transaction, incident: Incident, owed: Owed, sent: Tracked, report: Report, people: People, random: Random
) -> None:
    """A message that its provider took did not arrive: it counts as failed, as if it had not been taken."""
    why = f"{report.word}{', ' if report.reason else ''}{report.reason}"
    _tell(tx, owed, Kind.FAILED, f"{_what(owed)} did not arrive: {why}")
    if owed.progress is not Progress.SENT:
        return  # another attempt is on its way
    notifications.drop(tx, owed, Progress.FAILED, f"by {sent.channel}: {why}")
    bundling.not_arrived(tx, owed)
    if owed.reason.value not in PAGES or incident.state not in PAGEABLE:
        return
    if not owed.fell_back:
        fall_back(tx, owed, people, random)
    if notifications.step_has_failed(tx, owed):
        hasten_step(tx, incident, owed)


def _what(owed: Owed) -> str:
    what = "page" if owed.reason.value in PAGES else f"{owed.reason.value} notice"
    return f"{what} to {owed.person}/{owed.contact}"


def _tell(tx: Transaction, owed: Owed, kind: Kind, text: str) -> None:
    incidents.add_events(tx, [Event(owed.incident_id, tx.now, kind, text)])
