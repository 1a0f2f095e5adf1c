"""TwiML, the XML that Twilio is answered with: what people wrote is text in it, never markup. Pure."""

import re
from xml.sax.saxutils import escape, quoteattr

from alert_webhook.delivery.plain import clean

CONTENT_TYPE = "text/xml; charset=utf-8"
HEAD = '<?xml version="1.0" encoding="UTF-8"?>'
NOT_XML = re.compile("[^\\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0 section 2.2, control characters too


def text(words: str) -> str:
    r"""Return words as the content of an element, on one line.

    >>> text("a < b\x00 </Say>")
    'a &lt; b &lt;/Say&gt;'
    """
    return escape(NOT_XML.sub("", clean(words)))


def response(*elements: str) -> str:
    """Return a document of these elements; none: nothing is to be done."""
    return f"{HEAD}<Response>{''.join(elements)}</Response>"


def sms(words: str) -> str:
    """Return the element that answers a text message with another."""
    return f"<Message>{text(words)}</Message>"


def say(words: str, *, language: str) -> str:
    """Return the element that reads words out."""
    return f"<Say language={quoteattr(language)}>{text(words)}</Say>"


def gather(inside: str, *, action: str, timeout_s: int) -> str:
    """Return the element that waits for one key while `inside` is read out, and posts the key to `action`."""
    return (
        f'<Gather input="dtmf" numDigits="1" timeout="{timeout_s}" method="POST" action={quoteattr(action)}>'
        f"{inside}</Gather>"
    )
