"""What a person asks for an incident, in one shape for the ack page, the pages and the API."""

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

from alert_webhook.incidents import actions
from alert_webhook.incidents.actions import Acted, Answer
from alert_webhook.parts import Parts
from heronwatch.values import Duration

SNOOZES = ("30m", "1h", "4h", "12h")  # what the pages offer


class Action(StrEnum):
    """What can be asked; the words of the forms."""

    ACK = "ack"
    RESOLVE = "resolve"
    REASSIGN = "reassign"
    SNOOZE = "snooze"
    NOTE = "note"
    ESCALATE = "escalate"


class Wish(Struct, frozen=True):
    """What is asked, with what it needs."""

    action: Action
    to: str = ""  # reassign: "ana", "ana/phone" or "schedule:network"
    until: float = 0.0  # snooze: Unix seconds
    text: str = ""  # note


def do(parts: Parts, incident_id: int, wish: Wish, *, who: str, via: str) -> Acted:
    """Do what is asked. StoreUnavailableError when the database cannot take it now."""
    match wish.action:
        case Action.ACK:
            return actions.acknowledge(parts, incident_id, who=who, via=via)
        case Action.RESOLVE:
            return actions.resolve(parts, incident_id, who=who, via=via)
        case Action.REASSIGN:
            return actions.reassign(parts, incident_id, to=wish.to, who=who, via=via)
        case Action.SNOOZE:
            return actions.snooze(parts, incident_id, until=wish.until, who=who, via=via)
        case Action.NOTE:
            return actions.note(parts, incident_id, text=wish.text, who=who, via=via)
        case Action.ESCALATE:
            return actions.escalate_now(parts, incident_id, who=who, via=via)


def wish_of(form: Mapping[str, str], now: float) -> Wish | None:
    """Return what a form of our pages asks for, None where it asks for nothing that we know."""
    word = form.get("action", "")
    if word not in set(Action):
        return None
    try:
        until = until_from(form.get("for", "0"), now)
    except ValueError:
        return None
    return Wish(Action(word), to=form.get("to", ""), until=until, text=form.get("text", ""))


def until_from(text: str, now: float) -> float:
    """Return when a snooze of this duration ends; ValueError where it is none."""
    return now + float(Duration.parse(text))


def words_for(done: Acted) -> str:
    """Return what the page says above the incident after something was asked, "" where the page shows it itself.

    >>> words_for(Acted(Answer.OVER, None))
    'It was over already: nothing changed.'
    """
    if done.answer in {Answer.OVER, Answer.UNKNOWN}:
        return "It was over already: nothing changed."
    if done.answer is Answer.REFUSED:
        return f"That cannot be done: {done.why}."
    if done.answer is Answer.ALREADY and done.incident is not None:
        return f"This was acknowledged already, by {done.incident.acked_by}."
    return ""
