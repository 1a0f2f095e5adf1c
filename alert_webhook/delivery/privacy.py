"""What a provider may read: with `privacy: minimal`, no URL of ours but the ack link. Pure."""

import re
from collections.abc import Mapping

from msgspec.structs import replace

from alert_webhook.delivery.channel import AlertView, ChannelBlock, Message

URL = re.compile(r"(?:\b[a-z][a-z0-9+.-]{1,20}://|\bwww\.)\S+", re.IGNORECASE)
LEFT_OUT = "[link]"


def without_urls(text: str) -> str:
    """Return a text with every URL in it left out.

    >>> without_urls("see https://wiki.lan/ups?id=7 or www.lan/x")
    'see [link] or [link]'
    """
    return URL.sub(LEFT_OUT, text)


def readable(message: Message, block: ChannelBlock | None) -> Message:
    """Return the message as the provider of a channel may read it; None: a channel that is no longer configured."""
    return minimal(message) if block is not None and block.privacy == "minimal" else message


def minimal(message: Message) -> Message:
    """Return the message without the addresses of our own pages and tools; the ack link stays."""
    incident = message.incident
    alerts = tuple(_alert(alert) for alert in incident.alerts)
    bare = replace(
        incident,
        title=without_urls(incident.title),
        labels=_pairs(incident.labels),
        source_url="",
        alerts=alerts,
        folded=tuple(replace(each, title=without_urls(each.title)) for each in incident.folded),
    )
    return replace(message, incident=bare, context=tuple(without_urls(line) for line in message.context))


def _alert(alert: AlertView) -> AlertView:
    return replace(
        alert,
        name=without_urls(alert.name),
        labels=_pairs(alert.labels),
        annotations=_pairs(alert.annotations),
        generator_url="",
    )


def _pairs(pairs: Mapping[str, str]) -> dict[str, str]:
    return {name: without_urls(value) for name, value in pairs.items()}
