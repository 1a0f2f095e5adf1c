"""Carrying out due steps of escalation: the changed incident, its pages and its next timer in one commit."""

from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from alert_webhook.config import Config
from alert_webhook.delivery.channel import Reason
from alert_webhook.escalation.step import Page, step, takes_a_turn
from alert_webhook.escalation.telling import step_event
from alert_webhook.incidents.effects import new_uid
from alert_webhook.incidents.incident import Incident
from alert_webhook.incidents.suppressing import covers_now, held_back
from alert_webhook.incidents.timeline import Event
from alert_webhook.incidents.transitions import PAGEABLE
from alert_webhook.oncall.current import current_schedules
from alert_webhook.store import incidents, notifications, stepping, turns
from alert_webhook.store.database import Transaction

AT_ONCE = 50  # incidents in one transaction


class Carried(Struct, frozen=True):
    """One step that was carried out: the incident after it, whom to page, what the timeline says."""

    incident: Incident
    pages: Sequence[Page] = ()
    events: Sequence[Event] = ()


def escalate(tx: Transaction, *, config: Config, random: Callable[[int], bytes]) -> int:
    """Do the due step of up to `AT_ONCE` incidents; return how many there were."""
    due = incidents.lock_due(tx, AT_ONCE)
    if not due:
        return 0
    people, severities, schedules = config.persons(), config.ranked(), current_schedules(tx, config)
    covers = covers_now(tx, config)
    carried_out: list[Carried] = []
    for incident in due:
        if incident.policy is None or incident.state not in PAGEABLE:
            carried_out.append(Carried(replace(incident, due_at=None)))  # nothing is due for it any more
            continue
        if held_back(tx, incident, covers):
            continue
        goes_round = takes_a_turn(incident, incident.policy, tx.now)
        turn = turns.take(tx, incident.policy.name, incident.next_step) if goes_round else 0
        changed, pages = step(
            incident,
            incident.policy,
            people,
            tx.now,
            every_contact=severities.named(incident.severity).every_contact,
            schedules=schedules,
            turn=turn,
        )
        told = step_event(incident, changed, pages, tx.now, schedules=schedules)
        carried_out.append(Carried(changed, pages, (told,)))
    _save(tx, carried_out, random)
    return len(due)


def _save(tx: Transaction, carried_out: Sequence[Carried], random: Callable[[int], bytes]) -> None:
    stepping.save(tx, [each.incident for each in carried_out])
    notifications.add(tx, [row for each in carried_out for row in _rows(each, tx.now, random)])
    incidents.add_events(tx, [event for each in carried_out for event in each.events])


def _rows(carried: Carried, now: float, random: Callable[[int], bytes]) -> list[dict[str, Any]]:
    pages = carried.pages
    places = [(page.cycle, page.step, page.person, page.contact, new_uid(random)) for page in pages]
    rows = notifications.rows_for(carried.incident.id, carried.incident.rank, Reason.PAGE, places)
    times = [now + page.delay_s for page in pages]
    return [{**row, "created_at": at, "due_at": at} for row, at in zip(rows, times, strict=True)]
