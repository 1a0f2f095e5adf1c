"""A message as a call reads it out: short, and the code letter by letter. Pure."""

from alert_webhook.delivery.channel import Message, Reason
from alert_webhook.delivery.render import cut
from alert_webhook.incidents.title import summary

MAX_SEVERITY, MAX_TITLE, MAX_SUMMARY = 20, 120, 150  # characters; a person who was asleep keeps no more in mind


def speech(message: Message) -> str:
    """Return what a call says about the incident."""
    incident = message.incident
    words = ["Heronwatch."]
    if message.reason is Reason.RESOLVED:
        words.append("It is over.")
    elif message.reason is Reason.REMINDER:
        words.append("Is this still yours?")
    elif message.reason is Reason.TEST:
        words.append("This is a test.")
    else:
        words.append(f"{cut(incident.severity, MAX_SEVERITY) or 'Alert'}.")
    words.append(f"{cut(incident.title, MAX_TITLE)}.")
    if message.possible_duplicate:
        words.append("You may have had this call already.")
    if incident.alerts and message.reason is not Reason.RESOLVED:
        first = incident.alerts[0]
        words.append(f"{cut(summary(first.name, first.labels, first.annotations), MAX_SUMMARY)}.")
    if incident.firing > 1:
        words.append(f"{incident.firing} alerts.")
    return " ".join(words)


def spelled(code: str) -> str:
    """Return a code as it is read out.

    >>> spelled("K7QF")
    'K, 7, Q, F'
    """
    return ", ".join(code)
