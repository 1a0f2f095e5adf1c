"""Slack: what is posted, who may press its button, and that the message follows the incident."""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from msgspec.structs import replace
from werkzeug.test import TestResponse

from alert_webhook.delivery.channel import ChannelContext, Outcome, Permanent, Receipt, Retry, Unknown
from alert_webhook.delivery.channels.slack import PLUGIN, SlackBlock, sign
from alert_webhook.incidents.actions import acknowledge
from alert_webhook.incidents.transitions import State
from alert_webhook.store.database import Store
from heronwatch.config import loads
from heronwatch.errors import ConfigError
from heronwatch.secrets import Secret
from heronwatch.values import HttpUrl
from tests.alert_webhook.delivery.conftest import both_databases
from tests.fakes.channel_rigs import sample_message
from tests.fakes.channel_stack import LOCAL, PUBLIC_URL, ChannelStack, person, settings, values
from tests.fakes.clock import FakeClock
from tests.fakes.http_provider import answering, http
from tests.fakes.raw_server import raw_server
from tests.fakes.slack import ANA, BEN, BOT, GUEST, ROOM, SIGNING, Slack, buttons, shown, signed

WHERE = "/callbacks/slack"


def block_at(port: int, **changes: Any) -> SlackBlock:
    values = {
        "bot_token": Secret(BOT),
        "signing_secret": Secret(SIGNING),
        "base_url": HttpUrl.parse(f"http://127.0.0.1:{port}"),
        "allowed_networks": LOCAL,
    }
    return SlackBlock(**{**values, **changes})


@pytest.fixture
def slack() -> Slack:
    return Slack()


@pytest.fixture
def stack(store: Store, clock: FakeClock, slack: Slack) -> Iterator[ChannelStack]:
    """Ana is paged in a room; Ben has a contact of his own, Ana is named by the block."""
    with raw_server(answering(slack.answer)) as server:
        people = {"ana": person("Ana Silva", ("slack", ROOM)), "ben": person("Ben Adler", ("slack", BEN))}
        channels = {"slack": block_at(server.port, users={ANA: "ana"})}
        made = ChannelStack(store, clock, settings(channels, people))
        made.fire("UpsOnBattery", severity="high")
        yield made


def press(stack: ChannelStack, body: bytes, **changes: Any) -> TestResponse:
    headers = changes.pop("headers", None) or signed(body, stack.clock.now() + changes.pop("late_s", 0))
    return stack.web.post(WHERE, data=body, headers=headers)


def test_message_has_a_button_and_no_link_where_others_read_it(stack: ChannelStack, slack: Slack) -> None:
    where, message = slack.newest()
    assert where.startswith(f"{ROOM}:")
    assert shown(message) == (
        f"HIGH UpsOnBattery [{stack.incident().code}]\nBegan 08:00 UTC, just now\nWaits for an answer · to Ana Silva"
    )
    assert [button["text"]["text"] for button in buttons(message)] == ["Acknowledge"]
    assert "/a/" not in json.dumps(message)


def test_message_to_one_person_has_the_link_too(stack: ChannelStack, slack: Slack) -> None:
    stack.fast_forward(minutes=11)
    _, message = slack.newest()
    acknowledge_button, link = buttons(message)
    assert acknowledge_button["text"]["text"] == "Acknowledge"
    assert link["url"].startswith(f"{PUBLIC_URL}/a/")


@both_databases
def test_press_acknowledges_and_everybody_sees_it(stack: ChannelStack, slack: Slack) -> None:
    answer = press(stack, slack.press(ANA))
    assert (answer.status_code, answer.data) == (200, b"")
    assert stack.incident().acked_by == "Ana Silva"
    stack.after(seconds=1)
    message = next(iter(slack.messages.values()))
    assert "Acknowledged by Ana Silva" in shown(message)
    assert buttons(message) == []


def test_person_with_a_contact_of_their_own_is_known_by_it(stack: ChannelStack, slack: Slack) -> None:
    press(stack, slack.press(BEN))
    assert stack.incident().acked_by == "Ben Adler"
    assert values(stack.told(), "slack as ben/slack")


def test_account_that_nobody_knows_is_refused_and_told_alone(stack: ChannelStack, slack: Slack) -> None:
    assert press(stack, slack.press(GUEST)).status_code == 200
    assert stack.incident().state is State.NEW
    (note,) = slack.notes
    assert (note["channel"], note["user"]) == (ROOM, GUEST)
    assert "your Slack account is none that Heronwatch knows" in note["text"]


def test_message_follows_what_happens_elsewhere(stack: ChannelStack, slack: Slack) -> None:
    acknowledge(stack.parts, 1, who="Ben Adler", via="web page")
    stack.after(seconds=1)
    (where, message) = next(iter(slack.messages.items()))
    assert "Acknowledged by Ben Adler" in shown(message)
    stack.resolve("UpsOnBattery", severity="high")
    stack.after(seconds=1)
    assert "It is resolved" in shown(slack.messages[where])
    updates = slack.updates
    stack.after(seconds=600)
    assert slack.updates == updates, "an incident that is over changes no more"


def test_message_that_follows_holds_no_url_of_ours_where_privacy_is_minimal(stack: ChannelStack, slack: Slack) -> None:
    bare = replace(stack.settings.channels["slack"], privacy="minimal")
    stack.settings = replace(stack.settings, channels={"slack": bare})
    stack.fire("LinkDown", severity="high", site="http://inside.lan/rack7")
    acknowledge(stack.parts, 2, who="Ben Adler", via="web page")
    stack.after(seconds=1)
    _first, message = slack.messages.values()
    assert "Acknowledged by Ben Adler" in shown(message)
    assert ("[link]" in shown(message), "inside.lan" in json.dumps(message)) == (True, False)


def test_message_that_somebody_deleted_is_done_with(stack: ChannelStack, slack: Slack) -> None:
    slack.messages.clear()
    acknowledge(stack.parts, 1, who="Ben Adler", via="web page")
    stack.after(seconds=120)
    assert slack.updates == 0
    assert stack.aftercare.turn() == 0


def test_change_that_slack_does_not_take_now_is_made_later(stack: ChannelStack, slack: Slack) -> None:
    slack.errors[ROOM] = "ratelimited"
    press(stack, slack.press(ANA))
    stack.after(seconds=1)
    assert slack.updates == 0
    slack.errors.clear()
    stack.after(seconds=31)
    assert slack.updates == 1


@both_databases
def test_same_press_twice_counts_once(stack: ChannelStack, slack: Slack) -> None:
    body = slack.press(ANA)
    press(stack, body)
    assert press(stack, body).status_code == 200
    assert len(values(stack.told(), "acknowledged by")) == 1


@pytest.mark.parametrize(("late_s", "status"), [(-301, 403), (-299, 200), (299, 200), (301, 403)])
def test_press_is_believed_for_five_minutes(stack: ChannelStack, slack: Slack, late_s: int, status: int) -> None:
    assert press(stack, slack.press(ANA), late_s=late_s).status_code == status
    assert (stack.incident().state is State.ACKNOWLEDGED) == (status == 200)


def test_forged_presses_change_nothing(stack: ChannelStack, slack: Slack) -> None:
    body = slack.press(ANA)
    right = signed(body, stack.clock.now())
    wrong: list[dict[str, str]] = [
        {},
        {**right, "X-Slack-Signature": ""},
        {**right, "X-Slack-Signature": "v0=" + "0" * 64},
        {**right, "X-Slack-Request-Timestamp": str(int(stack.clock.now()) + 1)},
        {**right, "X-Slack-Request-Timestamp": "soon"},
        {**right, "X-Slack-Request-Timestamp": "9" * 30},
        {**right, "X-Slack-Request-Timestamp": "²"},
        signed(body, stack.clock.now(), "another secret"),
        signed(body + b"&x=1", stack.clock.now()),
    ]
    for headers in wrong:
        assert stack.web.post(WHERE, data=body, headers=headers).status_code == 403, headers
    assert stack.incident().state is State.NEW


ODD_PAYLOADS: list[object] = [
    None,
    [],
    {},
    {"type": "view_submission"},
    {"type": "block_actions"},
    {"type": "block_actions", "user": [], "actions": {}},
    {"type": "block_actions", "user": {"id": 7}, "actions": [{"action_id": "heronwatch_ack"}]},
    {"type": "block_actions", "user": {"id": ANA}, "actions": [7, None, {"action_id": ["heronwatch_ack"]}]},
    {"type": "block_actions", "user": {"id": ANA}, "actions": [{"action_id": "open", "value": "x"}]},
    {"type": "block_actions", "user": {"id": ANA}, "actions": [{"action_id": "heronwatch_ack", "value": "\x00"}] * 99},
]


@both_databases
@pytest.mark.parametrize("value", ["", "\x00", "\ud800", "x" * 10_000], ids=["empty", "NUL", "half", "long"])
def test_odd_texts_are_only_unknown(stack: ChannelStack, slack: Slack, value: str) -> None:
    action = {"action_id": "heronwatch_ack", "value": value, "action_ts": value}
    payload = {"type": "block_actions", "user": {"id": ANA}, "actions": [action], "container": {"channel_id": value}}
    assert press(stack, urlencode({"payload": json.dumps(payload)}).encode()).status_code == 200
    assert stack.incident().state is State.NEW


@pytest.mark.parametrize("payload", ODD_PAYLOADS, ids=range(len(ODD_PAYLOADS)))
def test_odd_payloads_change_nothing(stack: ChannelStack, payload: object) -> None:
    body = urlencode({"payload": json.dumps(payload)}).encode()
    assert press(stack, body).status_code == 200
    assert stack.incident().state is State.NEW


@pytest.mark.parametrize("body", [b"", b"payload=%ff%fe", b"\xff", b"payload=" + b"[" * 20_000])
def test_bodies_that_are_none_change_nothing(stack: ChannelStack, body: bytes) -> None:
    assert press(stack, body).status_code == 200


def test_signature_of_slacks_own_library() -> None:
    """Made with slack_sdk 3.47."""
    body = b"payload=%7B%22type%22%3A%22block_actions%22%7D"
    right = "v0=9dffc25b49a4a7fc2e15c9c9450bf8af09eb501fcef9039eaea3deb58af0c82c"
    assert sign(Secret(SIGNING), "1531420618", body) == right


def send(slack: Slack, message: Any, **changes: Any) -> Outcome:
    with raw_server(answering(slack.answer)) as server:
        context = ChannelContext("slack", PUBLIC_URL, bytes, lambda: 0.0)
        return PLUGIN.make(block_at(server.port, **changes), context).send(message)


def test_no_button_where_a_press_could_not_be_believed(slack: Slack) -> None:
    send(slack, sample_message(ROOM), signing_secret=None)
    assert buttons(slack.newest()[1]) == []


@pytest.mark.parametrize("text", ["<!channel>", "<!here> <@U024BE7LH>", "@everyone", "<https://evil.org|our wiki>"])
def test_whatever_alerts_say_mentions_and_links_nobody(slack: Slack, text: str) -> None:
    plain = sample_message(ROOM)
    send(slack, replace(plain, incident=replace(plain.incident, title=text), context=(text,)))
    _, message = slack.newest()
    assert (message["parse"], message["link_names"], message["unfurl_links"]) == ("none", False, False)
    assert "<" not in message["text"]
    assert all(block["text"]["type"] == "plain_text" for block in message["blocks"] if "text" in block)


ERRORS = [
    ("ratelimited", Retry("Slack's error ratelimited")),
    ("internal_error", Retry("Slack's error internal_error")),
    ("token_revoked", Permanent("Slack's error token_revoked", refused_us=True)),
    ("missing_scope", Permanent("Slack's error missing_scope", refused_us=True)),
    ("is_archived", Permanent("Slack's error is_archived", disable_contact=True)),
    ("not_in_channel", Permanent("Slack's error not_in_channel")),
    ("what is <this>?", Unknown("HTTP 200 with an answer that is none")),
]


@pytest.mark.parametrize(("error", "outcome"), ERRORS)
def test_errors_that_come_with_a_200(slack: Slack, error: str, outcome: Outcome) -> None:
    slack.errors[ROOM] = error
    assert send(slack, sample_message(ROOM)) == outcome


def test_rate_limit_says_when() -> None:
    with raw_server(answering(lambda _: http(429, b'{"ok":false}', {"Retry-After": "7"}))) as server:
        channel = PLUGIN.make(block_at(server.port), ChannelContext("slack", "", bytes, lambda: 0.0))
        assert channel.send(sample_message(ROOM)) == Retry("HTTP 429", 7.0)


def test_wrong_token_is_about_us(slack: Slack) -> None:
    outcome = send(slack, sample_message(ROOM), bot_token=Secret("xoxb-wrong"))
    assert outcome == Permanent("Slack's error invalid_auth", refused_us=True)


def test_reference_is_where_the_message_is(slack: Slack) -> None:
    assert send(slack, sample_message(ANA)) == Receipt(f"D{ANA[1:]}:1800000000.000001")


@pytest.mark.parametrize("address", ["", "#ops", "ops", "c024be91l", "X024BE91L", "C024BE91L\n", "C" + "1" * 30])
def test_bad_addresses_are_refused_when_the_configuration_loads(address: str) -> None:
    assert PLUGIN.address_fault(address)


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("users: {ana: ana}", "users.ana: 'ana' is not the id of a person in Slack (U024BE7LH)"),
        ("base_url: http://slack.example.org", "without TLS only addresses inside allowed_networks are reached"),
    ],
)
def test_bad_blocks_are_refused_when_the_configuration_loads(line: str, fault: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(fault)):
        loads(f"bot_token: x\n{line}\n", SlackBlock)
