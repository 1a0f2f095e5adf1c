"""What Twilio calls back with about SMS: states in any order, replies that acknowledge, and what must not."""

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse

from alert_webhook.delivery.channels.twilio_sms import TwilioSmsBlock
from alert_webhook.delivery.gauges import ChannelGauges
from alert_webhook.incidents.transitions import State
from alert_webhook.store.database import Store, Transaction
from alert_webhook.store.schema import incident
from heronwatch.secrets import Secret
from heronwatch.values import HttpUrl
from tests.alert_webhook.delivery.conftest import both_databases
from tests.fakes.channel_stack import LOCAL, PUBLIC_URL, ChannelStack, person, settings, values
from tests.fakes.clock import FakeClock
from tests.fakes.http_provider import answering
from tests.fakes.raw_server import raw_server
from tests.fakes.twilio import ACCOUNT, SENDER, Twilio

ANA, BEN, STRANGER = "+34600000001", "+34600000002", "+34600000009"
SPARE = "+34600000003"
WHERE = "/callbacks/sms"


@pytest.fixture
def twilio() -> Twilio:
    return Twilio("right")


@pytest.fixture
def stack(store: Store, clock: FakeClock, twilio: Twilio) -> Iterator[ChannelStack]:
    with raw_server(answering(twilio.answer)) as server:
        block = TwilioSmsBlock(
            account_sid=ACCOUNT,
            auth_token=Secret("right"),
            sender=SENDER,
            replies=True,
            base_url=HttpUrl.parse(f"http://127.0.0.1:{server.port}"),
            allowed_networks=LOCAL,
        )
        ana = person("Ana Silva", ("sms", ANA), ("spare", SPARE))
        people = {"ana": ana, "ben": person("Ben Adler", ("sms", BEN))}
        yield ChannelStack(store, clock, settings({"sms": block, "spare": block}, people))


def post(stack: ChannelStack, twilio: Twilio, fields: dict[str, str], **changes: Any) -> TestResponse:
    form = {"AccountSid": ACCOUNT, **fields}
    signature = twilio.signature(PUBLIC_URL + WHERE, form)
    headers = {"X-Twilio-Signature": signature, **changes.pop("headers", {})}
    return stack.web.post(WHERE, data=form | changes, headers=headers)


def status(stack: ChannelStack, twilio: Twilio, word: str, *, number: int = 1, code: str = "") -> TestResponse:
    fields = {"MessageSid": f"SM{number:032x}", "MessageStatus": word, "To": ANA, "From": SENDER}
    return post(stack, twilio, fields | ({"ErrorCode": code} if code else {}))


TEXTS = iter(range(1, 1_000_000))


def text(stack: ChannelStack, twilio: Twilio, words: str, *, sender: str = ANA, sid: str = "", **more: str) -> str:
    sid = sid or f"SM{next(TEXTS):032x}ff"
    answer = post(stack, twilio, {"MessageSid": sid, "From": sender, "To": SENDER, "Body": words, **more})
    assert answer.status_code == 200, answer.text
    assert answer.content_type == "text/xml; charset=utf-8"
    return answer.text


def page(stack: ChannelStack, name: str = "UpsOnBattery", severity: str = "high") -> str:
    stack.fire(name, severity=severity)
    found = stack.incident(stack.store.read(newest))
    return found.code


def newest(tx: Transaction) -> int:
    return int(tx.execute(sa.select(sa.func.max(incident.c.id))).scalar_one())


@pytest.fixture
def code(stack: ChannelStack) -> str:
    """The code of an incident that Ana was paged for."""
    return page(stack)


def test_message_asks_for_callbacks_and_says_how_to_answer(stack: ChannelStack, twilio: Twilio, code: str) -> None:
    (taken,) = twilio.taken
    assert taken["StatusCallback"] == PUBLIC_URL + WHERE
    assert taken["Body"].endswith(f"\nReply: ack {code}")


def test_message_goes_out_although_twilio_does_not_like_our_address(stack: ChannelStack, twilio: Twilio) -> None:
    twilio.unreachable_callbacks = True
    page(stack)
    assert ["StatusCallback" in each for each in twilio.taken] == [False]


@both_databases
@pytest.mark.parametrize(
    "words", ["ack {}", "{}", " ACK  {} ", "ack: {}", "{} ack", "Ack #{}.", "acknowledge {}", "ack"]
)
def test_reply_acknowledges(stack: ChannelStack, twilio: Twilio, code: str, words: str) -> None:
    answer = text(stack, twilio, words.format(code.lower()))
    assert f"<Message>{code} is yours: UpsOnBattery</Message>" in answer
    assert (stack.incident().state, stack.incident().acked_by) == (State.ACKNOWLEDGED, "Ana Silva")
    assert "acknowledged by Ana Silva, sms as ana/sms" in stack.told()


def test_second_person_hears_who_has_it(stack: ChannelStack, twilio: Twilio, code: str) -> None:
    stack.fast_forward(minutes=11)
    text(stack, twilio, "ack", sender=BEN)
    assert f"{code}: Ben Adler has it already." in text(stack, twilio, f"ack {code}")
    assert stack.incident().acked_by == "Ben Adler"


def test_reply_after_the_end_changes_nothing(stack: ChannelStack, twilio: Twilio, code: str) -> None:
    stack.resolve("UpsOnBattery", severity="high")
    assert f"{code} is over" in text(stack, twilio, f"ack {code}")
    assert "Nothing waits for your answer." in text(stack, twilio, "ack")
    assert stack.incident().state is State.RESOLVED


def test_bare_ack_asks_which_where_two_could_be_meant(stack: ChannelStack, twilio: Twilio, code: str) -> None:
    other = page(stack, "LinkDown")
    assert f"Which one? Reply ack and its code: {other}, {code}" in text(stack, twilio, "ack")
    assert [stack.incident(number).state for number in (1, 2)] == [State.NEW, State.NEW]


def test_strangers_are_refused_and_not_answered(stack: ChannelStack, twilio: Twilio, code: str) -> None:
    assert "<Message>" not in text(stack, twilio, f"ack {code}", sender=STRANGER)
    assert stack.incident().state is State.NEW


def test_who_was_not_paged_cannot_acknowledge(stack: ChannelStack, twilio: Twilio, code: str) -> None:
    assert "no code of an incident that you were paged for" in text(stack, twilio, f"ack {code}", sender=BEN)
    assert stack.incident().state is State.NEW


def test_five_wrong_codes_are_followed_by_silence_even_for_right_ones(
    stack: ChannelStack, twilio: Twilio, code: str
) -> None:
    answers = [text(stack, twilio, f"ack {wrong}") for wrong in ("2222", "3333", "4444", "5555", "6666")]
    assert all("no code of an incident" in answer for answer in answers)
    assert "<Message>" not in text(stack, twilio, f"ack {code}")
    assert stack.incident().state is State.NEW
    stack.clock.advance(15 * 60)
    assert "is yours" in text(stack, twilio, f"ack {code}")


def test_cool_down_is_for_one_number(stack: ChannelStack, twilio: Twilio, code: str) -> None:
    for wrong in ("2222", "3333", "4444", "5555", "6666", "7777"):
        text(stack, twilio, f"ack {wrong}", sender=BEN)
    assert "is yours" in text(stack, twilio, f"ack {code}")


def test_two_machines_that_answer_each_other_come_to_an_end(stack: ChannelStack, twilio: Twilio, code: str) -> None:
    answers = [text(stack, twilio, f"ack {code}") for _ in range(25)]
    assert ["<Message>" in answer for answer in answers] == [True] * 20 + [False] * 5


@both_databases
def test_same_reply_twice_counts_once(stack: ChannelStack, twilio: Twilio, code: str) -> None:
    first = text(stack, twilio, f"ack {code}", sid="SMtwice")
    stack.fast_forward(minutes=1)
    stack.resolve("UpsOnBattery", severity="high")
    assert text(stack, twilio, f"ack {code}", sid="SMtwice") == first
    assert len(values(stack.told(), "acknowledged by Ana Silva")) == 1


def test_old_reply_played_again_does_not_take_a_later_incident(stack: ChannelStack, twilio: Twilio, code: str) -> None:
    text(stack, twilio, "ack", sid="SMold")
    page(stack, "LinkDown")
    text(stack, twilio, "ack", sid="SMold")
    assert stack.incident(2).state is State.NEW


def test_stop_is_obeyed_until_start(stack: ChannelStack, twilio: Twilio, code: str) -> None:
    assert "<Message>" not in text(stack, twilio, "STOP", OptOutType="STOP")
    page(stack, "LinkDown")
    assert [each["To"] for each in twilio.taken] == [ANA, SPARE], "her next contact, at once"
    assert values(stack.told(2), "this address was given up: the person unsubscribed")
    text(stack, twilio, "start")
    page(stack, "FanDead")
    assert twilio.taken[-1]["To"] == ANA


@pytest.mark.parametrize(
    "words", ["", "   ", "thanks, I am on it", "ack ack ack", "\x00", "<Response/>", "ack " + "2" * 400]
)
def test_other_words_are_answered_with_how_it_goes(stack: ChannelStack, twilio: Twilio, code: str, words: str) -> None:
    assert "Reply: ack CODE" in text(stack, twilio, words)
    assert stack.incident().state is State.NEW


def test_answer_is_one_segment_of_escaped_text(stack: ChannelStack, twilio: Twilio) -> None:
    code = page(stack, "</Message><Message>evil & " + "x" * 300)
    answer = text(stack, twilio, f"ack {code}")
    assert answer.count("<Message>") == 1
    assert "&lt;/Message&gt;&lt;Message&gt;evil &amp; xxx" in answer


def test_state_that_arrives_is_in_the_timeline(stack: ChannelStack, twilio: Twilio, code: str) -> None:
    for word in ("queued", "sent", "delivered"):
        assert status(stack, twilio, word).status_code == 204
    assert values(stack.told(), "arrived") == ["page to ana/sms arrived: delivered"]


@both_databases
def test_states_in_any_order_and_twice_end_at_the_last(stack: ChannelStack, twilio: Twilio, code: str) -> None:
    for word in ("delivered", "sent", "queued", "delivered", "undelivered", "failed", "sending"):
        status(stack, twilio, word)
    assert values(stack.told(), "arriv") == ["page to ana/sms arrived: delivered"]
    assert len(twilio.taken) == 1


def test_message_that_does_not_arrive_is_followed_by_the_next_contact(
    stack: ChannelStack, twilio: Twilio, code: str
) -> None:
    status(stack, twilio, "undelivered", code="30003")
    stack.settle()
    assert [each["To"] for each in twilio.taken] == [ANA, SPARE]
    assert "page to ana/sms did not arrive: undelivered, Twilio's error 30003" in stack.told()
    assert "ana/sms does not work out: paging ana/spare too" in stack.told()


def test_step_that_reached_nobody_is_not_waited_for(stack: ChannelStack, twilio: Twilio, code: str) -> None:
    status(stack, twilio, "undelivered")
    stack.settle()
    status(stack, twilio, "failed", number=2)  # by the other channel's callback address it is unknown
    assert len(twilio.taken) == 2
    signature = twilio.signature(
        PUBLIC_URL + "/callbacks/spare",
        form := {"AccountSid": ACCOUNT, "MessageSid": f"SM{2:032x}", "MessageStatus": "failed"},
    )
    stack.web.post("/callbacks/spare", data=form, headers={"X-Twilio-Signature": signature})
    stack.settle()
    assert [each["To"] for each in twilio.taken] == [ANA, SPARE, BEN]
    assert "step 1 reached nobody: the next step is not waited for" in stack.told()


def test_failure_after_the_acknowledgement_pages_nobody(stack: ChannelStack, twilio: Twilio, code: str) -> None:
    text(stack, twilio, "ack")
    status(stack, twilio, "undelivered", code="30003")
    stack.fast_forward(minutes=20)
    assert len(twilio.taken) == 1


def test_landline_is_given_up_for_a_day(stack: ChannelStack, twilio: Twilio, code: str) -> None:
    status(stack, twilio, "undelivered", code="30006")
    stack.settle()
    page(stack, "LinkDown")
    assert [each["To"] for each in twilio.taken] == [ANA, SPARE, SPARE]
    stack.clock.advance(86_401)
    page(stack, "FanDead")
    assert ANA in [each["To"] for each in twilio.taken[3:]]


def test_state_of_a_message_that_is_not_ours_changes_nothing(stack: ChannelStack, twilio: Twilio, code: str) -> None:
    before = stack.told()
    assert status(stack, twilio, "undelivered", number=77).status_code == 204
    assert status(stack, twilio, "no such state").status_code == 204
    assert stack.told() == before


FORGERIES: list[dict[str, Any]] = [
    {"headers": {"X-Twilio-Signature": ""}},
    {"headers": {"X-Twilio-Signature": "GvWf1cFY/Q7PnoempGyD5oXAezc="}},
    {"Body": "ack 2222"},
    {"From": BEN},
    {"Extra": "1"},
    {"AccountSid": "AC" + "f" * 32},
]


@pytest.mark.parametrize("forgery", FORGERIES, ids=str)
def test_forged_replies_change_nothing(stack: ChannelStack, twilio: Twilio, code: str, forgery: dict[str, Any]) -> None:
    answer = post(stack, twilio, {"MessageSid": "SMx", "From": ANA, "To": SENDER, "Body": f"ack {code}"}, **forgery)
    assert (answer.status_code, answer.text) == (403, "Not accepted.\n")
    assert stack.incident().state is State.NEW


def test_signature_for_another_account_of_ours_does_not_fit(stack: ChannelStack, code: str) -> None:
    other = Twilio("another")
    answer = post(stack, other, {"MessageSid": "SMx", "From": ANA, "To": SENDER, "Body": f"ack {code}"})
    assert answer.status_code == 403


def test_host_header_does_not_matter(stack: ChannelStack, twilio: Twilio, code: str) -> None:
    fields = {"MessageSid": "SMx", "From": ANA, "To": SENDER, "Body": f"ack {code}"}
    assert post(stack, twilio, fields, headers={"Host": "evil.example"}).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", WHERE, 405),
        ("PUT", WHERE, 405),
        ("POST", WHERE + "/", 404),
        ("POST", "/callbacks/", 404),
        ("POST", "/callbacks/nobody", 404),
        ("POST", WHERE, 403),
    ],
)
def test_other_requests(stack: ChannelStack, method: str, path: str, expected: int) -> None:
    assert stack.web.open(path, method=method).status_code == expected


def test_large_body_is_not_read(stack: ChannelStack) -> None:
    assert stack.web.post(WHERE, data={"Body": "x" * 70_000}).status_code == 413


@pytest.mark.parametrize("body", [b"\xff\xfe", b"&" * 5000, b"a=%00%ff&=&==", b"{}", b"A=1&" * 300])
def test_bodies_that_are_no_form_are_refused(stack: ChannelStack, body: bytes) -> None:
    answer = stack.web.post(WHERE, data=body, content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 403


def test_database_that_is_away_is_a_503(stack: ChannelStack, twilio: Twilio, code: str) -> None:
    from alert_webhook.errors import StoreUnavailableError

    def away(*_: object) -> None:
        raise StoreUnavailableError("locked")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stack.store, "write", away)
        assert status(stack, twilio, "undelivered").status_code == 503
    assert status(stack, twilio, "undelivered", code="30003").status_code == 204


def test_stuck_message_is_asked_about(stack: ChannelStack, twilio: Twilio, code: str) -> None:
    sid = f"SM{1:032x}"
    twilio.states[sid] = {"status": "undelivered", "error_code": 30003}
    stack.after(seconds=59)
    assert twilio.looked_up == []
    stack.after(seconds=2)
    assert twilio.looked_up == [sid]
    assert [each["To"] for each in twilio.taken] == [ANA, SPARE]
    stack.after(seconds=600)
    assert twilio.looked_up.count(sid) == 1, "it is for good"


def test_message_that_nobody_knows_about_is_asked_about_less_and_less(
    stack: ChannelStack, twilio: Twilio, code: str
) -> None:
    twilio.states[f"SM{1:032x}"] = {"status": "sent", "error_code": None}
    for _ in range(6 * 60):
        stack.clock.advance(60)
        stack.aftercare.turn()
    assert 15 <= len(twilio.looked_up) <= 20, "after 1 min, twice as long each time up to 15 min, for 4 h"


def test_metrics_tell_what_nobody_confirmed_and_who_was_given_up(
    stack: ChannelStack, twilio: Twilio, code: str
) -> None:
    def read() -> dict[str, float]:
        families = ChannelGauges(stack.store, stack.parts.settings).collect()
        return {f"{s.name} {s.labels['channel']}": s.value for family in families for s in family.samples}

    assert set(read().values()) == {0.0}
    stack.clock.advance(301)
    assert read()["heronwatch_webhook_messages_unconfirmed sms"] == 1.0
    status(stack, twilio, "undelivered", code="30006")
    assert read()["heronwatch_webhook_messages_unconfirmed sms"] == 0.0
    assert read()["heronwatch_webhook_hopeless_addresses sms"] == 1.0


def test_message_known_to_have_arrived_is_not_asked_about(stack: ChannelStack, twilio: Twilio, code: str) -> None:
    status(stack, twilio, "delivered")
    stack.clock.advance(3600)
    assert stack.aftercare.turn() == 0
    assert twilio.looked_up == []


def test_process_that_died_after_the_send_does_not_send_again(
    stack: ChannelStack, twilio: Twilio, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twilio's answer was committed, the outcome was not: the lease ends, and the message is known to be on its way."""
    monkeypatch.setattr(stack.outbox, "_record", lambda *_: None)
    page(stack)
    monkeypatch.undo()
    stack.fast_forward(minutes=2)
    assert len(twilio.taken) == 1
    assert values(stack.told(), "accepted by the provider")
