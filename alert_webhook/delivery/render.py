"""Puts a message into words: a text of a few SMS segments, a mail, a JSON payload. Pure.

Alert texts come from outside: control characters are taken out, lengths are bounded, HTML is escaped.
"""

import unicodedata
from collections.abc import Iterator
from functools import cache
from typing import Any

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from alert_webhook.delivery.channel import NOTICES, AlertView, Message, Reason
from alert_webhook.incidents.title import MAX_CHARACTERS, summary

# GSM 03.38: the basic alphabet, and the characters of its extension table, which take two septets
GSM_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_EXTENDED = frozenset("^{}\\[~]|€")
SEGMENT_SEPTETS = 153  # GSM 03.40: of a message in parts, after the header that joins them
MAX_SEGMENTS = 3
BUDGET = MAX_SEGMENTS * SEGMENT_SEPTETS - (MAX_SEGMENTS - 1)  # the two septets of "[" never stand in two segments
MAX_DETAIL = 90  # so that what is open beside it still fits
MAX_SUBJECT = 150
MAX_MAIL_ALERTS = 10
MAX_LINE = 300
MAX_DESCRIPTION = 1000
MAX_URL = 2000
PLAIN = {"·": "-", "–": "-", "—": "-", "…": "...", "“": '"', "”": '"', "‘": "'", "’": "'", "°": " deg "}  # noqa: RUF001
# by Unicode category: control, line and paragraph separators; format (direction, zero width); halves of characters
REPLACED = {"Cc": " ", "Zl": " ", "Zp": " ", "Cf": "", "Cs": "\ufffd"}
STATES = {
    Reason.RESOLVED: "RESOLVED",
    Reason.TEST: "TEST",
    Reason.REMINDER: "STILL YOURS?",
    Reason.DIGEST: "DIGEST",
    Reason.HANDOVER: "ON CALL",
}
DUPLICATE = "You may have got this already: whether the last attempt reached you is not known."


def clean(text: str) -> str:
    r"""Return a text on one line, without control and direction characters, and without halves of characters.

    >>> clean("link\r\nBcc: x\u202e")
    'link Bcc: x'
    """
    kept = (REPLACED.get(unicodedata.category(c), c) for c in text)
    return " ".join("".join(kept).split())


def cut(text: str, characters: int) -> str:
    """Return a text on one line, with "…" where something was cut.

    >>> cut("link down on a switch", 10)
    'link down…'
    """
    line = clean(text[: 4 * characters + 100])
    return line if len(line) <= characters else line[: characters - 1].rstrip() + "…"


def headline(message: Message) -> str:
    """Return what the message is about in one line: "CRITICAL UpsOnBattery · ups-1 [K7QF]"."""
    incident = message.incident
    word = STATES.get(message.reason, incident.severity.upper() or "ALERT")
    return f"{clean(word)} {cut(incident.title, MAX_CHARACTERS)} [{incident.code}]"


def sms(message: Message, *, links: bool, replies: bool = False) -> str:
    """Return the text of an SMS: at most three segments of the GSM alphabet, how to answer always whole."""
    ends = [f"Ack: {message.ack_url}"] if links and message.ack_url else []
    if replies and message.reason not in NOTICES:
        ends.append(f"Reply: ack {message.incident.code}")
    text = "\n".join(_sms_lines(message))
    body = fit(gsm(text), BUDGET - sum(septets(end) + 1 for end in ends))
    return "\n".join([body, *ends])


def _sms_lines(message: Message) -> Iterator[str]:
    yield headline(message)
    if message.possible_duplicate:
        yield "(may be a repeat)"
    yield from lines_of(message)


def lines_of(message: Message) -> Iterator[str]:
    """Yield what stands below the headline: the first alert, how many there are, what is open beside it."""
    if message.reason is Reason.RESOLVED:
        return
    incident = message.incident
    if incident.alerts:
        first = incident.alerts[0]
        detail = summary(first.name, first.labels, first.annotations)
        yield cut(detail, MAX_DETAIL) if message.context else clean(detail)
    if incident.firing > 1:
        yield f"{incident.firing} alerts firing"
    for line in message.context:
        yield f"Also: {cut(line, MAX_DETAIL)}"


def gsm(text: str) -> str:
    """Return a text in the GSM alphabet: accents it lacks are dropped, other characters become "?".

    >>> gsm("Łódź · 21 °C")
    '?odz - 21  deg C'
    """
    return "".join(_gsm_character(c) for c in text)


def _gsm_character(character: str) -> str:
    if character in GSM_BASIC or character in GSM_EXTENDED:
        return character
    plain = PLAIN.get(character)
    if plain is not None:
        return plain
    base = unicodedata.normalize("NFKD", character)[:1]
    return base if base in GSM_BASIC else "?"


def septets(text: str) -> int:
    """Return how many septets a text of the GSM alphabet takes."""
    return len(text) + sum(c in GSM_EXTENDED for c in text)


def fit(text: str, budget: int) -> str:
    """Cut a text of the GSM alphabet to a number of septets, with "..." where something was cut."""
    if septets(text) <= budget:
        return text
    kept, used = [], 3
    for character in text:
        used += 1 + (character in GSM_EXTENDED)
        if used > budget:
            break
        kept.append(character)
    return "".join(kept).rstrip() + "..."


class Mail(msgspec.Struct, frozen=True):
    """A mail in words: subject, plain text, HTML."""

    subject: str
    text: str
    html: str


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("alert_webhook.delivery", "templates"),
        autoescape=select_autoescape(enabled_extensions=("html",), default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def mail(message: Message) -> Mail:
    """Return a mail."""
    incident, title = message.incident, headline(message)
    shown = incident.alerts[:MAX_MAIL_ALERTS]
    values = {
        "message": message,
        "incident": incident,
        "headline": title,
        "alerts": [_mail_alert(alert) for alert in shown],
        "more": max(0, incident.total - len(shown)),
        "context": [cut(line, MAX_LINE) for line in message.context],
        "duplicate": DUPLICATE if message.possible_duplicate else "",
        "resolved": message.reason is Reason.RESOLVED,
        "source": web_link(incident.source_url),
    }
    text = _templates().get_template("mail.txt").render(values)
    html = _templates().get_template("mail.html").render(values)
    return Mail(cut(title, MAX_SUBJECT), text, html)


def _mail_alert(alert: AlertView) -> dict[str, str]:
    return {
        "title": clean(summary(alert.name, alert.labels, alert.annotations)),
        "description": cut(alert.annotations.get("description", ""), MAX_DESCRIPTION),
        "labels": cut(", ".join(f"{name}={value}" for name, value in sorted(alert.labels.items())), MAX_DESCRIPTION),
        "runbook": web_link(alert.annotations.get("runbook_url", "")),
    }


def web_link(url: str) -> str:
    """Return a URL that a reader may follow, "" for anything but plain http and https.

    >>> web_link("https://wiki.example.org/ups"), web_link("javascript:alert(1)")
    ('https://wiki.example.org/ups', '')
    """
    plain = len(url) <= MAX_URL and clean(url) == url and '"' not in url
    return url if plain and url.startswith(("https://", "http://")) else ""


def payload(message: Message) -> dict[str, Any]:
    """Return the body of the generic webhook; its form is a contract (docs/webhook/channels.md)."""
    incident = message.incident
    return {
        "version": 1,
        "id": message.id,
        "reason": message.reason.value,
        "possible_duplicate": message.possible_duplicate,
        "step": message.step,
        "attempt": message.attempt,
        "recipient": {"person": message.recipient.person, "name": message.recipient.name},
        "ack_url": message.ack_url or None,
        "context": list(message.context),
        "incident": msgspec.to_builtins(incident),
    }
