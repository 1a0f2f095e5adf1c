"""Calls by Twilio (POST /2010-04-01/Accounts/SID/Calls.json): the text is read out, a key acknowledges.

The words travel with the request, so that a call says them even while Twilio cannot reach us. A call that somebody
answered is no acknowledgement, and a voicemail is nobody: then the person's next contact is asked.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated
from urllib.parse import parse_qs, urlsplit

from msgspec import Meta

from alert_webhook.delivery import twiml
from alert_webhook.delivery.callback import (
    PAGE,
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
from alert_webhook.delivery.channel import (
    NOTICES,
    Channel,
    ChannelContext,
    Message,
    Outcome,
    Plugin,
    Reason,
    Receipt,
    Retry,
)
from alert_webhook.delivery.guarded_http import GuardedHttp
from alert_webhook.delivery.speech import speech, spelled
from alert_webhook.delivery.twilio_account import (
    TwilioAccount,
    TwilioBlock,
    callback_url,
    describe_number,
    number_fault,
    verified,
)
from alert_webhook.delivery.wording import ANSWERED
from heronwatch.retry import Backoff
from heronwatch.values import Duration

ACK_KEY = "4"  # none that a phone in a pocket, or a call screener, tends to press
STAGES = {  # Twilio's call statuses
    "queued": Stage.ACCEPTED,
    "initiated": Stage.ACCEPTED,
    "ringing": Stage.PASSED_ON,
    "in-progress": Stage.PASSED_ON,
    "completed": Stage.DELIVERED,
    "busy": Stage.FAILED,
    "no-answer": Stage.FAILED,
    "failed": Stage.FAILED,
    "canceled": Stage.FAILED,
}
EVENTS = ("ringing", "answered", "completed")
SHORTEST_RING, LONGEST_RING = Duration(5), Duration(600)
KEY_WAIT_S = 10
NOT_TOLD = "not called: nobody is rung up to hear what wants no answer"


class TwilioVoiceBlock(TwilioBlock, frozen=True, kw_only=True, tag="twilio_voice"):
    """A Twilio account and the number it calls from. `machine_detection` tells a voicemail from a person."""

    language: Annotated[str, Meta(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,2}$")] = "en-US"
    ring: Duration = Duration(30)
    machine_detection: bool = True
    resolved: bool = False  # ring people up to say that it is over

    def config_faults(self) -> Iterable[tuple[str, str]]:
        """Check that there is a number to call from, and the time it rings."""
        if not self.sender:
            yield "from", "missing: the number that calls"
        if not SHORTEST_RING <= self.ring <= LONGEST_RING:
            yield "ring", f"expected {SHORTEST_RING} to {LONGEST_RING}, found {self.ring}"
        yield from super().config_faults()


class TwilioVoice:
    """Makes one call by one request; hears keys, and how calls end."""

    polling = Backoff(first_s=60.0, factor=2.0, cap_s=600.0, jitter=0.0)
    asked_for_s = 3600.0

    def __init__(self, block: TwilioVoiceBlock, context: ChannelContext, account: TwilioAccount) -> None:
        self._block = block
        self._context = context
        self._account = account

    def send(self, message: Message) -> Outcome:
        """Have Twilio call."""
        if message.reason in ANSWERED or (message.reason is Reason.RESOLVED and not self._block.resolved):
            return Receipt("", NOT_TOLD)
        return self._account.create(lambda callback: form(self._block, message, callback=callback), prefix="CA")

    def lookup(self, reference: str) -> Heard | Retry:
        """Ask Twilio how a call went, and who answered."""
        return self._account.state(
            reference,
            lambda said: report_of(reference, str(said.get("status")), str(said.get("answered_by") or "unknown")),
        )

    def hear(self, request: CallbackRequest) -> Heard | Refused:
        """Return what a signed callback says: a key, or how far a call is."""
        fields = verified(self._block, request)
        if isinstance(fields, Refused):
            return fields
        sid, answered_by = fields.get("CallSid", ""), fields.get("AnsweredBy", "")
        if "Digits" in fields:
            return _pressed(sid, fields, page_of(request.url))
        unsure = self._block.machine_detection and fields.get("CallStatus") == "completed" and not answered_by
        report = report_of(sid, fields.get("CallStatus", ""), answered_by, unsure=unsure)
        return Heard(reports=(report,) if report else ())

    def respond(self, heard: Heard, results: Sequence[Result]) -> CallbackAnswer:
        """Answer a key with words, a status with nothing."""
        if not heard.replies:
            return CallbackAnswer()
        reply, result = heard.replies[0], results[0]
        spoken = twiml.say(answer_words(result), language=self._block.language)
        if result.verdict is Verdict.WRONG:
            action = self._key_url(reply.page)
            spoken = twiml.gather(spoken, action=action, timeout_s=KEY_WAIT_S) if action else spoken
        return CallbackAnswer(200, twiml.CONTENT_TYPE, twiml.response(spoken).encode())

    def _key_url(self, page: str) -> str:
        return callback_url(self._block, self._context.public_url, self._context.name, page=page)

    def close(self) -> None:
        """Release connections."""
        self._account.close()


def form(block: TwilioVoiceBlock, message: Message, *, callback: str) -> list[tuple[str, str]]:
    """Return the fields of the request; without `callback`, no key can acknowledge and none is asked for."""
    fields = [("To", message.recipient.address), ("From", block.sender), ("Timeout", str(int(block.ring)))]
    fields.append(("Twiml", document(block, message, key_url=f"{callback}?page={message.id}" if callback else "")))
    if block.machine_detection:
        fields.append(("MachineDetection", "Enable"))
    if callback:
        fields.append(("StatusCallback", callback))
        fields += [("StatusCallbackEvent", event) for event in EVENTS]
    return fields


def document(block: TwilioVoiceBlock, message: Message, *, key_url: str) -> str:
    """Return what the call says, twice, and where its key goes."""
    words = speech(message)
    if not key_url or message.reason in NOTICES:
        return twiml.response(*[twiml.say(words, language=block.language)] * 2)
    asking = f"{words} Press {ACK_KEY} to acknowledge. The code is {spelled(message.incident.code)}."
    gathered = twiml.gather(twiml.say(asking, language=block.language), action=key_url, timeout_s=KEY_WAIT_S)
    return twiml.response(gathered, gathered, twiml.say("Nobody answered. Goodbye.", language=block.language))


def page_of(url: str) -> str:
    """Return the message that a key is about, as our own address says; Twilio signed all of it."""
    return parse_qs(urlsplit(url).query).get("page", [""])[0]


def _pressed(sid: str, fields: Mapping[str, str], page: str) -> Heard:
    """Return what a key means; one that a machine played means nothing."""
    if _is_machine(fields.get("AnsweredBy", "")) or not fields["Digits"] or not sid:
        return Heard()
    wish = Wish.ACK if fields["Digits"] == ACK_KEY and PAGE.fullmatch(page) else Wish.OTHER
    reply = Reply(event=f"{sid}:{fields['Digits'][:8]}", sender=fields.get("To", ""), wish=wish, page=page)
    return Heard((Report(reference=sid, stage=Stage.DELIVERED, word="a key was pressed"),), (reply,))


def report_of(sid: str, status: str, answered_by: str, *, unsure: bool = False) -> Report | None:
    """Return what a status of a call means, None for one that nobody knows; `unsure` whether a person answered."""
    stage = STAGES.get(status)
    if stage is None or not sid:
        return None
    if unsure:
        return Report(reference=sid, stage=Stage.PASSED_ON, word=status, ask_now=True)
    if stage is Stage.DELIVERED and _is_machine(answered_by):
        return Report(reference=sid, stage=Stage.FAILED, word="voicemail", reason="no person answered the call")
    return Report(reference=sid, stage=stage, word="answered" if stage is Stage.DELIVERED else status)


def _is_machine(answered_by: str) -> bool:
    return answered_by.startswith(("machine", "fax"))


def answer_words(result: Result) -> str:
    """Return what somebody hears who pressed a key."""
    match result.verdict:
        case Verdict.TAKEN:
            return f"Acknowledged. {spelled(result.code)} is yours. Goodbye."
        case Verdict.ALREADY:
            return f"{result.by} has it already. Goodbye."
        case Verdict.OVER:
            return "It is over already. Goodbye."
        case Verdict.WRONG:
            return f"Press {ACK_KEY} to acknowledge."
        case Verdict.STRANGER:
            return "This number belongs to nobody any more. Nothing was acknowledged. Goodbye."
        case _:
            return "There is nothing to acknowledge. Goodbye."


def _make(block: TwilioVoiceBlock, context: ChannelContext) -> Channel:
    http = GuardedHttp(block.allowed_networks, clock=time.monotonic)
    return TwilioVoice(block, context, TwilioAccount(block, context, http, name="Calls"))


PLUGIN = Plugin("twilio_voice", TwilioVoiceBlock, _make, number_fault, describe_number)
