"""What follows from an attempt: the record, the next contact, the next step of escalation."""

from collections.abc import Callable, Sequence

from msgspec import Struct

from alert_webhook.delivery.channel import NOTICES, Outcome, Permanent, Reason, Receipt, Retry
from alert_webhook.delivery.owed import NextMove, Owed, Patience, Progress, next_move
from alert_webhook.escalation.step import hasten
from alert_webhook.incidents.effects import new_uid
from alert_webhook.incidents.incident import Incident
from alert_webhook.incidents.timeline import Event, Kind
from alert_webhook.incidents.transitions import PAGEABLE
from alert_webhook.oncall.people import People, next_contact
from alert_webhook.shadow.channels import TAKEN
from alert_webhook.store import attempts, bundling, incidents, notifications
from alert_webhook.store.attempts import Ending, Holder
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
    """Return the word for an outcome that metrics use."""
    return OUTCOMES.get(type(outcome), "unknown")


def stored_word(outcome: Outcome) -> str:
    """Return the word for an outcome in the table of attempts: "refused" where it is us that the provider refuses."""
    return "refused" if isinstance(outcome, Permanent) and outcome.refused_us else outcome_word(outcome)


class Ended(Struct, frozen=True, kw_only=True):
    """How one attempt ended, as its holder `owner` says."""

    owed: Owed
    outcome: Outcome
    owner: str
    channel: str = ""
    address: str = ""
    riders: tuple[int, ...] = ()  # notifications that its message tells of, too

    @property
    def holder(self) -> Holder:
        """Return whose lease it was."""
        return self.owed.id, self.owner


class Refused(Struct, frozen=True, kw_only=True):
    """An attempt that was not accepted, and what follows it. `code` is the incident's."""

    ended: Ended
    code: str
    move: NextMove
    now: float  # by the database's clock, as the move's times


class Rules(Struct, frozen=True, kw_only=True):
    """What decides about what follows."""

    people: People
    patience: Patience
    random: Random


def record(tx: Transaction, ended: Sequence[Ended], rules: Rules) -> list[Refused]:
    """Write down how attempts ended and do what follows; return those that were not accepted.

    A lost lease (we were too slow) is noted only; of two attempts at one message that end together at most one has it.
    """
    known = incidents.lock(tx, [each.owed.incident_id for each in ended])
    there = [each for each in sorted(ended, key=lambda one: one.owed.id) if each.owed.incident_id in known]
    holders = attempts.lock_held(tx, {each.holder for each in there})
    held = [each for each in there if each.holder in holders]
    for each in there:
        if each.holder not in holders:
            attempts.note_late(tx, each.owed, outcome=stored_word(each.outcome), reference=_reference(each.outcome))
    telling = {each.owed.id: each.owner for each in held if each.riders}
    riders = bundling.riders_of(tx, telling) if telling else {}
    endings = [(each, _ending(each, rules, tx.now)) for each in held]
    attempts.finish(tx, [ending for _, ending in endings])
    incidents.add_events(tx, [_event(each.owed, each.outcome, ending.move, tx.now) for each, ending in endings])
    for each, ending in endings:
        _riders(tx, each.owed, riders.get(each.owed.id, ()), ending.move)
        _follow(tx, ending, known, rules)
    return [
        Refused(ended=each, code=known[each.owed.incident_id].code, move=ending.move, now=tx.now)
        for each, ending in endings
        if ending.move.progress is not Progress.SENT
    ]


def _ending(ended: Ended, rules: Rules, now: float) -> Ending:
    move = next_move(ended.owed, ended.outcome, rules.patience, now=now, random=_fraction(rules.random))
    word, reference = stored_word(ended.outcome), _reference(ended.outcome)
    return Ending(owed=ended.owed, move=move, outcome=word, reference=reference)


def _reference(outcome: Outcome) -> str:
    return outcome.reference if isinstance(outcome, Receipt) else ""


def _follow(tx: Transaction, ending: Ending, known: dict[int, Incident], rules: Rules) -> None:
    """Ask the next contact, or the next step, where a page did not arrive."""
    owed, move = ending.owed, ending.move
    incident = known[owed.incident_id]
    if owed.reason in NOTICES or incident.state not in PAGEABLE:
        return
    if move.fallback and not owed.fell_back:
        fall_back(tx, owed, rules.people, rules.random)
    if move.progress is Progress.FAILED and notifications.step_has_failed(tx, owed):
        known[incident.id] = hasten_step(tx, incident, owed)


def _riders(tx: Transaction, owed: Owed, riders: Sequence[Owed], move: NextMove) -> None:
    """What the message told of besides shares its fate: told with it, or kept for the next one."""
    if move.progress is not Progress.SENT:
        bundling.untold(tx, riders, due_at=max(move.due_at, tx.now))
        return
    bundling.told(tx, riders, f"told of in message {owed.uid}")
    text = f"{owed.person}/{owed.contact} was told of it in a message about another incident: too many messages"
    incidents.add_events(tx, [Event(rider.incident_id, tx.now, Kind.SENT, text) for rider in riders])


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


def hasten_step(tx: Transaction, incident: Incident, owed: Owed) -> Incident:
    """Wait no longer for a step none of whose pages arrived; return the incident as it is then."""
    hastened = hasten(incident, cycle=owed.cycle, step_number=owed.step, now=tx.now)
    if hastened is not incident:
        incidents.save(tx, hastened)
        text = f"step {owed.step} reached nobody: the next step is not waited for"
        incidents.add_events(tx, [Event(incident.id, tx.now, Kind.NOBODY, text)])
    return hastened


def _event(owed: Owed, outcome: Outcome, move: NextMove, now: float) -> Event:
    to = f"{WORDS.get(owed.reason, 'page')} to {owed.person}/{owed.contact}"
    if outcome == TAKEN:
        return Event(owed.incident_id, now, Kind.CANCELLED, f"{to} kept back (shadow mode: not sent)")
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
