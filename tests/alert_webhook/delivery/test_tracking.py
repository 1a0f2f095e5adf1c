"""Channels as the outbox uses them: fallback providers, hopeless addresses, messages that are on their way already."""

import pytest
from msgspec.structs import replace

from alert_webhook.config import Config
from alert_webhook.delivery.breaker import FAILURES
from alert_webhook.delivery.channel import Outcome, Permanent, Reason, Receipt, Retry, Unknown
from alert_webhook.delivery.tracking import TrackedChannels
from alert_webhook.errors import StoreUnavailableError
from alert_webhook.store import incidents
from alert_webhook.store.database import Store
from heronwatch.config import loads
from heronwatch.errors import ConfigError
from tests.fakes.channel_stack import person, values
from tests.fakes.clock import FakeClock
from tests.fakes.webhook_stack import FakeBlock, FakeChannel, Stack, config

PHONE = "+34600000001"


@pytest.fixture
def stack(store: Store, clock: FakeClock) -> Stack:
    """Ana has a phone, which two providers can reach, and a mailbox."""
    channels = {"sms": FakeBlock(fallback="spare"), "spare": FakeBlock(), "mail": FakeBlock()}
    people = {"ana": person("Ana", ("sms", PHONE), ("mail", "ana@example.org")), "ben": person("Ben", ("mail", "b@x"))}
    made = Stack(store, clock, config(channels=channels, people=people))
    made.channels["spare"] = FakeChannel()
    return made


def reached(stack: Stack, channel: str) -> list[str]:
    return [message.recipient.address for message in stack.channels[channel].sent]


def attempts(stack: Stack, channel: str) -> int:
    return len(stack.channels[channel].attempts)


@pytest.mark.parametrize("trouble", [Retry("HTTP 503"), Permanent("HTTP 401", refused_us=True)])
def test_other_provider_takes_over_at_once(stack: Stack, trouble: Outcome) -> None:
    stack.channels["sms"].default = trouble
    stack.fire("UpsOnBattery", severity="high")
    assert (reached(stack, "spare"), reached(stack, "mail")) == ([PHONE], [])
    assert values(told(stack), "page to ana/sms accepted by the provider")


def told(stack: Stack) -> list[str]:
    return [event.text for event in stack.store.read(lambda tx: incidents.timeline(tx, 1))]


@pytest.mark.parametrize(
    "trouble", [Unknown("no answer"), Permanent("HTTP 400"), Permanent("gone", disable_contact=True)]
)
def test_other_provider_is_not_asked_where_it_would_not_help_or_could_repeat(stack: Stack, trouble: Outcome) -> None:
    stack.channels["sms"].answers = [trouble]
    stack.fire("UpsOnBattery", severity="high")
    assert attempts(stack, "spare") == 0


def test_next_contact_follows_where_neither_provider_takes_it(stack: Stack) -> None:
    stack.channels["sms"].default = Permanent("HTTP 403", refused_us=True)
    stack.channels["spare"].default = Retry("HTTP 503")
    stack.fire("UpsOnBattery", severity="high")
    assert reached(stack, "mail") == ["ana@example.org"]


def test_provider_that_keeps_failing_is_left_in_peace_for_a_while(stack: Stack) -> None:
    stack.channels["sms"].default = Retry("HTTP 503")
    for number in range(FAILURES + 3):
        stack.fire(f"Alert{number}", severity="high")
    assert (attempts(stack, "sms"), len(reached(stack, "spare"))) == (FAILURES, FAILURES + 3)
    stack.clock.advance(16)
    stack.channels["sms"].default = Receipt("x")
    stack.fire("Later", severity="high")
    assert len(reached(stack, "sms")) == 1


def test_provider_without_fallback_is_never_held_back_here(stack: Stack) -> None:
    stack.channels["mail"].default = Retry("451")
    for number in range(FAILURES + 3):
        stack.fire(f"Alert{number}", severity="critical")
    assert attempts(stack, "mail") == FAILURES + 3


def test_hopeless_address_is_left_alone_and_its_provider_spared(stack: Stack) -> None:
    stack.channels["sms"].answers = [Permanent("HTTP 400, Twilio's error 21614", disable_contact=True)]
    stack.fire("One", severity="high")
    stack.fire("Two", severity="high")
    assert attempts(stack, "sms") == 1
    assert len(reached(stack, "mail")) == 2
    stack.clock.advance(86_401)
    stack.fire("Three", severity="high")
    assert attempts(stack, "sms") == 2


def test_another_address_of_the_same_channel_is_not_hopeless(stack: Stack) -> None:
    stack.channels["mail"].answers = [Permanent("550", disable_contact=True)]
    stack.fire("One", severity="critical")  # ana/sms and ana/mail
    stack.fast_forward(minutes=11)
    assert reached(stack, "mail") == ["b@x"]


def test_test_pages_try_a_hopeless_address(stack: Stack) -> None:
    stack.channels["sms"].answers = [Permanent("gone", disable_contact=True)]
    stack.fire("One", severity="high")
    message = replace(stack.channels["sms"].attempts[0], id="another", attempt=2)
    channel = TrackedChannels(stack.parts, lambda: stack.channels)()["sms"]
    assert isinstance(channel.send(message), Permanent)
    assert isinstance(channel.send(replace(message, reason=Reason.TEST)), Receipt)


def test_pages_go_out_while_the_database_is_away(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    stack.fire("One", severity="high")
    message = stack.channels["sms"].attempts[0]

    def away(*_: object) -> None:
        raise StoreUnavailableError("locked")

    monkeypatch.setattr(stack.store, "read", away)
    monkeypatch.setattr(stack.store, "write", away)
    channel = TrackedChannels(stack.parts, lambda: stack.channels)()["sms"]
    assert isinstance(channel.send(message), Receipt)
    stack.channels["sms"].answers = [Permanent("gone", disable_contact=True)]
    assert isinstance(channel.send(message), Permanent)


BASE = """
version: 1
database: {{sqlite: x.db}}
integrations: {{am: {{tokens: [0123456789abcdef], policy: p}}}}
people: {{ana: {{contacts: [{{channel: a}}]}}}}
policies: {{p: {{steps: [{{notify: [ana]}}]}}}}
channels:
  a: {{type: webhook, url: https://a.example.org/x, {a}}}
  b: {{type: webhook, url: https://b.example.org/x, {b}}}
"""
FAULTS = [
    ("fallback: c", "", "channels.a.fallback: 'c' is not in channels"),
    ("fallback: a", "", "channels.a.fallback: 'a' is this channel itself, or has a fallback of its own"),
    ("fallback: b", "fallback: a", "channels.b.fallback: 'a' is this channel itself, or has a fallback of its own"),
    ("fallback: b, timeout: 30s", "timeout: 30s", "channels.a.fallback: both time-outs together are not shorter"),
    ("privacy: some", "", "channels.a.privacy"),
]


@pytest.mark.parametrize(("a", "b", "fault"), FAULTS)
def test_bad_fallbacks_are_refused_when_the_configuration_loads(a: str, b: str, fault: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loads(BASE.format(a=a or "timeout: 5s", b=b or "timeout: 5s"), Config)
    assert fault in str(caught.value)


def test_good_fallback_loads() -> None:
    assert loads(BASE.format(a="fallback: b", b="timeout: 5s"), Config).value.channels["a"].fallback == "b"


def test_slacks_people_are_checked() -> None:
    text = BASE.format(a="timeout: 5s", b="timeout: 5s")
    text += "  c: {type: slack, bot_token: x, users: {U024BE7LH: anna}}\n"
    with pytest.raises(ConfigError) as caught:
        loads(text, Config)
    assert "channels.c.users.U024BE7LH: 'anna' is not in people (did you mean 'ana'?)" in str(caught.value)
