"""Carrying out due steps of escalation: the changed incident, its pages and its next timer in one commit."""

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from alert_webhook.config import Config
from alert_webhook.delivery.channel import Reason
from alert_webhook.escalation.step import Page, step
from alert_webhook.incidents.effects import new_uid
from alert_webhook.incidents.incident import Incident
from alert_webhook.incidents.timeline import Event, Kind
from alert_webhook.incidents.transitions import PAGEABLE, State
from alert_webhook.store import incidents, notifications
from alert_webhook.store.database import Transaction

AT_ONCE = 50  # incidents in one transaction


def escalate(tx: Transaction, *, config: Config, random: Callable[[int], bytes]) -> int:
    """Do the due step of up to `AT_ONCE` incidents; return how many there were."""
    people, severities = config.persons(), config.ranked()
    due = incidents.lock_due(tx, AT_ONCE)
    for incident in due:
        if incident.policy is None or incident.state not in PAGEABLE:
            incidents.save(tx, replace(incident, due_at=None))  # nothing is due for it any more
            continue
        every_contact = severities.named(incident.severity).every_contact
        changed, pages = step(incident, incident.policy, people, tx.now, every_contact=every_contact)
        _save(tx, incident, changed, pages, random)
    return len(due)


def _save(
    tx: Transaction, before: Incident, after: Incident, pages: Sequence[Page], random: Callable[[int], bytes]
) -> None:
    incidents.save(tx, after)
    places = [(page.cycle, page.step, page.person, page.contact, new_uid(random)) for page in pages]
    notifications.add(tx, notifications.rows_for(before.id, before.rank, Reason.PAGE, places))
    incidents.add_events(tx, [_event(before, after, pages, tx.now)])


def _event(before: Incident, after: Incident, pages: Sequence[Page], now: float) -> Event:
    if after.state is State.CRITICAL and before.state is not State.CRITICAL:
        return Event(before.id, now, Kind.EXHAUSTED, "the last step went unanswered")
    number = before.next_step + 1
    if not pages:
        return Event(before.id, now, Kind.NOBODY, f"step {number} names nobody who is still configured")
    whom = ", ".join(f"{page.person}/{page.contact}" for page in pages)
    return Event(before.id, now, Kind.STEP, f"step {number} of policy {_policy_name(before)} pages {whom}")


def _policy_name(incident: Incident) -> str:
    return incident.policy.name if incident.policy else ""
