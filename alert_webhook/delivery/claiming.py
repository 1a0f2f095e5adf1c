"""Choosing what is sent next: due messages get a lease and an attempt, or a reason why not."""

from collections.abc import Callable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from alert_webhook.capability import new_token
from alert_webhook.config import Config
from alert_webhook.delivery.channel import NOTICES, Decision, Gate, Message, Reason, Recipient
from alert_webhook.delivery.following import fall_back
from alert_webhook.delivery.owed import Owed, Progress
from alert_webhook.incidents.digesting import view_of
from alert_webhook.incidents.incident import Incident
from alert_webhook.incidents.timeline import Event, Kind
from alert_webhook.incidents.transitions import PAGEABLE, State
from alert_webhook.oncall.people import Person
from alert_webhook.store import bundling, incidents, links, notifications, views
from alert_webhook.store.database import Transaction

MAX_UNKNOWNS = 5  # a message that keeps killing its sender is given up
IN_FLIGHT_WAIT_S = 2.0  # a resolve notice waits for the page that it follows
RECENT_S = 3 * 3600.0  # how far back throttles look
OWNER_BYTES = 8
MAX_CONTEXT = 3  # lines that fit into a text message
MOST_RIDERS = 50  # messages that one message tells of besides
CODES_TOLD = 12
ABOUT_ITSELF = frozenset({Reason.RESOLVED, Reason.DIGEST, Reason.HANDOVER})  # nothing to acknowledge


class Job(Struct, frozen=True, kw_only=True):
    """One attempt that somebody now holds the lease of. `channel` is "" where the contact no longer exists."""

    owed: Owed
    message: Message
    channel: str
    owner: str
    riders: tuple[int, ...] = ()  # notifications that this message tells of, too


class Desk(Struct, frozen=True):
    """What is needed to decide about messages."""

    config: Config
    gate: Gate
    random: Callable[[int], bytes]
    public_url: str


def claim(tx: Transaction, desk: Desk, limit: int) -> list[Job]:
    """Lease up to `limit` due messages; what nobody needs any more is cancelled, what may not go out now waits."""
    jobs: list[Job] = []
    for owed in notifications.lock_due(tx, limit):
        if any(owed.id in job.riders for job in jobs):
            continue  # a message before it tells of it
        incident = incidents.get(tx, owed.incident_id)
        job = _job(tx, desk, owed, incident) if incident else None
        if job is not None:
            jobs.append(job)
    return jobs


def obsolete(owed: Owed, incident: Incident | None) -> str:
    """Return why nobody needs this message any more, "" if somebody does."""
    if incident is None:
        return "the incident is gone"
    if owed.reason in ABOUT_ITSELF or incident.state in PAGEABLE:
        return ""
    if owed.reason is Reason.REMINDER and incident.state is State.ACKNOWLEDGED:
        return ""
    return f"the incident is {incident.state.value}"


def _job(tx: Transaction, desk: Desk, owed: Owed, incident: Incident) -> Job | None:
    why = obsolete(owed, incident)
    if why:
        notifications.drop(tx, owed, Progress.CANCELLED, why)
        _tell(tx, owed, Kind.CANCELLED, f"page to {owed.person}/{owed.contact} cancelled: {why}")
        return None
    if owed.unknowns >= MAX_UNKNOWNS:
        notifications.drop(tx, owed, Progress.FAILED, "given up: every attempt ended without an answer")
        _tell(tx, owed, Kind.FAILED, f"page to {owed.person}/{owed.contact} given up: no attempt was answered")
        fall_back(tx, owed, desk.config.persons(), desk.random)
        return None
    if owed.reason is Reason.RESOLVED and notifications.page_in_flight(tx, owed):
        notifications.postpone(tx, owed, until=tx.now + IN_FLIGHT_WAIT_S, why="a page is on its way", fell_back=False)
        return None
    if owed.reason is Reason.RESOLVED and tx.now - owed.created_at > desk.config.delivery.give_up_after:
        notifications.drop(tx, owed, Progress.CANCELLED, "old news: it was over long ago")
        return None
    message = _message(tx, desk, owed, incident)
    decision = _ask(tx, desk, owed, message)
    if not decision.send:
        _postpone(tx, desk, owed, decision)
        return None
    return _lease(tx, desk, owed, message)


def _ask(tx: Transaction, desk: Desk, owed: Owed, message: Message) -> Decision:
    if not message.recipient.channel:
        return Decision(send=True)  # to nobody: the attempt fails, and what follows from a failure follows
    recent = notifications.recently_sent(tx, owed.person, owed.contact, tx.now - RECENT_S)
    return desk.gate.ask(message, recent, tx.now)


def _postpone(tx: Transaction, desk: Desk, owed: Owed, decision: Decision) -> None:
    """Keep a message that may not go out yet; a page looks for another way once it has waited too long."""
    patience_ends = owed.created_at + desk.config.delivery.fallback_after
    pages = owed.reason not in NOTICES
    if pages and not owed.fell_back and tx.now >= patience_ends:
        fall_back(tx, owed, desk.config.persons(), desk.random)
        notifications.postpone(tx, owed, until=decision.again_at, why=decision.reason, fell_back=True)
        return
    until = min(decision.again_at, patience_ends) if pages and not owed.fell_back else decision.again_at
    notifications.postpone(tx, owed, until=until, why=decision.reason, fell_back=owed.fell_back)


def _lease(tx: Transaction, desk: Desk, owed: Owed, message: Message) -> Job:
    owner = desk.random(OWNER_BYTES).hex()
    channel = message.recipient.channel
    leased = notifications.lease(
        tx, owed, owner=owner, until=tx.now + desk.config.delivery.lease, channel=channel or "none"
    )
    riders = bundling.lock_held_back(tx, owed, MOST_RIDERS) if channel else []
    bundling.ride(tx, riders, owed, owner=owner, until=tx.now + desk.config.delivery.lease)
    complete = replace(
        message,
        context=(*_also(tx, riders), *message.context)[:MAX_CONTEXT],
        possible_duplicate=leased.unknowns > 0,
        ack_url=_ack_url(tx, desk, owed) if channel else "",
    )
    told = tuple(rider.id for rider in riders)
    return Job(owed=leased, message=complete, channel=channel, owner=owner, riders=told)


def _also(tx: Transaction, riders: Sequence[Owed]) -> tuple[str, ...]:
    """Return the line that tells of what the throttle kept back: how many incidents, and the codes to answer with."""
    known = incidents.read_many(tx, sorted({rider.incident_id for rider in riders}))
    waiting = [incident.code for incident in known.values() if incident.state in PAGEABLE]
    over = len(known) - len(waiting)
    said = [f"{len(waiting)} more incident(s): {', '.join(waiting[:CODES_TOLD])}"] if waiting else []
    said += [f"{over} more ended"] if over else []
    return ("; ".join(said),) if said else ()


def _ack_url(tx: Transaction, desk: Desk, owed: Owed) -> str:
    if not desk.public_url or owed.reason in ABOUT_ITSELF:
        return ""
    token = new_token(desk.random)
    expires_at = tx.now + desk.config.delivery.link_expires_after
    links.add(tx, token, incident_id=owed.incident_id, person=owed.person, contact=owed.contact, expires_at=expires_at)
    return f"{desk.public_url}/a/{token}"


def _message(tx: Transaction, desk: Desk, owed: Owed, incident: Incident) -> Message:
    view = views.incident_view(tx, incident)
    if owed.reason is Reason.DIGEST:
        view = view_of(tx, owed.cycle, view, desk.config)
    context = desk.config.context
    return Message(
        id=owed.uid,
        incident=view,
        recipient=_recipient(desk.config.persons().get(owed.person), owed),
        reason=owed.reason,
        step=owed.step,
        attempt=owed.attempts + 1,
        sent_at=tx.now,
        context=views.context_lines(tx, view, context.labels, lines=context.lines),
    )


def _recipient(person: Person | None, owed: Owed) -> Recipient:
    contact = person.contact(owed.contact) if person else None
    return Recipient(
        person=owed.person,
        name=person.name if person else owed.person,
        contact=owed.contact,
        channel=contact.channel if contact else "",
        address=contact.address if contact else "",
    )


def _tell(tx: Transaction, owed: Owed, kind: Kind, text: str) -> None:
    incidents.add_events(tx, [Event(owed.incident_id, tx.now, kind, text)])
