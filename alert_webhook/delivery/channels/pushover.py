"""Push messages by Pushover (POST /1/messages.json); an emergency repeats until somebody acknowledges it.

Pushover's callback is not signed: ours has a secret in its address, and all it brings about is that the receipt is
asked for at once.
"""

import hashlib
import hmac
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

from alert_webhook.delivery.callback import (
    CallbackAnswer,
    CallbackRequest,
    Heard,
    Refused,
    Reply,
    Report,
    Result,
    Stage,
    Wish,
)
from alert_webhook.delivery.channel import (
    NOTICES,
    Channel,
    ChannelBlock,
    ChannelContext,
    Message,
    Outcome,
    Permanent,
    Plugin,
    Reason,
    Receipt,
    Retry,
    Unknown,
)
from alert_webhook.delivery.guarded_http import Answer, GuardedHttp, classify
from alert_webhook.delivery.json_answer import json_object
from alert_webhook.delivery.plain import cut
from alert_webhook.delivery.reachable import url_fault
from alert_webhook.delivery.wording import DUPLICATE, headline, lines_of
from heronwatch.retry import Backoff
from heronwatch.secrets import Secret
from heronwatch.values import Duration, HttpUrl, Network

OUTSIDE = HttpUrl.parse("https://api.pushover.net")
KEY = re.compile(r"[A-Za-z0-9]{30}", re.ASCII)  # of a user, a group, an application, a receipt
MAX_MESSAGE, MAX_TITLE, MAX_URL = 1024, 250, 512  # characters, by Pushover's API
QUIET, HIGH, EMERGENCY = -1, 1, 2  # priorities
LEAST_RETRY, MOST_EXPIRE = Duration(30), Duration(10_800)  # seconds, by Pushover's API
WITHOUT_REDIRECT = {"User-Agent": "heronwatch"}
TRIED_AGAIN_S = 5.0  # what Pushover asks of those who try again


class PushoverBlock(ChannelBlock, frozen=True, kw_only=True, tag="pushover"):
    """A Pushover application. Pages of the severities in `emergency` repeat every `retry` until acknowledged."""

    token: Secret
    emergency: tuple[str, ...] = ("critical",)
    retry: Duration = Duration(60)
    expire: Duration = Duration(3600)
    base_url: HttpUrl = OUTSIDE
    allowed_networks: tuple[Network, ...] = ()

    def config_faults(self) -> Iterable[tuple[str, str]]:
        """Check the limits that Pushover sets, and that the token does not go over clear text to the outside."""
        if self.retry < LEAST_RETRY:
            yield "retry", f"Pushover takes {LEAST_RETRY} or more, found {self.retry}"
        if not 0 < self.expire <= MOST_EXPIRE:
            yield "expire", f"Pushover takes at most {MOST_EXPIRE}, found {self.expire}"
        if fault := url_fault(self.base_url, self.allowed_networks):
            yield "base_url", fault


class Pushover:
    """Sends one message by one request; asks for receipts, and ends emergencies that were answered elsewhere."""

    polling = Backoff(first_s=15.0, factor=1.0, cap_s=15.0, jitter=0.0)  # Pushover allows one in 5 s
    asked_for_s = float(MOST_EXPIRE) + 60.0

    def __init__(self, block: PushoverBlock, context: ChannelContext, http: GuardedHttp) -> None:
        self._block = block
        self._context = context
        self._http = http

    def send(self, message: Message) -> Outcome:
        """Hand a message to Pushover."""
        url = self._callback_url()
        answer = self._post("messages.json", form(self._block, message, callback=url))
        return meaning(answer, now=self._context.now()) if isinstance(answer, Answer) else answer

    def lookup(self, reference: str) -> Heard | Retry:
        """Ask for a receipt: was the emergency delivered, acknowledged, given up? Other messages have none."""
        if not KEY.fullmatch(reference):
            return Heard()
        answer = self._http.get(
            f"{self._block.base_url}/1/receipts/{reference}.json?token={self._block.token.reveal()}",
            timeout_s=float(self._block.timeout),
            headers=WITHOUT_REDIRECT,
        )
        if not isinstance(answer, Answer) or answer.status != 200:
            return Retry("Pushover does not say")
        return receipt_of(reference, json_object(answer.body))

    def show(self, message: Message, reference: str) -> Outcome:
        """End an emergency that somebody answered elsewhere; one that is open again stays ended: a new page follows."""
        if not KEY.fullmatch(reference) or message.incident.state in {"new", "escalated", "critical"}:
            return Receipt(reference, "nothing to change")
        answer = self._post(f"receipts/{reference}/cancel.json", {"token": self._block.token.reveal()})
        if not isinstance(answer, Answer):
            return answer
        return classify(answer, now=self._context.now()) or Receipt(reference, "ended")

    def hear(self, request: CallbackRequest) -> Heard | Refused:
        """Return whose receipt has to be asked for; nothing else in an unsigned request counts."""
        given = parse_qs(urlsplit(request.url).query).get("key", [""])[0]
        if not hmac.compare_digest(given.encode(errors="surrogatepass"), self._callback_key().encode()):
            return Refused("the key in the address is not ours")
        receipt = parse_qs(request.body.decode(errors="replace")).get("receipt", [""])[0]
        if not KEY.fullmatch(receipt):
            return Refused("no receipt")
        return Heard(reports=(Report(reference=receipt, stage=Stage.ACCEPTED, word="called back", ask_now=True),))

    def respond(self, heard: Heard, results: Sequence[Result]) -> CallbackAnswer:  # noqa: ARG002  # the seam's
        """Answer with nothing."""
        return CallbackAnswer()

    def close(self) -> None:
        """Release connections."""
        self._http.close()

    def _post(self, path: str, fields: Mapping[str, str]) -> Answer | Outcome:
        url, timeout_s = f"{self._block.base_url}/1/{path}", float(self._block.timeout)
        return self._http.post(url, timeout_s=timeout_s, data=fields, headers=WITHOUT_REDIRECT)

    def _callback_url(self) -> str:
        if not self._context.public_url:
            return ""
        return f"{self._context.public_url}/callbacks/{self._context.name}?key={self._callback_key()}"

    def _callback_key(self) -> str:
        """Return the secret of the callback's address: made of the token, so that nothing has to be stored."""
        said = f"heronwatch callback {self._context.name}".encode()
        return hmac.digest(self._block.token.reveal().encode(), said, hashlib.sha256).hex()[:32]


def form(block: PushoverBlock, message: Message, *, callback: str) -> dict[str, str]:
    """Return the fields of the request."""
    priority = priority_of(block, message)
    text = "\n".join([*([DUPLICATE] if message.possible_duplicate else []), *lines_of(message)])
    fields = {
        "token": block.token.reveal(),
        "user": message.recipient.address,
        "title": cut(headline(message), MAX_TITLE),
        "message": text[:MAX_MESSAGE] or headline(message),
        "priority": str(priority),
        "timestamp": str(int(message.sent_at)),
    }
    if message.ack_url and len(message.ack_url) <= MAX_URL:
        fields |= {"url": message.ack_url, "url_title": "Acknowledge"}
    if priority == EMERGENCY:
        fields |= {"retry": str(int(block.retry)), "expire": str(int(block.expire))}
        fields |= {"callback": callback} if callback else {}
    return fields


def priority_of(block: PushoverBlock, message: Message) -> int:
    """Return Pushover's priority: what wants no answer makes no noise."""
    if message.reason in NOTICES and message.reason is not Reason.REMINDER:
        return QUIET
    if message.reason not in NOTICES and message.incident.severity in block.emergency:
        return EMERGENCY
    return HIGH


def meaning(answer: Answer, *, now: float) -> Outcome:
    """Return what Pushover's answer means; a used-up month (429) is a retry, and the next contact's turn."""
    said = json_object(answer.body)
    if answer.status == 200 and said.get("status") == 1:
        receipt, request = said.get("receipt"), said.get("request")
        reference = receipt if isinstance(receipt, str) and KEY.fullmatch(receipt) else ""
        shown = request if isinstance(request, str) and request.replace("-", "").isalnum() else ""
        return Receipt(reference, f"request {shown[:64]}" if shown else "")
    named = ", ".join(str(name) for name in ("token", "user", "device") if said.get(name) == "invalid")
    match classify(answer, now=now):
        case Retry(reason, after_s):
            return Retry(reason, max(TRIED_AGAIN_S, after_s or 0.0))
        case Permanent(reason, _hopeless, refused_us):
            bad = refused_us or "token" in named
            said_so = f"{reason}, invalid: {named}" if named else reason
            return Permanent(said_so, disable_contact="user" in named and not bad, refused_us=bad)
        case _:
            return Unknown(f"HTTP {answer.status} without a status of 1")


def receipt_of(reference: str, said: Mapping[str, Any]) -> Heard:
    """Return what a receipt says: acknowledged by whom, delivered, or given up."""
    reports = []
    if said.get("last_delivered_at") or said.get("acknowledged") == 1:
        reports.append(Report(reference=reference, stage=Stage.DELIVERED, word="delivered"))
    elif said.get("expired") == 1:
        reports.append(Report(reference=reference, stage=Stage.FAILED, word="expired", reason="it reached no device"))
    if said.get("acknowledged") != 1:
        return Heard(tuple(reports), waits=said.get("expired") != 1)
    by = said.get("acknowledged_by")
    sender = by if isinstance(by, str) and KEY.fullmatch(by) else ""
    return Heard(tuple(reports), (Reply(event=reference, sender=sender, wish=Wish.ACK, reference=reference),))


def _address_fault(address: str) -> str | None:
    return None if KEY.fullmatch(address) else f"{address!r} is not a user's key: 30 letters and digits"


def _describe(address: str) -> str:
    return f"{address[:3]}…{address[-2:]}"


def _make(block: PushoverBlock, context: ChannelContext) -> Channel:
    return Pushover(block, context, GuardedHttp(block.allowed_networks, clock=time.monotonic))


PLUGIN = Plugin("pushover", PushoverBlock, _make, _address_fault, _describe)
