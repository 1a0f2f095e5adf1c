"""What a message says, line by line, for somebody who was asleep: what, how bad, where, since when, what else. Pure."""

import re
from collections.abc import Iterator

from alert_webhook.delivery.channel import IncidentView, Message, Reason
from alert_webhook.delivery.plain import ago, clean, clock_time, counted, cut, span
from alert_webhook.incidents.title import MAX_CHARACTERS, summary
from alert_webhook.oncall.wall import Zone
from alert_webhook.watch.trouble import OWN, Name

MAX_DETAIL = 80  # so that what is open beside it still fits
MAX_BY = 80
STATES = {
    Reason.RESOLVED: "RESOLVED",
    Reason.TEST: "TEST",
    Reason.REMINDER: "STILL YOURS?",
    Reason.DIGEST: "DIGEST",
    Reason.HANDOVER: "ON CALL",
}
TRIAL_INTEGRATION, TRIAL_NAME = "test", "Test page"  # of the alert that `heronwatch webhook test` makes
DUPLICATE = "You may have got this already: whether the last attempt reached you is not known."
ANSWERED = frozenset({Reason.DIGEST, Reason.HANDOVER})  # they are about no trouble: there is nothing to begin or end


def headline(message: Message) -> str:
    """Return what the message is about in one line: "CRITICAL UpsOnBattery · ups-1 [K7QF]"."""
    incident, title = message.incident, title_of(message)
    if message.words.title:
        return _marked(message)
    if message.reason is Reason.DIGEST:
        return f"{STATES[message.reason]} {title}"
    word = STATES.get(message.reason, incident.severity.upper() or "ALERT")
    if is_test(message) and message.reason is not Reason.RESOLVED:
        word = STATES[Reason.TEST]
    return f"{clean(word)} {title} [{incident.code}]"


def _marked(message: Message) -> str:
    """Return a template's title with what it must not leave out: that it is a test or over, and the code."""
    title, code = message.words.title, f"[{message.incident.code}]"
    word = STATES.get(message.reason) or (STATES[Reason.TEST] if is_test(message) else "")
    if word and not re.search(rf"(?<!\w){re.escape(word)}(?!\w)", title):
        title = f"{word} {title}"
    return title if message.incident.code in title else f"{title} {code}"


def title_of(message: Message) -> str:
    """Return the incident's title; our own messages about a schedule are named after it."""
    incident = message.incident
    test, change = own(incident, Name.SHIFT_TEST), own(incident, Name.HANDOVER)
    kind = "shift test unanswered" if message.step > 1 else "shift test"
    return cut(f"{kind} · {test}" if test else change or incident.title, MAX_CHARACTERS)


def is_test(message: Message) -> bool:
    """Return whether nothing is wrong, and only the way to the person is tried."""
    incident = message.incident
    tried = (incident.integration, incident.labels.get("alertname")) == (TRIAL_INTEGRATION, TRIAL_NAME)
    mine = message.step <= 1 and bool(own(incident, Name.SHIFT_TEST))  # later steps: whose shift it is did not answer
    return tried or mine or message.reason is Reason.TEST


def own(incident: IncidentView, name: Name) -> str:
    """Return the schedule that one of our own messages of this name is about, "" where it is none."""
    ours = incident.integration == OWN and incident.labels.get("alertname") == name.value
    return incident.labels.get("schedule", "") if ours else ""


def lines_of(message: Message, *, digest_lines: int = 20) -> Iterator[str]:
    """Yield what stands below the headline."""
    if message.reason is Reason.DIGEST:
        yield from _listed(message.incident, digest_lines)
        return
    if message.words.text:
        yield from message.words.text.splitlines()
        return
    if message.reason is not Reason.RESOLVED:
        yield from _alerts(message)
    yield from notes(message)
    for line in message.context:
        yield f"Also: {cut(line, MAX_DETAIL)}"


def notes(message: Message) -> Iterator[str]:
    """Yield what the incident's own alerts do not say: since when, until when, who has it, what is behind it."""
    incident, now, zone = message.incident, message.sent_at, Zone(message.recipient.time_zone)
    behind = counted(incident.folded_total, "incident") if incident.folded_total else ""
    if message.reason in ANSWERED:
        return
    if message.reason is Reason.RESOLVED:
        yield over(incident, now, zone)
        if behind:
            yield f"{behind} behind it: what still fires pages by itself"
        return
    if message.reason is Reason.REMINDER:
        yield "Acknowledge again to keep it, else it pages again"
    if is_test(message):
        return
    yield f"Began {clock_time(incident.began_at, now, zone)}, {ago(now - incident.began_at)}"
    if behind:
        yield f"{behind} suppressed behind it"


def over(incident: IncidentView, now: float, zone: Zone) -> str:
    """Return how an incident ended."""
    ended_at = now if incident.resolved_at is None else incident.resolved_at
    words = f"Over since {clock_time(ended_at, now, zone)}, after {span(max(0.0, ended_at - incident.began_at))}"
    if incident.firing:
        return f"{words}, by hand: {counted(incident.firing, 'alert')} still firing"
    if incident.state == "expired":
        return f"{words}: nothing was heard of it any more"
    return f"{words}; {cut(incident.acked_by, MAX_BY)} had it" if incident.acked_by else words


def firing(incident: IncidentView) -> str:
    """Return how many alerts fire, of how many there were."""
    if incident.firing == incident.total:
        return f"{counted(incident.firing, 'alert')} firing"
    return f"{incident.firing} of {counted(incident.total, 'alert')} firing"


def _alerts(message: Message) -> Iterator[str]:
    """Yield how many alerts there are and what the first says, where that is more than the headline says."""
    incident = message.incident
    words = [summary(first.name, first.labels, first.annotations) for first in incident.alerts[:1]]
    details = [cut(each, MAX_DETAIL) if message.context else clean(each) for each in words if each != incident.title]
    number = [firing(incident)] if incident.firing > 1 else []
    line = ", such as: ".join([*number, *details])
    if line:
        yield line


def _listed(incident: IncidentView, most: int) -> Iterator[str]:
    shown = incident.alerts[:most]
    for alert in shown:
        yield clean(summary(alert.name, alert.labels, alert.annotations))
    if incident.total > len(shown):
        yield f"and {incident.total - len(shown)} more"
