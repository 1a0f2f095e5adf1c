"""SMS by Twilio's message API (POST /2010-04-01/Accounts/SID/Messages.json), its status callbacks, and replies."""

import re
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated

from msgspec import Meta

from alert_webhook.delivery import twiml
from alert_webhook.delivery.callback import (
    CallbackAnswer,
    CallbackRequest,
    Heard,
    Refused,
    Reply,
    Report,
    Result,
    Stage,
    Verdict,
    Wish,
)
from alert_webhook.delivery.channel import Channel, ChannelContext, Message, Outcome, Plugin, Retry
from alert_webhook.delivery.gsm import fit, gsm
from alert_webhook.delivery.guarded_http import GuardedHttp
from alert_webhook.delivery.render import sms
from alert_webhook.delivery.twilio_account import (
    HOPELESS_NUMBERS,
    TwilioAccount,
    TwilioBlock,
    describe_number,
    named_code,
    number,
    number_fault,
    verified,
)
from alert_webhook.incidents.naming import ALPHABET
from heronwatch.retry import Backoff

STAGES = {  # Twilio's message statuses
    "accepted": Stage.ACCEPTED,
    "scheduled": Stage.ACCEPTED,
    "queued": Stage.ACCEPTED,
    "sending": Stage.PASSED_ON,
    "sent": Stage.PASSED_ON,
    "partially_delivered": Stage.PASSED_ON,
    "delivered": Stage.DELIVERED,
    "read": Stage.DELIVERED,
    "undelivered": Stage.FAILED,
    "failed": Stage.FAILED,
    "canceled": Stage.FAILED,
}
STOP_WORDS = frozenset({"stop", "stopall", "unsubscribe", "cancel", "end", "quit"})  # what Twilio itself obeys
START_WORDS = frozenset({"start", "unstop", "yes"})
CODE = rf"[{ALPHABET}]{{4,16}}"
ANSWER = re.compile(rf"(?:ack\w*)?[\s:#]*({CODE})?|({CODE})\s+ack\w*", re.IGNORECASE | re.ASCII)
ONE_SEGMENT = 160
MAX_REPLY = 1600


class TwilioSmsBlock(TwilioBlock, frozen=True, kw_only=True, tag="twilio_sms"):
    """A Twilio account. `from` is a number in international form; `messaging_service_sid` may stand in its place.

    `links: false` leaves the ack link out, for carriers that drop messages with links. `replies: true` tells people to
    answer: the number's "a message comes in" has to be set to `/callbacks/NAME`.
    """

    messaging_service_sid: Annotated[str, Meta(pattern=r"^(MG[0-9a-fA-F]{32})?$")] = ""
    links: bool = True
    replies: bool = False

    def config_faults(self) -> Iterable[tuple[str, str]]:
        """Check that there is one sender, and what holds for every account."""
        if bool(self.sender) == bool(self.messaging_service_sid):
            yield "from", "give either from or messaging_service_sid"
        if self.replies and self.signer is None:
            yield "signing_token", "missing: with api_key, replies need the account's own token to be believed"
        yield from super().config_faults()


class TwilioSms:
    """Sends one SMS by one request; hears what became of it, and what people reply."""

    polling = Backoff(first_s=60.0, factor=2.0, cap_s=900.0, jitter=0.0)
    asked_for_s = 4 * 3600.0  # Twilio's longest validity period of a message in its queue

    def __init__(self, block: TwilioSmsBlock, account: TwilioAccount) -> None:
        self._block = block
        self._account = account

    def send(self, message: Message) -> Outcome:
        """Hand an SMS to Twilio."""
        return self._account.create(lambda callback: form(self._block, message, callback=callback), prefix="SM")

    def lookup(self, reference: str) -> Heard | Retry:
        """Ask Twilio how far a message is."""
        return self._account.state(
            reference, lambda said: report_of(reference, str(said.get("status")), number(said.get("error_code")))
        )

    def hear(self, request: CallbackRequest) -> Heard | Refused:
        """Return what a signed callback says: a status, or a text from somebody."""
        fields = verified(self._block, request)
        if isinstance(fields, Refused):
            return fields
        sid = fields.get("MessageSid") or fields.get("SmsSid", "")
        if "MessageStatus" in fields:
            report = report_of(sid, fields["MessageStatus"], number(fields.get("ErrorCode", "")))
            return Heard(reports=(report,) if report else ())
        if not sid or "Body" not in fields or fields.get("OptOutType") == "HELP":  # Twilio answers that itself
            return Heard()
        return Heard(replies=(reply_of(sid, fields),))

    def respond(self, heard: Heard, results: Sequence[Result]) -> CallbackAnswer:
        """Answer a text with a text, a status with nothing."""
        if not heard.replies:
            return CallbackAnswer()
        words = [answer_text(result) for result in results]
        document = twiml.response(*(twiml.sms(each) for each in words if each))
        return CallbackAnswer(200, twiml.CONTENT_TYPE, document.encode())

    def close(self) -> None:
        """Release connections."""
        self._account.close()


def form(block: TwilioSmsBlock, message: Message, *, callback: str) -> dict[str, str]:
    """Return the fields of the request."""
    sender = {"From": block.sender} if block.sender else {"MessagingServiceSid": block.messaging_service_sid}
    text = sms(message, links=block.links, replies=block.replies)
    back = {"StatusCallback": callback} if callback else {}
    return {"To": message.recipient.address, **sender, "Body": text, **back}


def report_of(sid: str, status: str, code: int) -> Report | None:
    """Return what a status of Twilio's means, None for one that nobody knows."""
    stage = STAGES.get(status)
    if stage is None or not sid:
        return None
    failed = stage is Stage.FAILED
    why = named_code(code).removeprefix(", ") if failed else ""
    hopeless = failed and code in HOPELESS_NUMBERS
    return Report(reference=sid, stage=stage, word=status, reason=why, disable_contact=hopeless)


def reply_of(sid: str, fields: Mapping[str, str]) -> Reply:
    """Return what a text from somebody means: "ack K7QF", "k7qf", "ack", or a word that Twilio obeys."""
    words = " ".join(fields["Body"][:MAX_REPLY].split())
    opted = fields.get("OptOutType", "").upper()
    sender = fields.get("From", "")
    if opted == "STOP" or words.casefold() in STOP_WORDS:
        return Reply(event=sid, sender=sender, wish=Wish.STOP)
    if opted == "START" or words.casefold() in START_WORDS:
        return Reply(event=sid, sender=sender, wish=Wish.START)
    found = ANSWER.fullmatch(words.rstrip(".! ")) if words else None
    if found is None:
        return Reply(event=sid, sender=sender, wish=Wish.OTHER)
    return Reply(event=sid, sender=sender, wish=Wish.ACK, code=(found[1] or found[2] or "").upper())


def answer_text(result: Result) -> str:
    """Return what somebody is answered who sent a text; nothing for strangers and for those who try too often."""
    match result.verdict:
        case Verdict.TAKEN:
            words = f"{result.code} is yours: {result.title}"
        case Verdict.ALREADY:
            words = f"{result.code}: {result.by} has it already."
        case Verdict.OVER:
            words = f"{result.code} is over: there is nothing left to do."
        case Verdict.WHICH:
            words = f"Which one? Reply ack and its code: {', '.join(result.codes)}"
        case Verdict.NOTHING:
            words = "Nothing waits for your answer."
        case Verdict.WRONG:
            words = "That is no code of an incident that you were paged for. Reply: ack CODE"
        case _:
            return ""
    return fit(gsm(words), ONE_SEGMENT)


def _make(block: TwilioSmsBlock, context: ChannelContext) -> Channel:
    http = GuardedHttp(block.allowed_networks, clock=time.monotonic)
    return TwilioSms(block, TwilioAccount(block, context, http, name="Messages"))


PLUGIN = Plugin("twilio_sms", TwilioSmsBlock, _make, number_fault, describe_number)
