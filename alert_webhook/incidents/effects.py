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


def taken(tx: Transaction, incident: Incident, who: str, via: str) -> None:
    """Save an incident that was just acknowledged: pages that wait are cancelled."""
    incidents.save(tx, incident)
    cancelled = notifications.cancel_pages(tx, incident.id, f"acknowledged by {who}")
    text = f"acknowledged by {who}, {via}"
    _tell(tx, incident, Kind.ACKNOWLEDGED, text, cancelled, who)


def over(tx: Transaction, incident: Incident, why: str, random: Random, *, tell: bool) -> None:
    """Save an incident that just ended: its links are revoked, and whoever was paged is told."""
    incidents.save(tx, incident)
    links.revoke(tx, incident.id)
    reached = notifications.paged_contacts(tx, incident.id) if tell else []
    cancelled = notifications.cancel_pages(tx, incident.id, why)
    places = [(incident.cycle, 0, person, contact, new_uid(random)) for person, contact in reached]
    notifications.add(tx, notifications.rows_for(incident.id, incident.rank, Reason.RESOLVED, places))
    _tell(tx, incident, Kind.RESOLVED, why, cancelled, "")


def _tell(tx: Transaction, incident: Incident, kind: Kind, text: str, cancelled: int, who: str) -> None:
    events = [Event(incident.id, tx.now, kind, text, who)]
    if cancelled:
        events.append(Event(incident.id, tx.now, Kind.CANCELLED, f"{cancelled} waiting page(s) cancelled: {text}"))
    incidents.add_events(tx, events)
