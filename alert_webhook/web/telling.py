"""Reads what a page tells of one incident, in the transaction of its caller."""

from collections.abc import Mapping

from alert_webhook.config import Config
from alert_webhook.escalation.policy import objection
from alert_webhook.escalation.step import whom
from alert_webhook.incidents.incident import Incident
from alert_webhook.oncall.current import current_schedules
from alert_webhook.oncall.people import People
from alert_webhook.oncall.schedule import Schedule
from alert_webhook.store import incidents, shadowed, views
from alert_webhook.store.database import Transaction
from alert_webhook.web.false_alarms import anomalies
from alert_webhook.web.shown import Offer, Told


def told(tx: Transaction, incident: Incident, config: Config, *, events: int) -> Told:
    """Return everything a page shows of an incident, with its newest `events` events."""
    view = views.incident_view(tx, incident)
    return Told(
        view=view,
        context=views.context_lines(tx, view, config.context.labels, lines=config.context.lines),
        events=incidents.timeline(tx, incident.id, events),
        next_people=_next_people(incident, config.persons(), current_schedules(tx, config)),
        due_at=incident.due_at,
        assigned_to=_name(incident.assigned_to, config.persons()) if incident.assigned_to else "",
        suppressed_by=incident.suppressed_by,
        ack_ends_at=incident.ack_ends_at,
        shadow=bool(shadowed.shadows_of(tx, config, [view])),
    )


def offer(told: Told, config: Config, *, key: str, desk: bool) -> Offer:
    """Return what a page may offer for an incident; at a desk (a signed-in user) also giving it away, and notes."""
    people = tuple((key, person.name) for key, person in config.persons().items()) if desk else ()
    return Offer(
        key=key,
        false_alarm=config.detector is not None and bool(anomalies(told.view)),
        people=people,
        notes=desk,
    )


def _next_people(incident: Incident, people: People, schedules: Mapping[str, Schedule]) -> tuple[str, ...]:
    """Return whom the next step means, as schedules have it now for the time when the step is due."""
    steps = incident.policy.steps if incident.policy else ()
    if incident.next_step >= len(steps) or incident.due_at is None:
        return ()
    current = steps[incident.next_step]
    if objection(current.when, incident.severity, incident.labels, incident.due_at):
        return ()
    found = [_name(each.who, people) for each in whom(current, schedules, incident.due_at) if each.who]
    return (f"one of {', '.join(found)}",) if current.round_robin and found else tuple(found)


def _name(who: str, people: People) -> str:
    key, _slash, contact = who.partition("/")
    name = people[key].name if key in people else key
    return f"{name} ({contact})" if contact else name
