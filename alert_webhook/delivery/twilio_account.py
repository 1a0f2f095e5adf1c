"""What SMS and calls by Twilio share: the account's block, what its API answers, which of its callbacks are real."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any
from urllib.parse import parse_qsl

import phonenumbers
from msgspec import Meta, field

from alert_webhook.delivery.callback import CallbackRequest, Heard, Refused, Report
from alert_webhook.delivery.channel import ChannelBlock, ChannelContext, Outcome, Permanent, Receipt, Retry, Unknown
from alert_webhook.delivery.guarded_http import Answer, GuardedHttp, classify, retry_after
from alert_webhook.delivery.json_answer import json_object
from alert_webhook.delivery.reachable import url_fault
from alert_webhook.delivery.twilio_signature import body_fits, signed
from heronwatch.secrets import Secret
from heronwatch.values import HttpUrl, Network, Verbatim

# Twilio's error codes (its own reference): the number is invalid, is no mobile, has unsubscribed, is a landline
HOPELESS_NUMBERS = frozenset({21211, 21217, 21610, 21614, 30006})
# the address for callbacks is one that Twilio does not call: the message itself is fine without it
BAD_CALLBACK_URLS = frozenset({21205, 21609})
RATE_LIMITED = 20429
MOST_CODE = 1_000_000
MOST_FIELDS = 200
OUTSIDE = HttpUrl.parse("https://api.twilio.com")
HEADERS = {"Accept": "application/json", "User-Agent": "heronwatch"}
Form = Mapping[str, str] | Sequence[tuple[str, str]]


class TwilioBlock(ChannelBlock, frozen=True, kw_only=True):
    """A Twilio account.

    With `api_key`, `auth_token` is that key's secret; then callbacks need the account's own token as `signing_token`:
    Twilio signs with that one only.
    """

    account_sid: Annotated[str, Meta(pattern=r"^AC[0-9a-fA-F]{32}$")]
    auth_token: Secret
    api_key: Annotated[str, Meta(pattern=r"^(SK[0-9a-fA-F]{32})?$")] = ""
    signing_token: Secret | None = None
    sender: Verbatim = field(default="", name="from")
    base_url: HttpUrl = OUTSIDE
    allowed_networks: tuple[Network, ...] = ()

    def config_faults(self) -> Iterable[tuple[str, str]]:
        """Check the sender's form, and that no credentials go over clear text to the outside."""
        if self.sender and (fault := number_fault(self.sender)):
            yield "from", fault
        if fault := url_fault(self.base_url, self.allowed_networks):
            yield "base_url", fault

    @property
    def signer(self) -> Secret | None:
        """What Twilio signs callbacks with, None where we were not told."""
        return self.signing_token or (None if self.api_key else self.auth_token)

    @property
    def credentials(self) -> tuple[str, str]:
        """User and password of the API."""
        return self.api_key or self.account_sid, self.auth_token.reveal()

    def resource(self, name: str) -> str:
        """Return the URL of one of the account's resources, such as `Messages`."""
        return f"{self.base_url}/2010-04-01/Accounts/{self.account_sid}/{name}.json"


def callback_url(block: TwilioBlock, public_url: str, name: str, **query: str) -> str:
    """Return where Twilio calls back, "" where it cannot or could not prove who it is."""
    if not public_url.startswith(("https://", "http://")) or block.signer is None:
        return ""
    pairs = "&".join(f"{key}={value}" for key, value in query.items())
    return f"{public_url}/callbacks/{name}{'?' if pairs else ''}{pairs}"


class TwilioAccount:
    """Makes one kind of resource of an account (`name`, such as Messages), and asks how far one is."""

    def __init__(self, block: TwilioBlock, context: ChannelContext, http: GuardedHttp, *, name: str) -> None:
        self._block = block
        self._context = context
        self._http = http
        self._name = name

    def create(self, form: Callable[[str], Form], *, prefix: str) -> Outcome:
        """Create a resource whose sid begins with `prefix`; `form` takes the address for callbacks.

        One that Twilio refuses for that address goes without it.
        """
        callback = callback_url(self._block, self._context.public_url, self._context.name)
        answer = self._post(form(callback))
        if callback and isinstance(answer, Answer) and code_of(answer) in BAD_CALLBACK_URLS:
            answer = self._post(form(""))
        return meaning(answer, prefix=prefix, now=self._context.now()) if isinstance(answer, Answer) else answer

    def state(self, reference: str, report: Callable[[Mapping[str, Any]], Report | None]) -> Heard | Retry:
        """Ask Twilio about a resource; `report` says what its answer means."""
        answer = self._http.get(self._block.resource(f"{self._name}/{reference}"), **self._how())
        if not isinstance(answer, Answer) or answer.status != 200:
            return Retry("Twilio does not say")
        found = report(json_object(answer.body))
        return Heard((found,) if found else (), waits=found is None or not found.stage.final)

    def _post(self, form: Form) -> Answer | Outcome:
        return self._http.post(self._block.resource(self._name), data=form, **self._how())

    def _how(self) -> dict[str, Any]:
        return {"timeout_s": float(self._block.timeout), "auth": self._block.credentials, "headers": HEADERS}

    def close(self) -> None:
        """Release connections."""
        self._http.close()


def verified(block: TwilioBlock, request: CallbackRequest) -> Mapping[str, str] | Refused:
    """Return the fields of a request that Twilio signed."""
    if block.signer is None:
        return Refused("signing_token is not set: with api_key, nobody can tell whether Twilio signed this")
    fits = body_fits(request.url, request.body)
    try:
        fields = _fields(request.body) if fits is None else []
    except ValueError:
        return Refused("the body is no form")
    if fits is False or not signed(block.signer, request.headers.get("x-twilio-signature", ""), request.url, fields):
        return Refused("X-Twilio-Signature does not fit: another token, or public_url is not what Twilio calls")
    found = dict(fields) if fits is None else _texts(json_object(request.body))
    if found.get("AccountSid") != block.account_sid:
        return Refused("it is about another account")
    return found


def _fields(body: bytes) -> list[tuple[str, str]]:
    return parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS)


def _texts(said: Mapping[str, Any]) -> dict[str, str]:
    return {name: value for name, value in said.items() if isinstance(value, str)}


def meaning(answer: Answer, *, prefix: str, now: float) -> Outcome:
    """Return what an answer to a new message or call means; its sid begins with `prefix`."""
    said = json_object(answer.body)
    if answer.status == 201:
        sid, status = said.get("sid"), said.get("status")
        if not isinstance(sid, str) or not (sid.startswith(prefix) and sid.isalnum() and sid.isascii()):
            return Unknown("HTTP 201 without a sid")
        return Receipt(sid[:64], status[:64] if isinstance(status, str) and status.isalpha() else "")
    code = code_of(answer)
    named = named_code(code)
    if code == RATE_LIMITED:
        return Retry(f"HTTP {answer.status}{named}", retry_after(answer.headers, now=now))
    match classify(answer, now=now):
        case Retry(reason, after_s):
            return Retry(reason + named, after_s)
        case Permanent(reason, _hopeless, refused_us):
            return Permanent(reason + named, disable_contact=code in HOPELESS_NUMBERS, refused_us=refused_us)
        case _:
            return Unknown(f"HTTP {answer.status} in place of 201")


def code_of(answer: Answer) -> int:
    """Return Twilio's code for what is wrong, 0 where it gave none."""
    return number(json_object(answer.body).get("code"))


def number(value: object) -> int:
    """Return a code as Twilio writes it, in JSON or in a form; 0 for anything else."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 8:
        value = int(value)
    return value if isinstance(value, int) and 0 < value < MOST_CODE else 0


def named_code(code: int) -> str:
    """Return a code for the end of a sentence."""
    return f", Twilio's error {code}" if code else ""


def number_fault(address: str) -> str | None:
    """Return what is wrong with a phone number, None where nothing is."""
    try:
        parsed = phonenumbers.parse(address, None)
    except phonenumbers.NumberParseException:
        return f"{address!r} is not a phone number in international form (+34600000000)"
    written = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    if not phonenumbers.is_possible_number(parsed):
        return f"{address!r} is not a phone number that can exist"
    return None if written == address else f"write {written}, without spaces"


def describe_number(address: str) -> str:
    """Return a number as it may be logged."""
    return f"{address[:3]}…{address[-2:]}"
