"""Slack: messages with a button (chat.postMessage) that follow the incident (chat.update); presses come back signed."""

import hashlib
import hmac
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs

import msgspec
from msgspec import field

from alert_webhook.delivery.callback import (
    PAGE,
    CallbackAnswer,
    CallbackRequest,
    Heard,
    Refused,
    Reply,
    Result,
    Verdict,
    Wish,
)
from alert_webhook.delivery.channel import (
    Channel,
    ChannelBlock,
    ChannelContext,
    Message,
    Outcome,
    Permanent,
    Plugin,
    Receipt,
    Retry,
    Unknown,
)
from alert_webhook.delivery.guarded_http import Answer, GuardedHttp, classify, retry_after
from alert_webhook.delivery.json_answer import json_object
from alert_webhook.delivery.reachable import url_fault
from alert_webhook.delivery.slack_text import ACK_ACTION, content
from heronwatch.secrets import Secret
from heronwatch.values import HttpUrl, Network

OUTSIDE = HttpUrl.parse("https://slack.com")
PLACE = re.compile(r"[CGDUW][A-Z0-9]{6,20}", re.ASCII)  # a channel, a group, a direct message, a person
USER = re.compile(r"[UW][A-Z0-9]{6,20}", re.ASCII)
STAMP = re.compile(r"[0-9]{1,12}\.[0-9]{1,9}", re.ASCII)
WORD = re.compile(r"[a-z0-9_]{1,60}", re.ASCII)
REPLAY_WINDOW_S = 300.0  # Slack's "Verifying requests": what is older is a replay
NOTE_TIMEOUT_S = 1.5  # Slack wants its answer within 3 s
# errors of the Web API that come with HTTP 200
LATER = frozenset(
    {"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"}
)
REFUSED_US = frozenset(
    {
        "invalid_auth",
        "not_authed",
        "account_inactive",
        "token_revoked",
        "token_expired",
        "missing_scope",
        "no_permission",
        "not_allowed_token_type",
        "org_login_required",
        "team_access_not_granted",
        "ekm_access_denied",
    }
)
GONE = frozenset({"channel_not_found", "is_archived", "user_not_found", "users_not_found", "user_disabled"})
GONE_MESSAGES = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})


class SlackBlock(ChannelBlock, frozen=True, kw_only=True, tag="slack"):
    """A Slack app. Contacts are ids of channels (C…) or people (U…).

    `users` says which Slack account is which of our people, for those who have no contact of their own here.
    """

    bot_token: Secret
    signing_secret: Secret | None = None
    users: dict[str, str] = field(default_factory=dict)
    base_url: HttpUrl = OUTSIDE
    allowed_networks: tuple[Network, ...] = ()

    def config_faults(self) -> Iterable[tuple[str, str]]:
        """Check the ids of accounts, and that the token does not go over clear text to the outside."""
        for user in self.users:
            if not USER.fullmatch(user):
                yield f"users.{user}", f"{user!r} is not the id of a person in Slack (U024BE7LH)"
        if fault := url_fault(self.base_url, self.allowed_networks):
            yield "base_url", fault

    def people_named(self) -> Iterable[tuple[str, str]]:
        """Return the people in `users`."""
        return [(f"users.{user}", person) for user, person in self.users.items()]


class Slack:
    """Posts a message by one request, changes it when the incident changes, hears who pressed its button."""

    def __init__(self, block: SlackBlock, context: ChannelContext, http: GuardedHttp) -> None:
        self._block = block
        self._context = context
        self._http = http

    def send(self, message: Message) -> Outcome:
        """Post a message."""
        return self._call("chat.postMessage", {"channel": message.recipient.address, **self._content(message)})

    def show(self, message: Message, reference: str) -> Outcome:
        """Change a message to what the incident is now; one that somebody deleted is done with."""
        channel, _colon, stamp = reference.partition(":")
        outcome = self._call("chat.update", {"channel": channel, "ts": stamp, **self._content(message)})
        if isinstance(outcome, Permanent) and any(outcome.reason.endswith(each) for each in GONE_MESSAGES):
            return Receipt(reference, "it is not there any more")
        return outcome

    def _content(self, message: Message) -> dict[str, Any]:
        personal = bool(USER.fullmatch(message.recipient.address))
        return content(message, buttons=self._block.signing_secret is not None, link=personal)

    def _call(self, method: str, what: Mapping[str, Any]) -> Outcome:
        try:
            body = msgspec.json.encode(what)
        except ValueError:  # half of a character
            return Permanent("the message cannot be written as JSON")
        answer = self._http.post(
            f"{self._block.base_url}/api/{method}",
            timeout_s=float(self._block.timeout),
            data=body,
            headers={
                "Authorization": f"Bearer {self._block.bot_token.reveal()}",
                "Content-Type": "application/json; charset=utf-8",
                "User-Agent": "heronwatch",
            },
        )
        return meaning(answer, now=self._context.now()) if isinstance(answer, Answer) else answer

    def hear(self, request: CallbackRequest) -> Heard | Refused:
        """Return who pressed which button."""
        secret = self._block.signing_secret
        if secret is None:
            return Refused("signing_secret is not set")
        stamp = request.headers.get("x-slack-request-timestamp", "")
        if not (stamp.isascii() and stamp.isdigit() and len(stamp) < 13):
            return Refused("no timestamp")
        if abs(self._context.now() - int(stamp)) > REPLAY_WINDOW_S:
            return Refused("the timestamp is more than 5 minutes off: a replay, or a clock that is wrong")
        given = request.headers.get("x-slack-signature", "").encode(errors="surrogatepass")
        if not hmac.compare_digest(given, sign(secret, stamp, request.body).encode()):
            return Refused("X-Slack-Signature does not fit")
        payload = parse_qs(request.body.decode(errors="replace")).get("payload", [""])[0]
        return presses(json_object(payload.encode(errors="replace")))

    def respond(self, heard: Heard, results: Sequence[Result]) -> CallbackAnswer:
        """Answer with nothing: the message itself changes, which everybody sees. Who is refused is told alone."""
        for reply, result in zip(heard.replies, results, strict=True):
            words = note_for(result)
            place = reply.reference.partition(":")[0]
            if words and place:
                self._note(place, reply.sender, words)
        return CallbackAnswer(200)

    def _note(self, place: str, user: str, words: str) -> None:
        """Say something that one person sees; it does not matter whether it arrives."""
        self._http.post(
            f"{self._block.base_url}/api/chat.postEphemeral",
            timeout_s=NOTE_TIMEOUT_S,
            data=msgspec.json.encode({"channel": place, "user": user, "text": words, "parse": "none"}),
            headers={
                "Authorization": f"Bearer {self._block.bot_token.reveal()}",
                "Content-Type": "application/json; charset=utf-8",
                "User-Agent": "heronwatch",
            },
        )

    def close(self) -> None:
        """Release connections."""
        self._http.close()


def sign(secret: Secret, stamp: str, body: bytes) -> str:
    """Return the signature Slack sends: v0 over `v0:timestamp:body`."""
    said = f"v0:{stamp}:".encode() + body
    return "v0=" + hmac.digest(secret.reveal().encode(), said, hashlib.sha256).hex()


def presses(payload: Mapping[str, Any]) -> Heard:
    """Return the presses of our button in what Slack calls an interaction; anything else is nothing."""
    if payload.get("type") != "block_actions":
        return Heard()
    user, container = _texts(payload.get("user")).get("id", ""), _texts(payload.get("container"))
    message = f"{container.get('channel_id', '')}:{container.get('message_ts', '')}"
    ours = [each for each in _objects(payload.get("actions")) if each.get("action_id") == ACK_ACTION]
    return Heard(
        replies=tuple(
            Reply(
                event=f"{message}:{user}:{each.get('action_ts', '')}"[:200],
                sender=user,
                wish=Wish.ACK,
                page=each["value"],
                reference=message,
            )
            for each in ours
            if user and PAGE.fullmatch(each.get("value", ""))
        )
    )


def _objects(value: object) -> list[dict[str, str]]:
    """Return the objects of a list; Slack's own limit of elements in a block is 25."""
    return [_texts(each) for each in value[:25]] if isinstance(value, list) else []


def _texts(value: object) -> dict[str, str]:
    """Return the pairs of an object whose values are texts."""
    return {k: v for k, v in value.items() if isinstance(v, str)} if isinstance(value, dict) else {}


def meaning(answer: Answer, *, now: float) -> Outcome:
    """Return what an answer of the Web API means: errors come with HTTP 200."""
    if answer.status != 200:
        return classify(answer, now=now) or Unknown(f"HTTP {answer.status} in place of 200")
    said = json_object(answer.body)
    if said.get("ok") is True:
        place, stamp = said.get("channel"), said.get("ts")
        sound = isinstance(place, str) and isinstance(stamp, str) and PLACE.fullmatch(place) and STAMP.fullmatch(stamp)
        return Receipt(f"{place}:{stamp}") if sound else Unknown("ok, without a channel and a timestamp")
    error = said.get("error")
    if said.get("ok") is not False or not isinstance(error, str) or not WORD.fullmatch(error):
        return Unknown("HTTP 200 with an answer that is none")
    if error in LATER:
        return Retry(f"Slack's error {error}", retry_after(answer.headers, now=now))
    return Permanent(f"Slack's error {error}", disable_contact=error in GONE, refused_us=error in REFUSED_US)


def note_for(result: Result) -> str:
    """Return what only the person who pressed is told, "" where the message says it all."""
    match result.verdict:
        case Verdict.STRANGER:
            return "Nothing was acknowledged: your Slack account is none that Heronwatch knows."
        case Verdict.OVER:
            return "It is over already."
        case Verdict.NOTHING:
            return "There is nothing to acknowledge here any more."
        case _:
            return ""


def _address_fault(address: str) -> str | None:
    return None if PLACE.fullmatch(address) else f"{address!r} is not an id of Slack's (C024BE91L, U024BE7LH)"


def _describe(address: str) -> str:
    return f"{address[:1]}…{address[-2:]}"


def _make(block: SlackBlock, context: ChannelContext) -> Channel:
    return Slack(block, context, GuardedHttp(block.allowed_networks, clock=time.monotonic))


PLUGIN = Plugin("slack", SlackBlock, _make, _address_fault, _describe)
