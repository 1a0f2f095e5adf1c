"""Acknowledgements that near their end: the holder is asked, then the incident is nobody's again."""

from collections.abc import Callable

from msgspec.structs import replace

from alert_webhook.config import Config
from alert_webhook.delivery.channel import Reason
from alert_webhook.incidents.effects import new_uid
from alert_webhook.incidents.incident import Incident, end_acknowledgement, remind
from alert_webhook.incidents.timeline import Event, Kind
from alert_webhook.incidents.transitions import State
from alert_webhook.oncall.people import People, holder, reached_by
from alert_webhook.store import incidents, notifications
from alert_webhook.store.database import Transaction

AT_ONCE = 50  # incidents in one transaction


def acknowledgements_due(tx: Transaction, *, config: Config, random: Callable[[int], bytes]) -> int:
    """Remind holders and end acknowledgements that are due, up to `AT_ONCE`; return how many there were."""
    due = incidents.lock_ack_due(tx, AT_ONCE)
    people = config.persons() if due else {}
    for incident in due:
        if incident.state is not State.ACKNOWLEDGED:
            incidents.save(tx, replace(incident, ack_remind_at=None, ack_ends_at=None))
        elif incident.ack_remind_at is not None:
            _remind(tx, incident, people, random)
        else:
            _end(tx, incident)
    return len(due)


def _remind(tx: Transaction, incident: Incident, people: People, random: Callable[[int], bytes]) -> None:
    """Ask the holder; after an outage of the engine they keep the time they would have had from being asked."""
    late_s = max(0.0, tx.now - (incident.ack_remind_at or tx.now))
    asked = remind(incident, tx.now)
    incidents.save(tx, replace(asked, ack_ends_at=(incident.ack_ends_at or tx.now) + late_s))
    key = holder(people, incident.acked_by)
    reached = reached_by(people, key, severity=incident.severity)[:1]
    places = [(incident.cycle, 0, reach.person, reach.contact, new_uid(random)) for reach in reached]
    notifications.add(tx, notifications.rows_for(incident.id, incident.rank, Reason.REMINDER, places))
    text = f"{incident.acked_by} is asked whether it is still theirs"
    if not reached:
        text = f"{incident.acked_by} cannot be asked whether it is still theirs: no person of that name is configured"
    incidents.add_events(tx, [Event(incident.id, tx.now, Kind.REMINDED, text)])


def _end(tx: Transaction, incident: Incident) -> None:
    free = end_acknowledgement(incident, tx.now)
    if free is not None:
        incidents.save(tx, free)
        text = f"the acknowledgement of {incident.acked_by} is over; escalation starts again"
        incidents.add_events(tx, [Event(incident.id, tx.now, Kind.ACK_ENDED, text)])
