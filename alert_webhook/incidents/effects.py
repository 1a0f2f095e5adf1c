"""What follows when an incident is taken or over: saved in the same transaction as the change itself."""

from collections.abc import Callable, Sequence

from msgspec import Struct

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


class Over(Struct, frozen=True):
    """An incident that just ended, why, and who ended it ("" if nobody did)."""

    incident: Incident
    why: str
    who: str = ""


def over(tx: Transaction, incident: Incident, why: str, random: Random, *, tell: bool, who: str = "") -> None:
    """Save an incident that just ended: its links are revoked, and whoever was paged is told."""
    over_all(tx, [Over(incident, why, who)], random, tell=tell)


def over_all(tx: Transaction, ended: Sequence[Over], random: Random, *, tell: bool) -> None:
    """Do the same for several at once; of most, nobody was told anything."""
    incidents.save_all(tx, [each.incident for each in ended])
    known = incidents.known_to_people(tx, [each.incident.id for each in ended])
    for each in ended:
        if each.incident.id in known:
            _end(tx, each, random, tell=tell)
    silent = [each for each in ended if each.incident.id not in known]
    incidents.add_events(tx, [_resolved(each, tx.now) for each in silent])


def _end(tx: Transaction, ended: Over, random: Random, *, tell: bool) -> None:
    incident = ended.incident
    links.revoke(tx, incident.id)
    reached = notifications.paged_contacts(tx, incident.id) if tell else []
    cancelled = notifications.cancel_pages(tx, incident.id, ended.why)
    places = [(incident.cycle, 0, person, contact, new_uid(random)) for person, contact in reached]
    notifications.add(tx, notifications.rows_for(incident.id, incident.rank, Reason.RESOLVED, places))
    _tell(tx, _resolved(ended, tx.now), cancelled)


def _resolved(ended: Over, now: float) -> Event:
    return Event(ended.incident.id, now, Kind.RESOLVED, ended.why, ended.who)


def _tell(tx: Transaction, event: Event, cancelled: int) -> None:
    events = [event]
    if cancelled:
        text = f"{cancelled} waiting page(s) cancelled: {event.text}"
        events.append(Event(event.incident_id, event.at, Kind.CANCELLED, text))
    incidents.add_events(tx, events)
