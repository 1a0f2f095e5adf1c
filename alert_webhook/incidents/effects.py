"""What follows when an incident is taken or over: saved in the same transaction as the change itself."""

from collections.abc import Callable

from alert_webhook.delivery.channel import Reason
from alert_webhook.incidents.incident import Incident
from alert_webhook.incidents.timeline import Event, Kind
from alert_webhook.store import incidents, links, notifications
from alert_webhook.store.database import Transaction

Random = Callable[[int], bytes]
UID_BYTES = 16


def new_uid(random: Random) -> str:
    """Return a fresh name for a notification."""
    return random(UID_BYTES).hex()


def taken(tx: Transaction, incident: Incident, event: Event) -> None:
    """Save an incident whose waiting pages nobody needs: somebody has it, it is suppressed, others are asked now."""
    incidents.save(tx, incident)
    _tell(tx, event, notifications.cancel_pages(tx, incident.id, event.text))


def over(tx: Transaction, incident: Incident, why: str, random: Random, *, tell: bool, who: str = "") -> None:
    """Save an incident that just ended: its links are revoked, and whoever was paged is told."""
    incidents.save(tx, incident)
    links.revoke(tx, incident.id)
    reached = notifications.paged_contacts(tx, incident.id) if tell else []
    cancelled = notifications.cancel_pages(tx, incident.id, why)
    places = [(incident.cycle, 0, person, contact, new_uid(random)) for person, contact in reached]
    notifications.add(tx, notifications.rows_for(incident.id, incident.rank, Reason.RESOLVED, places))
    _tell(tx, Event(incident.id, tx.now, Kind.RESOLVED, why, who), cancelled)


def _tell(tx: Transaction, event: Event, cancelled: int) -> None:
    events = [event]
    if cancelled:
        text = f"{cancelled} waiting page(s) cancelled: {event.text}"
        events.append(Event(event.incident_id, event.at, Kind.CANCELLED, text))
    incidents.add_events(tx, events)
