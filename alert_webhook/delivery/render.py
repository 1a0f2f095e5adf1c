"""Puts a message into its form: a text of a few SMS segments, a mail, a JSON payload. Pure.

Alert texts come from outside: control characters are taken out, lengths are bounded, HTML is escaped.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import escape

from alert_webhook.delivery.channel import NOTICES, AlertView, Message, Reason, Words
from alert_webhook.delivery.gsm import BUDGET, fit, gsm, septets
from alert_webhook.delivery.plain import clean, cut, web_link
from alert_webhook.delivery.wording import DUPLICATE, firing, headline, is_test, lines_of, notes
from alert_webhook.incidents.title import shared, summary
from alert_webhook.shadow.report import KIND

MAX_SUBJECT = 150
MAX_MAIL_ALERTS = 10
MAX_LINE = 300
MAX_DESCRIPTION = 1000
MAX_SMS_LINK = 120
SMS_DIGEST_LINES = 4
TITLES = {  # above the alerts of a mail, where it is not how many of them fire
    Reason.RESOLVED: "It was",
    Reason.DIGEST: "The open ones first, the most severe first",
    Reason.HANDOVER: "Who is on call",
}


IS_A_TEST = "Nothing is wrong"
ABOVE_REPORT = "Nobody was contacted about these"


def sms(message: Message, *, links: bool, replies: bool = False) -> str:
    """Return the text of an SMS: at most three segments of the GSM alphabet, how to answer always whole."""
    ends = list(_ends(message)) if links else []
    if replies and message.reason not in NOTICES:
        ends.append(f"Reply: ack {message.incident.code}")
    text = "\n".join(_sms_lines(message))
    body = fit(gsm(text), BUDGET - sum(septets(end) + 1 for end in ends))
    return "\n".join([body, *ends])


def _ends(message: Message) -> Iterator[str]:
    if message.ack_url:
        yield f"Ack: {message.ack_url}"
    more = web_link(message.incident.source_url) if message.reason is Reason.DIGEST else ""
    if more.isascii() and 0 < len(more) <= MAX_SMS_LINK:
        yield f"More: {gsm(more)}"


def _sms_lines(message: Message) -> Iterator[str]:
    yield headline(message)
    if message.possible_duplicate:
        yield "(may be a repeat)"
    yield from lines_of(message, digest_lines=SMS_DIGEST_LINES)


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
    shown = incident.alerts if message.reason is Reason.DIGEST else incident.alerts[:MAX_MAIL_ALERTS]
    common = {} if message.reason is Reason.DIGEST or len(shown) < 2 else shared([alert.labels for alert in shown])
    links = [web_link(alert.annotations.get("runbook_url", "")) for alert in shown]
    values = {
        "message": message,
        "headline": title,
        "notes": list(notes(message)),
        "above": _above(message),
        "common": _pairs(common),
        "alerts": [_mail_alert(alert, common, message.reason) for alert in shown],
        "runbooks": [] if message.reason is Reason.RESOLVED else list(dict.fromkeys(link for link in links if link)),
        "more": max(0, incident.total - len(shown)),
        "context": [cut(line, MAX_LINE) for line in message.context],
        "duplicate": DUPLICATE if message.possible_duplicate else "",
        "resolved": message.reason is Reason.RESOLVED,
        "digest": message.reason is Reason.DIGEST,
        "source": web_link(incident.source_url),
    }
    words = message.words
    text = _with_answer(message, words.text) if words.text else _templates().get_template("mail.txt").render(values)
    html = _html_of(message) or _templates().get_template("mail.html").render(values)
    return Mail(cut(title, MAX_SUBJECT), text, html)


def _above(message: Message) -> str:
    if message.incident.severity == KIND:
        return ABOVE_REPORT
    return TITLES.get(message.reason) or (IS_A_TEST if is_test(message) else firing(message.incident))


def _with_answer(message: Message, text: str) -> str:
    """Return a template's text with what it must not leave out: that it may be a repeat, and how to answer."""
    above = [DUPLICATE, ""] if message.possible_duplicate else []
    wanted = message.ack_url and message.reason is not Reason.RESOLVED and message.ack_url not in text
    below = ["", f"Acknowledge: {message.ack_url}"] if wanted else []
    return "\n".join([*above, text, *below, ""])


def _html_of(message: Message) -> str:
    """Return a template's HTML, or its text as HTML, with what it must not leave out; "" where there is neither."""
    words = message.words
    inner = words.html or (f'<p style="white-space: pre-line">{escape(words.text)}</p>' if words.text else "")
    if not inner:
        return ""
    above = f"<p><em>{escape(DUPLICATE)}</em></p>\n" if message.possible_duplicate else ""
    link, wanted = escape(message.ack_url), message.ack_url and message.reason is not Reason.RESOLVED
    below = f'\n<p><a href="{link}">Open and acknowledge</a></p>' if wanted and f'href="{link}"' not in inner else ""
    return f"{above}{inner}{below}\n"


def _mail_alert(alert: AlertView, common: Mapping[str, str], reason: Reason) -> dict[str, str]:
    apart = {} if reason is Reason.DIGEST else {n: v for n, v in alert.labels.items() if n not in common}
    return {
        "title": clean(summary(alert.name, alert.labels, alert.annotations)),
        "description": cut(alert.annotations.get("description", ""), MAX_DESCRIPTION),
        "labels": _pairs(apart),
    }


def _pairs(labels: Mapping[str, str]) -> str:
    return cut(", ".join(f"{name}={value}" for name, value in sorted(labels.items())), MAX_DESCRIPTION)


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
        **({"words": _said(message)} if message.words != Words() else {}),
    }


def _said(message: Message) -> dict[str, str]:
    """Return what the channel's template made of a message."""
    return {"title": headline(message), "text": "\n".join(lines_of(message))}
