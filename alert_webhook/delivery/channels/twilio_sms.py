"""SMS by Twilio's message API (POST /2010-04-01/Accounts/SID/Messages.json)."""

import re
import time
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import msgspec
import phonenumbers
from msgspec import Meta, field

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
from alert_webhook.delivery.guarded_http import Answer, GuardedHttp, classify, retry_after, url_fault
from alert_webhook.delivery.render import sms
from heronwatch.secrets import Secret
from heronwatch.values import HttpUrl, Network, Verbatim

# Twilio's error codes: the number is invalid, is no mobile, has unsubscribed (its own reference of error codes)
HOPELESS_NUMBERS = frozenset({21211, 21614, 21610})
RATE_LIMITED = 20429
MOST_CODE = 1_000_000
WORD = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
OUTSIDE = HttpUrl.parse("https://api.twilio.com")


class TwilioSmsBlock(ChannelBlock, frozen=True, kw_only=True, tag="twilio_sms"):
    """A Twilio account. `sender`: a number in international form, or `messaging_service_sid` in its place.

    `api_key` is used with `auth_token` as its secret in place of the account's own token. `links: false` leaves the ack
    link out, for carriers that drop messages with links.
    """

    account_sid: Annotated[str, Meta(pattern=r"^AC[0-9a-fA-F]{32}$")]
    auth_token: Secret
    api_key: Annotated[str, Meta(pattern=r"^(SK[0-9a-fA-F]{32})?$")] = ""
    sender: Verbatim = field(default="", name="from")
    messaging_service_sid: Annotated[str, Meta(pattern=r"^(MG[0-9a-fA-F]{32})?$")] = ""
    base_url: HttpUrl = OUTSIDE
    links: bool = True
    allowed_networks: tuple[Network, ...] = ()

    def config_faults(self) -> Iterable[tuple[str, str]]:
        """One sender, in a form Twilio takes, and no credentials over clear text to the outside."""
        if bool(self.sender) == bool(self.messaging_service_sid):
            yield "from", "give either from or messaging_service_sid"
        elif self.sender and (fault := _address_fault(self.sender)):
            yield "from", fault
        if fault := url_fault(self.base_url, self.allowed_networks):
            yield "base_url", fault


class TwilioSms:
    """Sends one SMS by one request."""

    def __init__(self, block: TwilioSmsBlock, context: ChannelContext, http: GuardedHttp) -> None:
        self._block = block
        self._context = context
        self._http = http
        self._url = f"{block.base_url}/2010-04-01/Accounts/{block.account_sid}/Messages.json"

    def send(self, message: Message) -> Outcome:
        """Hand an SMS to Twilio."""
        block = self._block
        answer = self._http.post(
            self._url,
            timeout_s=float(block.timeout),
            data=form(block, message),
            auth=(block.api_key or block.account_sid, block.auth_token.reveal()),
            headers={"Accept": "application/json", "User-Agent": "heronwatch"},
        )
        return meaning(answer, now=self._context.now()) if isinstance(answer, Answer) else answer

    def close(self) -> None:
        """Release connections."""
        self._http.close()


def form(block: TwilioSmsBlock, message: Message) -> dict[str, str]:
    """Return the fields of the request."""
    sender = {"From": block.sender} if block.sender else {"MessagingServiceSid": block.messaging_service_sid}
    return {"To": message.recipient.address, **sender, "Body": sms(message, links=block.links)}


def meaning(answer: Answer, *, now: float) -> Outcome:
    """Return what Twilio's answer means."""
    said = _json(answer.body)
    code = said.get("code")
    if answer.status == 201:
        sid, status = said.get("sid"), said.get("status")
        if not isinstance(sid, str) or not WORD.fullmatch(sid):
            return Unknown("HTTP 201 without a sid")
        return Receipt(sid, status if isinstance(status, str) and WORD.fullmatch(status) else "")
    named = f", Twilio's error {code}" if isinstance(code, int) and 0 < code < MOST_CODE else ""
    if code == RATE_LIMITED:
        return Retry(f"HTTP {answer.status}{named}", retry_after(answer.headers, now=now))
    match classify(answer, now=now):
        case Retry(reason, after_s):
            return Retry(reason + named, after_s)
        case Permanent(reason):
            return Permanent(reason + named, disable_contact=isinstance(code, int) and code in HOPELESS_NUMBERS)
        case _:
            return Unknown(f"HTTP {answer.status} in place of 201")


def _json(body: bytes) -> Mapping[str, Any]:
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _address_fault(address: str) -> str | None:
    try:
        number = phonenumbers.parse(address, None)
    except phonenumbers.NumberParseException:
        return f"{address!r} is not a phone number in international form (+34600000000)"
    written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if not phonenumbers.is_possible_number(number):
        return f"{address!r} is not a phone number that can exist"
    return None if written == address else f"write {written}, without spaces"


def _describe(address: str) -> str:
    return f"{address[:3]}…{address[-2:]}"


def _make(block: TwilioSmsBlock, context: ChannelContext) -> Channel:
    return TwilioSms(block, context, GuardedHttp(block.allowed_networks, clock=time.monotonic))


PLUGIN = Plugin("twilio_sms", TwilioSmsBlock, _make, _address_fault, _describe)
