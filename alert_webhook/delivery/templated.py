"""Puts a message into the words of its channel's template; where that fails, the page goes out in our own words."""

import threading

from msgspec import Struct
from msgspec.structs import replace

from alert_webhook.delivery.channel import ChannelBlock, Message, Words
from alert_webhook.delivery.plain import cut
from alert_webhook.delivery.privacy import without_urls
from alert_webhook.delivery.template_block import TemplateBlock
from alert_webhook.delivery.template_budget import Failure
from alert_webhook.delivery.template_form import formed
from alert_webhook.delivery.template_language import rendered
from alert_webhook.delivery.template_values import values_of
from alert_webhook.delivery.wording import ANSWERED
from alert_webhook.parts import Parts
from heronwatch.logs import get_logger

LOG_EVERY_S = 600.0
MAX_TITLE = 120  # so that the code still fits behind it
PARTS = ("title", "text", "html")


class Failed(Struct, frozen=True):
    """Which part of a template failed, and how."""

    part: str
    failure: Failure


class Templates:
    """Words messages by the templates in force."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._told_at: dict[str, float] = {}
        self._lock = threading.Lock()
        self._log = get_logger("heronwatch.webhook.templates")

    def worded(self, name: str, message: Message) -> Message:
        """Return the message as channel `name` words it, unchanged where it has no template or that one fails."""
        block = self._parts.settings().channels.get(name)
        if block is None or block.template is None or message.reason in ANSWERED:
            return message
        words = words_of(block, block.template, message)
        if isinstance(words, Words):
            return replace(message, words=words)
        self._parts.template_failed(name, words.failure.why.value)
        self._tell(name, words)
        return message

    def _tell(self, name: str, failed: Failed) -> None:
        """Log a failure, at most one for a channel in ten minutes."""
        now = self._parts.clock.monotonic()
        with self._lock:
            last = self._told_at.get(name)
            if last is not None and now - last < LOG_EVERY_S:
                return
            self._told_at[name] = now
        self._log.warning(
            "a template failed: the message goes out in our own words",
            place=f"channels.{name}.template.{failed.part}",
            reason=failed.failure.why.value,
            why=failed.failure.text,
        )


def words_of(block: ChannelBlock, template: TemplateBlock, message: Message) -> Words | Failed:
    """Return a message's words by a template; all of them, or which part failed. Pure but for the clock of its time."""
    values, made = values_of(message, link=block.link_in_text), {}
    for part in PARTS:
        source = getattr(template, part)
        if not source:
            continue
        text = rendered(source, values, html=part == "html")
        if not isinstance(text, Failure):
            text = formed(text, html=part == "html")
        if isinstance(text, Failure):
            return Failed(part, text)
        made[part] = _bare(text, message.ack_url) if block.privacy == "minimal" else text
    title = cut(made.get("title", ""), MAX_TITLE)
    return Words(title=title, text=made.get("text", ""), html=made.get("html", ""))


def _bare(text: str, ack_url: str) -> str:
    """Return a text without URLs but the ack link."""
    if not ack_url:
        return without_urls(text)
    return ack_url.join(without_urls(each) for each in text.split(ack_url))
