"""Pushover: emergencies that repeat until acknowledged, receipts, and what ends them."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from alert_webhook.delivery.channel import ChannelContext, Outcome, Permanent, Reason, Receipt
from alert_webhook.delivery.channels.pushover import PLUGIN, PushoverBlock
from alert_webhook.incidents.transitions import State
from alert_webhook.store.database import Store
from heronwatch.config import loads
from heronwatch.errors import ConfigError
from heronwatch.secrets import Secret
from heronwatch.values import Duration, HttpUrl
from tests.fakes.channel_rigs import sample_message
from tests.fakes.channel_stack import LOCAL, PUBLIC_URL, ChannelStack, person, settings, values
from tests.fakes.clock import FakeClock
from tests.fakes.http_provider import answering
from tests.fakes.pushover import ANA, BEN, TOKEN, Emergency, Pushover
from tests.fakes.raw_server import raw_server


def block_at(port: int, **changes: Any) -> PushoverBlock:
    url = HttpUrl.parse(f"http://127.0.0.1:{port}")
    return PushoverBlock(**{"token": Secret(TOKEN), "base_url": url, "allowed_networks": LOCAL, **changes})


@pytest.fixture
def pushover() -> Pushover:
    return Pushover()


@pytest.fixture
def stack(store: Store, clock: FakeClock, pushover: Pushover) -> Iterator[ChannelStack]:
    with raw_server(answering(pushover.answer)) as server:
        people = {"ana": person("Ana Silva", ("push", ANA)), "ben": person("Ben Adler", ("push", BEN))}
        made = ChannelStack(store, clock, settings({"push": block_at(server.port)}, people))
        made.fire("UpsOnBattery")
        yield made


def emergency(pushover: Pushover) -> Emergency:
    return next(iter(pushover.emergencies.values()))


def called_back(stack: ChannelStack, pushover: Pushover, receipt: str, *, url: str = "") -> int:
    """Pushover's callback, which nobody signs."""
    path = (url or emergency(pushover).fields["callback"]).removeprefix(PUBLIC_URL)
    return stack.web.post(path, data={"receipt": receipt, "acknowledged": "1", "acknowledged_by": ANA}).status_code


def test_critical_page_repeats_until_acknowledged(stack: ChannelStack, pushover: Pushover) -> None:
    (taken,) = pushover.taken
    assert (taken["user"], taken["priority"], taken["retry"], taken["expire"]) == (ANA, "2", "60", "3600")
    assert taken["title"] == f"CRITICAL UpsOnBattery [{stack.incident().code}]"
    assert taken["url"].startswith(f"{PUBLIC_URL}/a/")


def test_receipt_that_says_so_acknowledges(stack: ChannelStack, pushover: Pushover) -> None:
    emergency(pushover).acknowledged_by = ANA
    stack.after(seconds=16)
    assert (stack.incident().state, stack.incident().acked_by) == (State.ACKNOWLEDGED, "Ana Silva")
    assert "acknowledged by Ana Silva, push as ana/push" in stack.told()
    asked = len(pushover.asked)
    stack.after(seconds=120)
    assert len(pushover.asked) == asked, "an answer is enough"


def test_receipt_is_asked_for_no_faster_than_pushover_allows(stack: ChannelStack, pushover: Pushover) -> None:
    for _ in range(60):
        stack.clock.advance(1)
        stack.aftercare.turn()
    assert 3 <= len(pushover.asked) <= 12


def test_callback_makes_us_ask_and_is_not_believed_by_itself(stack: ChannelStack, pushover: Pushover) -> None:
    (receipt,) = pushover.emergencies
    assert called_back(stack, pushover, receipt) == 204
    stack.after(seconds=0)
    assert pushover.asked == [receipt]
    assert stack.incident().state is State.NEW
    emergency(pushover).acknowledged_by = ANA
    called_back(stack, pushover, receipt)
    stack.after(seconds=0)
    assert stack.incident().state is State.ACKNOWLEDGED


def test_callback_without_our_key_is_refused(stack: ChannelStack, pushover: Pushover) -> None:
    (receipt,) = pushover.emergencies
    right = emergency(pushover).fields["callback"]
    for wrong in (f"{PUBLIC_URL}/callbacks/push", right[:-1] + "x", right + "0", f"{PUBLIC_URL}/callbacks/push?key=é"):
        assert called_back(stack, pushover, receipt, url=wrong) == 403
    assert called_back(stack, pushover, "no receipt") == 403
    assert called_back(stack, pushover, "r" + "9" * 29) == 204  # not ours: nothing is asked
    stack.after(seconds=1)
    assert pushover.asked == []


def test_acknowledgement_of_an_account_we_do_not_know_is_refused(stack: ChannelStack, pushover: Pushover) -> None:
    emergency(pushover).acknowledged_by = "u" + "Z" * 29
    stack.after(seconds=16)
    assert stack.incident().state is State.NEW


def test_emergency_ends_when_somebody_answers_elsewhere(stack: ChannelStack, pushover: Pushover) -> None:
    from alert_webhook.incidents.actions import acknowledge

    stack.after(seconds=16)
    assert not emergency(pushover).cancelled
    acknowledge(stack.parts, 1, who="Ben Adler", via="web page")
    stack.after(seconds=1)
    assert emergency(pushover).cancelled


def test_emergency_ends_with_the_incident_and_is_asked_about_no_more(stack: ChannelStack, pushover: Pushover) -> None:
    stack.resolve("UpsOnBattery")
    stack.after(seconds=1)
    assert emergency(pushover).cancelled
    assert pushover.taken[-1]["priority"] == "-1", "that it is over makes no noise"
    stack.after(seconds=120)
    assert pushover.asked == []


def test_emergency_that_reached_no_device_pages_the_next_person(stack: ChannelStack, pushover: Pushover) -> None:
    emergency(pushover).delivered, emergency(pushover).expired = False, True
    stack.after(seconds=16)
    assert "page to ana/push did not arrive: expired, it reached no device" in stack.told()
    assert [taken["user"] for taken in pushover.taken] == [ANA, BEN]


def test_delivery_is_in_the_timeline_once(stack: ChannelStack, pushover: Pushover) -> None:
    stack.after(seconds=60)
    assert values(stack.told(), "arrived") == ["page to ana/push arrived: delivered"]


def send(pushover: Pushover, message: Any, **changes: Any) -> Outcome:
    with raw_server(answering(pushover.answer)) as server:
        context = ChannelContext("push", PUBLIC_URL, bytes, lambda: 0.0)
        return PLUGIN.make(block_at(server.port, **changes), context).send(message)


@pytest.mark.parametrize(
    ("changes", "emergency_of", "priority"),
    [
        ({}, ("critical",), "2"),
        ({}, (), "1"),
        ({"reason": Reason.RESOLVED, "ack_url": ""}, ("critical",), "-1"),
        ({"reason": Reason.TEST}, ("critical",), "2"),
        ({"reason": Reason.DIGEST}, ("critical",), "-1"),
        ({"reason": Reason.REMINDER}, ("critical",), "1"),
    ],
)
def test_priorities(pushover: Pushover, changes: dict[str, Any], emergency_of: tuple[str, ...], priority: str) -> None:
    assert isinstance(send(pushover, sample_message(ANA, **changes), emergency=emergency_of), Receipt)
    assert pushover.taken[0]["priority"] == priority
    assert ("callback" in pushover.taken[0]) == (priority == "2")


def test_repeat_says_so(pushover: Pushover) -> None:
    send(pushover, sample_message(ANA, possible_duplicate=True))
    assert pushover.taken[0]["message"].startswith("You may have got this already")


def test_user_who_is_gone_is_hopeless(pushover: Pushover) -> None:
    assert send(pushover, sample_message("u" + "Z" * 29)) == Permanent("HTTP 400, invalid: user", disable_contact=True)


def test_wrong_token_is_about_us(pushover: Pushover) -> None:
    outcome = send(pushover, sample_message(ANA), token=Secret("x" * 30))
    assert outcome == Permanent("HTTP 400, invalid: token", refused_us=True)


FAULTS = [
    ("retry: 10s", "retry: Pushover takes 30s or more, found 10s"),
    ("expire: 4h", "expire: Pushover takes at most 3h, found 4h"),
    ("base_url: http://api.example.org", "without TLS only addresses inside allowed_networks are reached"),
]


@pytest.mark.parametrize(("line", "fault"), FAULTS)
def test_bad_blocks_are_refused_when_the_configuration_loads(line: str, fault: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(fault)):
        loads(f"token: x\n{line}\n", PushoverBlock)


@pytest.mark.parametrize("address", ["", "ana", "u" * 29, "u" * 31, "é" * 30, "u" * 29 + "\n"])
def test_bad_keys_are_refused_when_the_configuration_loads(address: str) -> None:
    assert PLUGIN.address_fault(address)


def test_durations_are_whole_seconds(pushover: Pushover) -> None:
    send(pushover, sample_message(ANA), retry=Duration(90.5))
    assert pushover.taken[0]["retry"] == "90"
