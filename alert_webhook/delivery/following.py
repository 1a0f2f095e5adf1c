"""What follows from an attempt: the record, the next contact, the next step of escalation."""

from collections.abc import Callable

from alert_webhook.delivery.channel import NOTICES, Outcome, Permanent, Reason, Receipt, Retry
from alert_webhook.delivery.owed import NextMove, Owed, Patience, Progress, next_move
from alert_webhook.escalation.step import hasten
from alert_webhook.incidents.effects import new_uid
from alert_webhook.incidents.incident import Incident
from alert_webhook.incidents.timeline import Event, Kind
from alert_webhook.incidents.transitions import PAGEABLE
from alert_webhook.oncall.people import People, next_contact
from alert_webhook.store import bundling, incidents, notifications
from alert_webhook.store.database import Transaction

Random = Callable[[int], bytes]
WORDS = {
    Reason.RESOLVED: "resolve notice",
    Reason.REMINDER: "reminder",
    Reason.DIGEST: "digest",
    Reason.HANDOVER: "hand-over notice",
}
OUTCOMES: dict[type, str] = {Receipt: "accepted", Retry: "retry", Permanent: "permanent"}


def outcome_word(outcome: Outcome) -> str:
    """Return the word for an outcome that metrics and the delivery table use."""
    return OUTCOMES.get(type(outcome), "unknown")


def record(
    tx: Transaction,
    owed: Owed,
    outcome: Outcome,
    *,
    owner: str,
    people: People,
    patience: Patience,
    random: Random,
) -> None:
    """Write down how an attempt ended and do what follows. A lost lease (we were too slow) is noted only."""
    incident = incidents.lock(tx, [owed.incident_id]).get(owed.incident_id)
    if incident is None:
        return
    reference = outcome.reference if isinstance(outcome, Receipt) else ""
    if not notifications.holds(tx, owed.id, owner):
        notifications.note_late(tx, owed, outcome=outcome_word(outcome), reference=reference)
        return
    move = next_move(owed, outcome, patience, now=tx.now, random=_fraction(random))
    notifications.finish(tx, owed, move, outcome=outcome_word(outcome), reference=reference)
    incidents.add_events(tx, [_event(owed, outcome, move, tx.now)])
    _riders(tx, owed, owner, move)
    if owed.reason in NOTICES or incident.state not in PAGEABLE:
        return
    if move.fallback and not owed.fell_back:
        fall_back(tx, owed, people, random)
    if move.progress is Progress.FAILED and notifications.step_has_failed(tx, owed):
        hasten_step(tx, incident, owed)


def _riders(tx: Transaction, owed: Owed, owner: str, move: NextMove) -> None:
    """What the message told of besides shares its fate: told with it, or kept for the next one."""
    for rider in bundling.riders_of(tx, owed, owner):
        if move.progress is not Progress.SENT:
            bundling.untold(tx, rider, due_at=max(move.due_at, tx.now))
            continue
        bundling.told(tx, rider, f"told of in message {owed.uid}")
        text = f"{rider.person}/{rider.contact} was told of it in a message about another incident: too many messages"
        incidents.add_events(tx, [Event(rider.incident_id, tx.now, Kind.SENT, text)])


def fall_back(tx: Transaction, owed: Owed, people: People, random: Random) -> None:
    """Page the same person at their next contact, if there is one that this step has not asked.

    A contact that the person's rules keep for later is asked now.
    """
    kept = notifications.bring_forward(tx, owed)
    if kept is not None:
        text = f"{owed.person}/{owed.contact} does not work out: paging {owed.person}/{kept} now"
        incidents.add_events(tx, [Event(owed.incident_id, tx.now, Kind.FALLBACK, text)])
        return
    contact = next_contact(people.get(owed.person), notifications.used_contacts(tx, owed))
    if contact is None:
        return
    places = [(owed.cycle, owed.step, owed.person, contact.name, new_uid(random))]
    notifications.add(tx, notifications.rows_for(owed.incident_id, owed.rank, Reason.FALLBACK, places))
    text = f"{owed.person}/{owed.contact} does not work out: paging {owed.person}/{contact.name} too"
    incidents.add_events(tx, [Event(owed.incident_id, tx.now, Kind.FALLBACK, text)])


def hasten_step(tx: Transaction, incident: Incident, owed: Owed) -> None:
    """Wait no longer for a step none of whose pages arrived."""
    hastened = hasten(incident, cycle=owed.cycle, step_number=owed.step, now=tx.now)
    if hastened is incident:
        return
    incidents.save(tx, hastened)
    text = f"step {owed.step} reached nobody: the next step is not waited for"
    incidents.add_events(tx, [Event(incident.id, tx.now, Kind.NOBODY, text)])


def _event(owed: Owed, outcome: Outcome, move: NextMove, now: float) -> Event:
    to = f"{WORDS.get(owed.reason, 'page')} to {owed.person}/{owed.contact}"
    if isinstance(outcome, Receipt):
        twice = " (may be a duplicate, and says so)" if owed.unknowns else ""
        return Event(owed.incident_id, now, Kind.SENT, f"{to} accepted by the provider{twice}")
    if move.progress is Progress.FAILED:
        return Event(owed.incident_id, now, Kind.FAILED, f"{to} failed: {move.why}")
    if isinstance(outcome, Retry):
        return Event(owed.incident_id, now, Kind.RETRY, f"{to} not accepted, next try follows: {move.why}")
    return Event(owed.incident_id, now, Kind.UNKNOWN, f"{to} may or may not have arrived: {move.why}")


def _fraction(random: Random) -> float:
    return int.from_bytes(random(4)) / 2**32
