"""Reads what a page tells of one incident, in the transaction of its caller."""

from alert_webhook.config import Config
from alert_webhook.incidents.incident import Incident
from alert_webhook.oncall.people import People
from alert_webhook.store import incidents, views
from alert_webhook.store.database import Transaction
from alert_webhook.web.shown import Told


def told(tx: Transaction, incident: Incident, config: Config, *, events: int) -> Told:
    """Return everything a page shows of an incident, with its newest `events` events."""
    view = views.incident_view(tx, incident)
    return Told(
        view=view,
        context=views.context_lines(tx, view, config.context.labels, lines=config.context.lines),
        events=incidents.timeline(tx, incident.id, events),
        next_people=_next_people(incident, config.persons()),
        due_at=incident.due_at,
    )


def _next_people(incident: Incident, people: People) -> tuple[str, ...]:
    steps = incident.policy.steps if incident.policy else ()
    if incident.next_step >= len(steps):
        return ()
    return tuple(_name(who, people) for who in steps[incident.next_step].notify)


def _name(who: str, people: People) -> str:
    key, _slash, contact = who.partition("/")
    name = people[key].name if key in people else key
    return f"{name} ({contact})" if contact else name
