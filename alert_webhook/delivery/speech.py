"""A message as a call reads it out: short, and the code letter by letter. Pure."""

from alert_webhook.delivery.channel import Message, Reason
from alert_webhook.delivery.plain import counted, cut, span
from alert_webhook.delivery.wording import is_test, title_of
from alert_webhook.incidents.title import summary

MAX_SEVERITY, MAX_TITLE, MAX_SUMMARY = 20, 120, 150  # characters; a person who was asleep keeps no more in mind
MAX_TEXT = 400  # characters of a template: half a minute of speech


def speech(message: Message) -> str:
    """Return what a call says about the incident, and how many others it is about besides."""
    besides = f" {counted(message.bundled, 'more incident')} wait for an answer." if message.bundled else ""
    return _about_one(message) + besides


def _about_one(message: Message) -> str:
    incident = message.incident
    if message.words.title or message.words.text:
        return _templated(message)
    words = ["Heronwatch.", _kind(message), f"{_aloud(title_of(message), MAX_TITLE)}."]
    if message.possible_duplicate:
        words.append("You may have had this call already.")
    if message.reason is Reason.RESOLVED:
        return " ".join(words)
    if incident.firing > 1:
        words.append(f"{counted(incident.firing, 'alert')} firing.")
    said = [summary(first.name, first.labels, first.annotations) for first in incident.alerts[:1]]
    words += [f"{_aloud(each, MAX_SUMMARY)}." for each in said if each != incident.title]
    began_s = message.sent_at - incident.began_at
    if began_s >= 60 and not is_test(message):
        words.append(f"It began {span(began_s)} ago.")
    if incident.folded_total:
        words.append(f"{counted(incident.folded_total, 'incident')} suppressed behind it.")
    return " ".join(words)


def _templated(message: Message) -> str:
    """Return a template's words as they are read out; what kind of message it is, and that it may repeat, stay."""
    title = message.words.title or title_of(message)
    words = ["Heronwatch.", _kind(message), f"{_aloud(title, MAX_TITLE)}."]
    if message.possible_duplicate:
        words.append("You may have had this call already.")
    if message.words.text and message.reason is not Reason.RESOLVED:
        words.append(f"{_aloud(message.words.text, MAX_TEXT)}.")
    return " ".join(words)


def _kind(message: Message) -> str:
    if message.reason is Reason.RESOLVED:
        return "It is over."
    if message.reason is Reason.REMINDER:
        return "Is this still yours?"
    if is_test(message):
        return "This is a test."
    return f"{cut(message.incident.severity, MAX_SEVERITY).capitalize() or 'Alert'}."


def _aloud(text: str, characters: int) -> str:
    """Return a text without the marks that a voice would read out, or fall silent at."""
    return cut(text.replace(" · ", ", "), characters).rstrip(".")


def spelled(code: str) -> str:
    """Return a code as it is read out.

    >>> spelled("K7QF")
    'K, 7, Q, F'
    """
    return ", ".join(code)
