"""Choosing what is sent next: due messages get a lease and an attempt, or a reason why not."""

from collections.abc import Collection, Sequence

from msgspec.structs import replace

from alert_webhook.delivery.bundle import also_lines
from alert_webhook.delivery.channel import NOTICES, Decision, IncidentView, Message, Reason, Recipient
from alert_webhook.delivery.following import fall_back
from alert_webhook.delivery.owed import Owed, Progress
from alert_webhook.delivery.round import Desk, GivenUp, Job, Round, obsolete
from alert_webhook.delivery.throttle import HARDLY_HELD_BACK
from alert_webhook.incidents.digesting import view_of
from alert_webhook.incidents.incident import Incident
from alert_webhook.incidents.timeline import Event, Kind
from alert_webhook.incidents.transitions import PAGEABLE
from alert_webhook.oncall.people import Person
from alert_webhook.oncall.reading import UTC
from alert_webhook.oncall.wall import Zone
from alert_webhook.shadow.realm import in_shadow
from alert_webhook.store import bundling, incidents, notifications, shadowed, views
from alert_webhook.store.attempts import Lease
from alert_webhook.store.database import Transaction
from alert_webhook.watch.trouble import OWN

MAX_UNKNOWNS = 5  # a message that keeps killing its sender is given up
IN_FLIGHT_WAIT_S = 2.0  # a resolve notice waits for the page that it follows
OWNER_BYTES = 8
MAX_CONTEXT = 3  # lines that fit into a text message
MOST_RIDERS = 20_000  # messages that one message tells of besides: a second or two to write down


def claim(tx: Transaction, desk: Desk, limit: int, *, spared: Collection[int] = ()) -> list[Job]:
    """Lease up to `limit` due messages; what nobody needs any more is cancelled, what may not go out now waits.

    Those of `spared` are this process's own, on their way: a clock that jumped makes none of them abandoned.
    """
    due = notifications.lock_due(tx, limit, spared=spared)
    if not due:
        return []
    jobs: list[Job] = []
    this = Round(tx, desk, due)
    for owed in due:
        if owed.id in this.taken:
            continue  # a message before it tells of it
        incident = this.incidents.get(owed.incident_id)
        job = _job(tx, this, owed, incident) if incident else None
        if job is not None:
            jobs.append(job)
    this.write(tx)
    return jobs


def _job(tx: Transaction, this: Round, owed: Owed, incident: Incident) -> Job | None:
    if _ended(tx, this, owed, incident):
        return None
    message = _message(tx, this, owed, incident)
    decision = _ask(tx, this, owed, message)
    if not decision.send:
        _keep(tx, this, owed, incident, decision)
        return None
    return _lease(tx, this, owed, message)


def _ended(tx: Transaction, this: Round, owed: Owed, incident: Incident) -> bool:
    """End or put off what is not sent now whatever the gate says; return whether that is so."""
    why = obsolete(owed, incident)
    if why:
        notifications.drop(tx, owed, Progress.CANCELLED, why)
        _tell(tx, owed, Kind.CANCELLED, f"page to {owed.person}/{owed.contact} cancelled: {why}")
        return True
    if owed.unknowns >= MAX_UNKNOWNS:
        notifications.drop(tx, owed, Progress.FAILED, "given up: every attempt ended without an answer")
        _tell(tx, owed, Kind.FAILED, f"page to {owed.person}/{owed.contact} given up: no attempt was answered")
        fall_back(tx, owed, this.people, this.desk.random)
        _say_given_up(this, owed, incident, "every attempt ended without an answer")
        return True
    if owed.reason is Reason.RESOLVED:
        return _waits_or_is_old(tx, this, owed)
    return owed.reason not in NOTICES and _expired(tx, this, owed, incident)


def _expired(tx: Transaction, this: Round, owed: Owed, incident: Incident) -> bool:
    """Give up a page that a provider's outage kept for too long: its fallback was asked, and the steps went on.

    What a throttle keeps is never given up: it is told of in another message.
    """
    late_s = tx.now - owed.created_at
    bundled = (owed.person, owed.contact) in this.crowded
    if bundled or not owed.fell_back or late_s <= this.desk.config.delivery.give_up_after:
        return False
    notifications.drop(tx, owed, Progress.FAILED, f"given up: {late_s / 60:.0f} min late")
    _say_given_up(this, owed, incident, f"{late_s / 60:.0f} min late")
    _tell(tx, owed, Kind.FAILED, f"page to {owed.person}/{owed.contact} given up: {late_s / 60:.0f} min late")
    return True


def _say_given_up(this: Round, owed: Owed, incident: Incident, why: str) -> None:
    channel = _recipient(this.people.get(owed.person), owed).channel
    this.desk.given_up(GivenUp(owed=owed, code=incident.code, channel=channel, why=why))


def _waits_or_is_old(tx: Transaction, this: Round, owed: Owed) -> bool:
    """Put off a resolve notice while the page that it follows is on its way; drop one that is old news."""
    this.write(tx)  # that page may be one of this round's
    if notifications.page_in_flight(tx, owed):
        notifications.postpone(tx, owed, until=tx.now + IN_FLIGHT_WAIT_S, why="a page is on its way", fell_back=False)
        return True
    if tx.now - owed.created_at > this.desk.config.delivery.give_up_after:
        notifications.drop(tx, owed, Progress.CANCELLED, "old news: it was over long ago")
        return True
    return False


def _ask(tx: Transaction, this: Round, owed: Owed, message: Message) -> Decision:
    if not message.recipient.channel:
        return Decision(send=True)  # to nobody: the attempt fails, and what follows from a failure follows
    return this.desk.gate.ask(message, this.recent(tx, owed), tx.now)


def _keep(tx: Transaction, this: Round, owed: Owed, incident: Incident, decision: Decision) -> None:
    """Keep a message that may not go out yet.

    What follows a critical one that a throttle keeps, for the same contact, is kept with it, all at once: there may be
    thousands.
    """
    if not decision.reason.startswith(bundling.HELD_BACK):
        _postpone(tx, this, owed, decision)
        return
    this.crowded.add((owed.person, owed.contact))
    if incident.severity not in HARDLY_HELD_BACK:
        _postpone(tx, this, owed, decision)
        return
    notifications.postpone(tx, owed, until=decision.again_at, why=decision.reason, fell_back=owed.fell_back)
    shadows = this.desk.config.shadows()  # nothing about them may ride with what goes out
    spared = (*shadows, OWN) if shadows else ()
    bundling.hold_back(tx, owed, until=decision.again_at, why=decision.reason, spared=spared)


def _postpone(tx: Transaction, this: Round, owed: Owed, decision: Decision) -> None:
    """Keep one message; a page looks for another way once it has waited too long."""
    patience_ends = owed.created_at + this.desk.config.delivery.fallback_after
    pages = owed.reason not in NOTICES
    if pages and not owed.fell_back and tx.now >= patience_ends:
        fall_back(tx, owed, this.people, this.desk.random)
        notifications.postpone(tx, owed, until=decision.again_at, why=decision.reason, fell_back=True)
        return
    until = min(decision.again_at, patience_ends) if pages and not owed.fell_back else decision.again_at
    notifications.postpone(tx, owed, until=until, why=decision.reason, fell_back=owed.fell_back)


def _lease(tx: Transaction, this: Round, owed: Owed, message: Message) -> Job:
    desk, channel = this.desk, message.recipient.channel
    lease = Lease(
        owed=owed,
        owner=desk.random(OWNER_BYTES).hex(),
        until=tx.now + desk.config.delivery.lease,
        channel=channel or "none",
    )
    this.lease(lease)
    tells = bool(channel) and not message.shadow  # else nobody would hear of the riders
    riders = _riders(tx, this, lease) if tells and (owed.person, owed.contact) in this.crowded else []
    also, bundled = _also(tx, riders, owed)
    complete = replace(
        message,
        context=(*also, *message.context)[:MAX_CONTEXT],
        bundled=bundled,
        possible_duplicate=lease.unknowns > 0,
        ack_url=this.ack_url(tx, owed) if channel else "",
    )
    return Job(
        owed=lease.owed_now(),
        message=complete,
        channel=channel,
        owner=lease.owner,
        claimed_at=desk.claimed_at,
        riders=tuple(rider.id for rider in riders),
        hopeless=this.hopeless(message.recipient) if tells and owed.reason is not Reason.TEST else "",
    )


def _riders(tx: Transaction, this: Round, lease: Lease) -> list[Owed]:
    """Return what the throttle kept back for the same contact, leased with the message that tells of it."""
    found = bundling.lock_held_back(tx, lease.owed, MOST_RIDERS)
    riders = [rider for rider in found if rider.id not in this.taken]
    bundling.ride(tx, riders, lease.owed, owner=lease.owner, until=lease.until)
    this.taken.update(rider.id for rider in riders)
    return riders


def _also(tx: Transaction, riders: Sequence[Owed], owed: Owed) -> tuple[tuple[str, ...], int]:
    """Return the lines that tell of what the throttle kept back, and how many incidents of it want an answer."""
    told = bundling.told_of(tx, {rider.incident_id for rider in riders} - {owed.incident_id})
    return also_lines(told), sum(each.state in PAGEABLE for each in told)


def _message(tx: Transaction, this: Round, owed: Owed, incident: Incident) -> Message:
    view, recipient = this.views[incident.id], _recipient(this.people.get(owed.person), owed)
    if owed.reason is Reason.DIGEST:
        view = view_of(tx, owed.cycle, view, this.desk.config, zone=Zone(recipient.time_zone))
    context, over = this.desk.config.context, owed.reason is Reason.RESOLVED
    return Message(
        id=owed.uid,
        incident=view,
        recipient=recipient,
        reason=owed.reason,
        step=owed.step,
        attempt=owed.attempts + 1,
        sent_at=tx.now,
        context=() if over else views.context_lines(tx, view, context.labels, lines=context.lines),
        shadow=_kept_back(tx, this, owed, view),
    )


def _kept_back(tx: Transaction, this: Round, owed: Owed, view: IncidentView) -> bool:
    """Return whether a message ends before its channel. An all-clear goes to whom a page went, whatever is so now."""
    if owed.reason is Reason.DIGEST:
        return in_shadow(this.desk.config, view)  # by what it tells of
    shadow = owed.incident_id in this.shadows
    return shadowed.only_on_paper(tx, owed, shadow=shadow) if owed.reason is Reason.RESOLVED else shadow


def _recipient(person: Person | None, owed: Owed) -> Recipient:
    contact = person.contact(owed.contact) if person else None
    return Recipient(
        person=owed.person,
        name=person.name if person else owed.person,
        contact=owed.contact,
        channel=contact.channel if contact else "",
        address=contact.address if contact else "",
        time_zone=person.time_zone if person else UTC,
    )


def _tell(tx: Transaction, owed: Owed, kind: Kind, text: str) -> None:
    incidents.add_events(tx, [Event(owed.incident_id, tx.now, kind, text)])
