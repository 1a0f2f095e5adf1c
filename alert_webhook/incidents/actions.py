"""What a person does to an incident."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import partial

from msgspec import Struct

from alert_webhook.config import Config
from alert_webhook.config_checks import unknown_target
from alert_webhook.delivery.channel import IncidentView
from alert_webhook.escalation.policy import Policy
from alert_webhook.incidents import effects
from alert_webhook.incidents import incident as changing
from alert_webhook.incidents.incident import Incident
from alert_webhook.incidents.rules import rules_for
from alert_webhook.incidents.timeline import Event, Kind
from alert_webhook.incidents.transitions import State
from alert_webhook.parts import Parts
from alert_webhook.store import incidents, views
from alert_webhook.store.database import Transaction

MAX_NOTE = 2000
TAKEN_AT_ONCE = 25  # incidents in one transaction: whoever else writes to a file waits for it
LONGEST_SNOOZE_S = 7 * 86_400.0


class Answer(StrEnum):
    """How an action went."""

    TAKEN = "taken"  # it is theirs now
    ALREADY = "already"  # somebody has it: see `acked_by`
    DONE = "done"  # what was asked for was done
    OVER = "over"  # the incident has ended
    UNKNOWN = "unknown"  # there is no such incident
    REFUSED = "refused"  # it cannot be done: `why` says what is wrong


class Acted(Struct, frozen=True):
    """The answer, the incident as it is now (None if there is none), and what is wrong with what was refused."""

    answer: Answer
    incident: IncidentView | None
    why: str = ""


Change = Callable[[Transaction, Incident], Answer]


def acknowledge(parts: Parts, incident_id: int, *, who: str, via: str) -> Acted:
    """Take an incident: escalation stops, pages that wait are cancelled. Asked twice, the second changes nothing.

    `who` is a person's or user's name; `via` says how ("link to ana/phone", "web page"). StoreUnavailableError when the
    database cannot take it now.
    """
    config = parts.settings()
    return _act(parts, incident_id, "acknowledge", lambda tx, subject: _acknowledge(tx, subject, config, (who, via)))


def acknowledge_all(parts: Parts, ids: Sequence[int], *, who: str, via: str) -> int:
    """Take all of these that are open and nobody has, some in each transaction; return how many that was."""
    config, taken = parts.settings(), 0

    def work(tx: Transaction, some: Sequence[int]) -> int:
        found = incidents.lock(tx, some).values()
        return sum(_acknowledge(tx, each, config, (who, via)) is Answer.TAKEN for each in found)

    for first in range(0, len(ids), TAKEN_AT_ONCE):
        some = ids[first : first + TAKEN_AT_ONCE]
        taken += parts.store.write(partial(work, some=some), "acknowledge")
    parts.wake()
    return taken


def resolve(parts: Parts, incident_id: int, *, who: str, via: str) -> Acted:
    """End an incident, whatever still fires in it: alerts that fire anew begin a new one."""
    config = parts.settings()

    def change(tx: Transaction, subject: Incident) -> Answer:
        ended = changing.resolve(subject, tx.now)
        if ended is None:
            return Answer.OVER
        why = f"resolved by {who}, {via}"
        effects.over(tx, ended, why, parts.random, tell=config.delivery.resolved, who=who)
        return Answer.DONE

    return _act(parts, incident_id, "resolve", change)


def reassign(parts: Parts, incident_id: int, *, to: str, who: str, via: str) -> Acted:
    """Give an incident to `to` ("ana", "ana/sms", "schedule:network"): they are paged now, then the policy goes on."""
    config = parts.settings()
    fault = unknown_target(to, config)
    if fault:
        return _refused(parts, incident_id, fault)

    def change(tx: Transaction, subject: Incident) -> Answer:
        given = changing.reassign(subject, to, _policy(config, subject), tx.now)
        if given is None:
            return Answer.OVER
        effects.taken(tx, given, Event(subject.id, tx.now, Kind.ASSIGNED, f"given to {to} by {who}, {via}", who))
        return Answer.DONE

    return _act(parts, incident_id, "reassign", change)


SNOOZE_BOUND = "a snooze ends within 7 days: `for` is 7d at most, `until` lies ahead by no more than that"


def snooze(parts: Parts, incident_id: int, *, until: float, who: str, via: str) -> Acted:
    """Take an incident until a Unix time; if it is open then, it escalates from the start."""
    if not 0 < until - parts.clock.now() <= LONGEST_SNOOZE_S:
        return _refused(parts, incident_id, SNOOZE_BOUND)
    zone = parts.settings().zone_of(who)

    def change(tx: Transaction, subject: Incident) -> Answer:
        asleep = changing.snooze(subject, who, until, tx.now)
        if asleep is None:
            return Answer.OVER
        text = f"snoozed until {zone.wall(until):%Y-%m-%d %H:%M} {zone.called(until)} by {who}, {via}"
        effects.taken(tx, asleep, Event(subject.id, tx.now, Kind.SNOOZED, text, who))
        return Answer.DONE

    return _act(parts, incident_id, "snooze", change)


def note(parts: Parts, incident_id: int, *, text: str, who: str, via: str) -> Acted:
    """Write a line into an incident's timeline, be it over or not."""
    line = " ".join(text.replace("\0", "").split())
    if not 0 < len(line) <= MAX_NOTE:
        return _refused(parts, incident_id, f"a note has 1 to {MAX_NOTE} characters")

    def change(tx: Transaction, subject: Incident) -> Answer:
        incidents.add_events(tx, [Event(subject.id, tx.now, Kind.NOTE, f"{line} ({via})", who)])
        return Answer.DONE

    return _act(parts, incident_id, "note", change)


def escalate_now(parts: Parts, incident_id: int, *, who: str, via: str) -> Acted:
    """Make the next step due now; whoever had the incident has it no longer."""
    config = parts.settings()

    def change(tx: Transaction, subject: Incident) -> Answer:
        hurried = changing.hurry(subject, _policy(config, subject), tx.now)
        if hurried is None:
            return Answer.OVER
        text = f"next step asked for by {who}, {via}"
        incidents.save(tx, hurried)
        incidents.add_events(tx, [Event(subject.id, tx.now, Kind.HURRIED, text, who)])
        return Answer.DONE

    return _act(parts, incident_id, "escalate", change)


def _act(parts: Parts, incident_id: int, name: str, change: Change) -> Acted:
    def work(tx: Transaction) -> Acted:
        subject = incidents.lock(tx, [incident_id]).get(incident_id)
        if subject is None:
            return Acted(Answer.UNKNOWN, None)
        answer = change(tx, subject)
        now = incidents.get(tx, incident_id) or subject
        return Acted(answer, views.incident_view(tx, now))

    done = parts.store.write(work, name)
    parts.wake()
    return done


def _refused(parts: Parts, incident_id: int, why: str) -> Acted:
    def work(tx: Transaction) -> Acted:
        subject = incidents.get(tx, incident_id)
        if subject is None:
            return Acted(Answer.UNKNOWN, None)
        return Acted(Answer.REFUSED, views.incident_view(tx, subject), why)

    return parts.store.read(work)


def _acknowledge(tx: Transaction, subject: Incident, config: Config, by: tuple[str, str]) -> Answer:
    who, via = by
    ends_at, remind_at = config.acknowledgement.times(tx.now)
    changed = changing.acknowledge(subject, who, tx.now, ends_at=ends_at, remind_at=remind_at)
    if changed is None:
        return Answer.OVER
    if changed is subject and subject.state is State.ACKNOWLEDGED:
        return Answer.ALREADY
    effects.taken(tx, changed, Event(subject.id, tx.now, Kind.ACKNOWLEDGED, f"acknowledged by {who}, {via}", who))
    return Answer.TAKEN


def _policy(config: Config, subject: Incident) -> Policy:
    """Return the incident's policy; one that was only recorded gets the one that the configuration says."""
    if subject.policy is not None:
        return subject.policy
    integration = config.integrations.get(subject.integration)
    if integration is None:
        return Policy("none", (), 0, 600.0)
    return rules_for(config, subject.integration, integration).policy_for(subject.labels)
