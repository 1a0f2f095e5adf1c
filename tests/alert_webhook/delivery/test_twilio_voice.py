"""Calls by Twilio: what they say, which key acknowledges, and that a voicemail is nobody."""

import re
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from msgspec.structs import replace
from werkzeug.test import TestResponse

from alert_webhook.delivery.channel import ChannelContext, Outcome, Permanent, Reason, Receipt
from alert_webhook.delivery.channels.twilio_voice import NOT_TOLD, PLUGIN, TwilioVoiceBlock
from alert_webhook.incidents.transitions import State
from alert_webhook.store.database import Store
from heronwatch.config import loads
from heronwatch.errors import ConfigError
from heronwatch.secrets import Secret
from heronwatch.values import HttpUrl
from tests.fakes.channel_rigs import sample_message
from tests.fakes.channel_stack import LOCAL, PUBLIC_URL, ChannelStack, person, settings, values
from tests.fakes.clock import FakeClock
from tests.fakes.http_provider import answering
from tests.fakes.raw_server import raw_server
from tests.fakes.twilio import ACCOUNT, KEY, SENDER, Twilio

ANA, SPARE, BEN = "+34600000001", "+34600000003", "+34600000002"
WHERE = "/callbacks/call"
CALL = f"CA{1:032x}"


def block_at(port: int, **changes: Any) -> TwilioVoiceBlock:
    values = {
        "account_sid": ACCOUNT,
        "auth_token": Secret("right"),
        "sender": SENDER,
        "base_url": HttpUrl.parse(f"http://127.0.0.1:{port}"),
        "allowed_networks": LOCAL,
    }
    return TwilioVoiceBlock(**{**values, **changes})


@pytest.fixture
def twilio() -> Twilio:
    return Twilio("right")


@pytest.fixture
def stack(store: Store, clock: FakeClock, twilio: Twilio) -> Iterator[ChannelStack]:
    with raw_server(answering(twilio.answer)) as server:
        channels = {"call": block_at(server.port), "spare": block_at(server.port)}
        ana = person("Ana Silva", ("call", ANA), ("spare", SPARE))
        made = ChannelStack(store, clock, settings(channels, {"ana": ana, "ben": person("Ben", ("call", BEN))}))
        made.fire("UpsOnBattery", severity="high")
        yield made


def post(stack: ChannelStack, twilio: Twilio, query: str = "", **fields: str) -> TestResponse:
    form = {"AccountSid": ACCOUNT, "CallSid": CALL, "From": SENDER, "To": ANA, **fields}
    headers = {"X-Twilio-Signature": twilio.signature(f"{PUBLIC_URL}{WHERE}{query}", form)}
    return stack.web.post(WHERE + query, data=form, headers=headers)


def key_query(twilio: Twilio, number: int = 0) -> str:
    """The query of the address that the call posts its key to."""
    action = ET.fromstring(twilio.calls[number]["Twiml"]).find("Gather")
    assert action is not None
    assert action.attrib["action"].startswith(PUBLIC_URL + WHERE)
    return action.attrib["action"].removeprefix(PUBLIC_URL + WHERE)


def said(document: str) -> str:
    return " ".join(element.text or "" for element in ET.fromstring(document).iter("Say"))


def press(stack: ChannelStack, twilio: Twilio, key: str = "4", **more: str) -> str:
    answer = post(stack, twilio, key_query(twilio), Digits=key, CallStatus="in-progress", **more)
    assert (answer.status_code, answer.content_type) == (200, "text/xml; charset=utf-8")
    return said(answer.text)


def test_call_says_what_it_is_about_and_which_key_acknowledges(stack: ChannelStack, twilio: Twilio) -> None:
    (call,) = twilio.calls
    code = ", ".join(stack.incident().code)
    assert said(call["Twiml"]).startswith(
        f"Heronwatch. High. UpsOnBattery. Press 4 to acknowledge. The code is {code}."
    )
    assert (call["To"], call["From"], call["Timeout"], call["MachineDetection"]) == (ANA, SENDER, "30", "Enable")
    assert (call["StatusCallback"], twilio.events) == (PUBLIC_URL + WHERE, [["ringing", "answered", "completed"]])


def test_key_acknowledges_for_whoever_was_called(stack: ChannelStack, twilio: Twilio) -> None:
    assert re.fullmatch(r"Acknowledged\. ., ., ., . is yours\. Goodbye\.", press(stack, twilio))
    assert (stack.incident().state, stack.incident().acked_by) == (State.ACKNOWLEDGED, "Ana Silva")
    assert "acknowledged by Ana Silva, call as ana/call" in stack.told()


def test_call_that_somebody_answered_is_no_acknowledgement(stack: ChannelStack, twilio: Twilio) -> None:
    post(stack, twilio, CallStatus="in-progress", AnsweredBy="human")
    post(stack, twilio, CallStatus="completed", AnsweredBy="human")
    assert stack.incident().state is State.NEW
    assert values(stack.told(), "arrived") == ["page to ana/call arrived: answered"]


@pytest.mark.parametrize("answered_by", ["machine_start", "machine_end_beep", "fax"])
def test_voicemail_is_nobody(stack: ChannelStack, twilio: Twilio, answered_by: str) -> None:
    post(stack, twilio, CallStatus="completed", AnsweredBy=answered_by)
    stack.settle()
    assert stack.incident().state is State.NEW
    assert [call["To"] for call in twilio.calls] == [ANA, SPARE]
    assert "page to ana/call did not arrive: voicemail, no person answered the call" in stack.told()


def test_keys_that_a_machine_plays_acknowledge_nothing(stack: ChannelStack, twilio: Twilio) -> None:
    answer = post(stack, twilio, key_query(twilio), Digits="4", AnsweredBy="machine_start")
    assert answer.status_code == 204
    assert stack.incident().state is State.NEW


def test_other_key_asks_again_and_the_right_one_counts_then(stack: ChannelStack, twilio: Twilio) -> None:
    answer = post(stack, twilio, key_query(twilio), Digits="7", CallStatus="in-progress")
    gather = ET.fromstring(answer.text).find("Gather")
    assert gather is not None
    assert gather.attrib["action"] == PUBLIC_URL + WHERE + key_query(twilio)
    assert stack.incident().state is State.NEW
    assert press(stack, twilio).startswith("Acknowledged")


def test_silence_acknowledges_nothing(stack: ChannelStack, twilio: Twilio) -> None:
    assert post(stack, twilio, key_query(twilio), Digits="").status_code == 204
    assert stack.incident().state is State.NEW


@pytest.mark.parametrize("status", ["busy", "no-answer", "failed", "canceled"])
def test_call_that_nobody_takes_is_followed_by_the_next_contact(
    stack: ChannelStack, twilio: Twilio, status: str
) -> None:
    post(stack, twilio, CallStatus="ringing")
    post(stack, twilio, CallStatus=status)
    stack.settle()
    assert [call["To"] for call in twilio.calls] == [ANA, SPARE]


def test_states_out_of_order_and_twice(stack: ChannelStack, twilio: Twilio) -> None:
    for status in ("completed", "ringing", "completed", "no-answer", "queued"):
        post(stack, twilio, CallStatus=status, AnsweredBy="human")
    stack.settle()
    assert len(twilio.calls) == 1


def test_who_answered_is_asked_where_twilio_does_not_say(stack: ChannelStack, twilio: Twilio) -> None:
    twilio.states[CALL] = {"status": "completed", "answered_by": "machine_end_beep"}
    post(stack, twilio, CallStatus="completed")
    stack.after(seconds=1)
    assert twilio.looked_up == [CALL]
    assert [call["To"] for call in twilio.calls] == [ANA, SPARE]


def test_call_that_nobody_heard_of_is_asked_about(stack: ChannelStack, twilio: Twilio) -> None:
    twilio.states[CALL] = {"status": "no-answer", "answered_by": None}
    stack.after(seconds=61)
    assert [call["To"] for call in twilio.calls] == [ANA, SPARE]


def test_key_of_a_forged_request_acknowledges_nothing(stack: ChannelStack, twilio: Twilio) -> None:
    assert post(stack, Twilio("wrong"), key_query(twilio), Digits="4").status_code == 403
    other = f"?page={'0' * 32}"  # an address that we gave to nobody, although signed
    assert "nothing to acknowledge" in said(post(stack, twilio, other, Digits="4").text)
    assert stack.incident().state is State.NEW


def test_signature_covers_which_message_is_meant(stack: ChannelStack, twilio: Twilio) -> None:
    form = {"AccountSid": ACCOUNT, "CallSid": CALL, "To": ANA, "Digits": "4"}
    signature = twilio.signature(f"{PUBLIC_URL}{WHERE}?page=x", form)
    answer = stack.web.post(WHERE + key_query(twilio), data=form, headers={"X-Twilio-Signature": signature})
    assert answer.status_code == 403


def test_number_that_belongs_to_nobody_any_more(stack: ChannelStack, twilio: Twilio) -> None:
    assert "belongs to nobody any more" in press(stack, twilio, To="+34600000099")
    assert stack.incident().state is State.NEW


def test_second_key_says_who_has_it(stack: ChannelStack, twilio: Twilio) -> None:
    stack.fast_forward(minutes=11)
    press(stack, twilio)
    ben = key_query(twilio, 1)
    answer = post(stack, twilio, ben, Digits="4", To=BEN, CallSid=f"CA{2:032x}")
    assert said(answer.text) == "Ana Silva has it already. Goodbye."


def send(twilio: Twilio, message: Any, public_url: str = PUBLIC_URL, **changes: Any) -> Outcome:
    with raw_server(answering(twilio.answer)) as server:
        context = ChannelContext("call", public_url, bytes, lambda: 0.0)
        return PLUGIN.make(block_at(server.port, **changes), context).send(message)


def test_nobody_is_rung_up_to_hear_that_it_is_over(twilio: Twilio) -> None:
    over = sample_message(ANA, reason=Reason.RESOLVED, ack_url="")
    assert send(twilio, over) == Receipt("", NOT_TOLD)
    assert twilio.calls == []
    send(twilio, over, resolved=True)
    assert said(twilio.calls[0]["Twiml"]).startswith("Heronwatch. It is over.")
    assert "Press" not in twilio.calls[0]["Twiml"]


@pytest.mark.parametrize("reason", [Reason.DIGEST, Reason.HANDOVER])
def test_nobody_is_rung_up_for_a_notice(twilio: Twilio, reason: Reason) -> None:
    assert send(twilio, sample_message(ANA, reason=reason), resolved=True) == Receipt("", NOT_TOLD)
    assert twilio.calls == []


@pytest.mark.parametrize(("url", "changes"), [("", {}), (PUBLIC_URL, {"api_key": KEY})])
def test_no_key_is_asked_for_that_nobody_could_believe(url: str, changes: dict[str, str]) -> None:
    twilio = Twilio("right", user=changes.get("api_key", ACCOUNT))
    assert isinstance(send(twilio, sample_message(ANA), url, **changes), Receipt)
    assert "StatusCallback" not in twilio.calls[0]
    assert "Press" not in twilio.calls[0]["Twiml"]


def test_signing_token_beside_an_api_key(twilio: Twilio) -> None:
    twilio.user = KEY
    send(twilio, sample_message(ANA), api_key=KEY, signing_token=Secret("account's own"))
    assert twilio.calls[0]["StatusCallback"] == PUBLIC_URL + WHERE


def test_call_is_made_although_twilio_does_not_like_our_address(twilio: Twilio) -> None:
    twilio.unreachable_callbacks = True
    assert isinstance(send(twilio, sample_message(ANA)), Receipt)
    assert "Press" not in twilio.calls[0]["Twiml"]


@pytest.mark.parametrize("text", ["</Say><Dial>+1900</Dial>", "a & b", "\x00\x1b\ud800\ufffe", "&" * 5000, "\u202e"])
def test_whatever_alerts_say_is_read_out_and_nothing_else(twilio: Twilio, text: str) -> None:
    plain = sample_message(ANA)
    alert = replace(plain.incident.alerts[0], annotations={"summary": text})
    message = replace(plain, incident=replace(plain.incident, title=text, severity=text, alerts=(alert,)))
    assert isinstance(send(twilio, message), Receipt)
    document = ET.fromstring(twilio.calls[0]["Twiml"])
    assert {element.tag for element in document.iter()} == {"Response", "Gather", "Say"}


def test_number_that_is_none_is_hopeless(twilio: Twilio) -> None:
    twilio.refusals[ANA] = 21211
    assert send(twilio, sample_message(ANA)) == Permanent("HTTP 400, Twilio's error 21211", disable_contact=True)


FAULTS = [
    ("ring: 1s", "ring: expected 5s to 10m, found 1s"),
    ("language: '\"'", "language"),
    ("from: '12'", "is not a phone number in international form"),
    ("base_url: https://127.0.0.1", "the address is inside"),
    ("account_sid: AC1", "account_sid"),
]


@pytest.mark.parametrize(("line", "fault"), FAULTS)
def test_bad_blocks_are_refused_when_the_configuration_loads(line: str, fault: str) -> None:
    good = {"account_sid": ACCOUNT, "auth_token": "x", "from": f"'{SENDER}'"}
    text = "\n".join([*(f"{key}: {value}" for key, value in good.items() if key != line.partition(":")[0]), line])
    with pytest.raises(ConfigError, match=re.escape(fault)):
        loads(text, TwilioVoiceBlock)


def test_block_needs_a_number_that_calls() -> None:
    with pytest.raises(ConfigError, match="missing: the number that calls"):
        loads(f"account_sid: {ACCOUNT}\nauth_token: x\n", TwilioVoiceBlock)
