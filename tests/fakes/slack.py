"""As much of Slack as we use: a workspace that keeps messages, changes them, and signs what its users press."""

import hashlib
import hmac
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from tests.fakes.http_provider import HttpRequest, http

BOT, SIGNING = "xoxb-1-right", "8f742231b10e8888abcd99yyyzzz85a5"
ROOM, ANA, BEN, GUEST = "C024BE91L", "U024BE7LH", "U024BE7LJ", "U024BE7LK"


@dataclass
class Slack:
    """A workspace. `errors` maps places to errors of the Web API."""

    errors: dict[str, str] = field(default_factory=dict)
    messages: dict[str, dict[str, Any]] = field(default_factory=dict)  # by "channel:ts", as they are now
    notes: list[dict[str, Any]] = field(default_factory=list)  # what one person sees
    updates: int = 0

    def answer(self, request: HttpRequest) -> bytes:
        if request.headers.get("authorization") != f"Bearer {BOT}":
            return _no("invalid_auth")
        if not request.headers.get("content-type", "").startswith("application/json"):
            return _no("invalid_form_data")
        said = json.loads(request.body)
        place = said["channel"]
        if place in self.errors:
            return _no(self.errors[place])
        match request.path:
            case "/api/chat.postMessage":
                return self._post(place, said)
            case "/api/chat.update":
                return self._update(f"{place}:{said['ts']}", said)
            case "/api/chat.postEphemeral":
                self.notes.append(said)
                return http(200, b'{"ok":true,"message_ts":"1.1"}')
        return http(404)

    def _post(self, place: str, said: dict[str, Any]) -> bytes:
        if _too_long(said):
            return _no("invalid_blocks")
        where = f"D{place[1:]}" if place.startswith("U") else place  # a direct message is a place of its own
        stamp = f"1800000000.{len(self.messages) + 1:06d}"
        self.messages[f"{where}:{stamp}"] = said
        return http(200, json.dumps({"ok": True, "channel": where, "ts": stamp, "message": {"text": "x"}}).encode())

    def _update(self, message: str, said: dict[str, Any]) -> bytes:
        if message not in self.messages:
            return _no("message_not_found")
        self.messages[message], self.updates = said, self.updates + 1
        channel, _, stamp = message.partition(":")
        return http(200, json.dumps({"ok": True, "channel": channel, "ts": stamp}).encode())

    def newest(self) -> tuple[str, dict[str, Any]]:
        return list(self.messages.items())[-1]

    def press(self, user: str, *, message: str = "", stamp: str = "1800000060.1") -> bytes:
        """The body that Slack posts when `user` presses the first button of a message."""
        message = message or next(iter(self.messages))
        channel, _, ts = message.partition(":")
        button = buttons(self.messages[message])[0]
        action = {"action_id": button["action_id"], "value": button["value"], "type": "button", "action_ts": stamp}
        payload = {
            "type": "block_actions",
            "user": {"id": user, "name": "x"},
            "container": {"type": "message", "message_ts": ts, "channel_id": channel},
            "actions": [action],
            "response_url": "https://hooks.slack.com/actions/x",
        }
        return urlencode({"payload": json.dumps(payload)}).encode()


def signed(body: bytes, at: float, secret: str = SIGNING) -> dict[str, str]:
    """The headers Slack adds to a body at a time."""
    stamp = str(int(at))
    signature = hmac.new(secret.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
    return {
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": f"v0={signature}",
        "Content-Type": "application/x-www-form-urlencoded",
    }


def buttons(message: dict[str, Any]) -> list[dict[str, Any]]:
    return [element for block in message["blocks"] for element in block.get("elements", []) if "action_id" in element]


def shown(message: dict[str, Any]) -> str:
    """Everything that people read in a message."""
    texts = [block["text"]["text"] for block in message["blocks"] if "text" in block]
    texts += [e["text"] for block in message["blocks"] if block["type"] == "context" for e in block["elements"]]
    return "\n".join(texts)


def _too_long(said: dict[str, Any]) -> bool:
    return len(said["blocks"]) > 50 or any(
        not 0 < len(block["text"]["text"]) <= 3000 for block in said["blocks"] if "text" in block
    )


def _no(error: str) -> bytes:
    return http(200, json.dumps({"ok": False, "error": error}).encode())
