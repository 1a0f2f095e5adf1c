"""A message as Slack shows it: blocks of plain text, in which nothing mentions or links anybody. Pure."""

from typing import Any

from alert_webhook.delivery.channel import NOTICES, Message, Reason
from alert_webhook.delivery.plain import cut
from alert_webhook.delivery.wording import ANSWERED, DUPLICATE, headline, lines_of

ACK_ACTION = "heronwatch_ack"
MAX_TEXT = 2900  # of 3000 that Slack takes in a section
MAX_FALLBACK = 500
WAITING = frozenset({"new", "escalated", "critical"})  # incidents.transitions.PAGEABLE, as a message has it


def escaped(text: str) -> str:
    """Return a text in which `<!channel>`, `<@U…>` and links are only text, as Slack's mrkdwn asks.

    >>> escaped("<!channel> & co")
    '&lt;!channel&gt; &amp; co'
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def content(message: Message, *, buttons: bool, link: bool) -> dict[str, Any]:
    """Return what chat.postMessage and chat.update have in common.

    `buttons`: Slack tells us who pressed one. `link`: only the recipient sees the message, so the ack link may be in.
    """
    return {
        "text": escaped(cut(headline(message), MAX_FALLBACK)),
        "blocks": _blocks(message, buttons=buttons, link=link),
        "parse": "none",
        "link_names": False,
        "unfurl_links": False,
        "unfurl_media": False,
    }


def _blocks(message: Message, *, buttons: bool, link: bool) -> list[dict[str, Any]]:
    blocks = [_section(headline(message))]
    if message.possible_duplicate:
        blocks.append(_section(DUPLICATE))
    details = "\n".join(lines_of(message))
    if details:
        blocks.append(_section(details))
    blocks.append({"type": "context", "elements": [_plain(standing(message))]})
    waits = message.incident.state in WAITING and message.reason not in NOTICES
    asks = message.reason is Reason.REMINDER and message.incident.state == "acknowledged"
    elements = _elements(message, buttons=buttons and waits, link=link) if waits or asks else []
    return [*blocks, *([{"type": "actions", "elements": elements}] if elements else [])]


def _elements(message: Message, *, buttons: bool, link: bool) -> list[dict[str, Any]]:
    elements: list[dict[str, Any]] = []
    if buttons:
        pressed = {"action_id": ACK_ACTION, "value": message.id, "style": "primary"}
        elements.append({"type": "button", "text": _plain("Acknowledge"), **pressed})
    if link and message.ack_url:
        elements.append({"type": "button", "text": _plain("Open"), "action_id": "open", "url": message.ack_url})
    return elements


def standing(message: Message) -> str:
    """Return where the incident stands, in a few words."""
    incident = message.incident
    if message.reason in ANSWERED:
        return "For your information"
    if incident.state == "acknowledged":
        return cut(f"Acknowledged by {incident.acked_by}", MAX_FALLBACK)
    if incident.state in WAITING:
        return f"Waits for an answer · to {cut(message.recipient.name, 100)}"
    return f"It is {cut(incident.state, 40)}"


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": _plain(text)}


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text[:MAX_TEXT], "emoji": False}
