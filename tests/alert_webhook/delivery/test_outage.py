"""A provider that fails for an hour, a real one on loopback, time moved by hand: everybody is told some other way."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

import pytest

from alert_webhook.config import Delivery, PolicyBlock, SeverityBlock, StepBlock
from alert_webhook.delivery.channel import ChannelContext, Reason
from alert_webhook.delivery.channels.pushover import PLUGIN, PushoverBlock
from alert_webhook.delivery.gate import LiveGate
from alert_webhook.incidents.actions import acknowledge
from alert_webhook.incidents.transitions import State
from alert_webhook.incidents.urgency import Urgency
from alert_webhook.oncall.person_blocks import ContactBlock, PersonBlock
from alert_webhook.store import views
from benchmarks.http_sink import Asked, HttpSink, http_answer
from heronwatch.secrets import Secret
from heronwatch.values import Duration, HttpUrl, Network
from tests.fakes.webhook_stack import FakeBlock, Stack, config

USERS = {"ana": "a" * 30, "ben": "b" * 30}
ANSWERS: dict[str, tuple[int, dict[str, str], dict[str, Any]]] = {
    "works": (200, {}, {"status": 1, "request": "r"}),
    "503": (503, {}, {}),
    "429": (429, {"Retry-After": "120"}, {}),
    "an error in a 200": (200, {}, {"status": 0, "errors": ["internal"]}),
}


class Provider(HttpSink):
    """A provider with a mood; "says nothing" leaves the caller waiting."""

    def __init__(self) -> None:
        super().__init__(self._said)
        self.mood = "works"
        self.asked = 0
        self.taken: list[tuple[str, str]] = []  # (user, title)

    def _said(self, asked: Asked) -> bytes | None:
        form = parse_qs(asked.body.decode())
        self.asked += 1
        if self.mood == "says nothing":
            return None
        if self.mood == "works":
            self.taken.append((form["user"][0], form["title"][0]))
        status, headers, said = ANSWERS[self.mood]
        return http_answer(status, json.dumps(said).encode(), headers)


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as made:
        yield made


@pytest.fixture
def stack(stack: Stack, provider: Provider) -> Stack:
    """Each person has the real channel first, then a mailbox that works; critical pages ask the first contact only."""
    block = PushoverBlock(
        token=Secret("t" * 30),
        base_url=HttpUrl.parse(provider.url),
        allowed_networks=(Network.parse("127.0.0.0/8"),),
        timeout=Duration(0.3),
    )
    people = {
        name: PersonBlock(
            contacts=(ContactBlock(channel="sms", address=key), ContactBlock(channel="mail", address=f"{name}@x.org"))
        )
        for name, key in USERS.items()
    }
    severities = {name: SeverityBlock(urgency=Urgency.PAGE) for name in ("critical", "high")}
    steps = (StepBlock(notify=("ana",)), StepBlock(notify=("ben",), after=Duration(600)))
    policies = {"default": PolicyBlock(steps=steps, exhausted_after=Duration(86_400))}
    stack.settings = config(
        people=people,
        severities=severities,
        default_severity="high",
        policies=policies,
        channels={"sms": block, "mail": FakeBlock()},
        delivery=Delivery(resolved=False),
    )
    context = ChannelContext("sms", "https://pager.example.org", stack.random, stack.clock.now)
    stack.channels["sms"] = RealChannel(PLUGIN.make(block, context))
    stack.gate = LiveGate(lambda: stack.settings)
    return stack


class RealChannel:
    """The channel itself; what it took is seen at the provider."""

    def __init__(self, channel: Any) -> None:
        self._channel = channel
        self.sent: list[Any] = []
        self.send, self.close = channel.send, channel.close


MOODS = pytest.mark.parametrize("mood", ["503", "429", "an error in a 200", "says nothing"])


@MOODS
def test_an_hour_without_the_provider(stack: Stack, provider: Provider, mood: str) -> None:
    provider.mood = mood
    stack.fire("Fire", severity="critical")
    stack.fast_forward(seconds=61)
    stack.mailbox("ana").expects("Fire", reason=Reason.FALLBACK)
    stack.nothing_else()
    stack.fast_forward(minutes=11)  # nobody answered: the next step, by the same broken provider
    stack.mailbox("ben").expects("Fire", reason=Reason.FALLBACK, step=2)
    for name in ("Acked", "Resolved", "Old"):
        stack.fire(name, severity="high")
    stack.fast_forward(minutes=38)
    answer(stack, "Acked")
    stack.resolve("Resolved", severity="high", at=1)
    late = stack.clock.now()
    stack.fire("New", severity="high")
    stack.fire("NewAndCritical", severity="critical")
    stack.fast_forward(minutes=10)
    assert provider.taken == []
    assert provider.asked < 120, "the breaker spares a provider that fails"
    provider.mood = "works"
    stack.fast_forward(minutes=4)
    titles = [title for _user, title in provider.taken]
    assert not [title for title in titles if any(word in title for word in ("Acked", "Resolved", "Old", "Fire"))]
    ana = [title for user, title in provider.taken if user == USERS["ana"]]
    assert len(ana) <= 2, "no flood"
    if mood in {"503", "429"}:  # what was certainly not taken is sent now, the most severe first
        assert [title.split()[1] for title in ana] == ["NewAndCritical", "New"], ana
    assert stack.clock.now() - late < 1800
    everybody_was_told(stack, "Acked", "Resolved", "Old", "New", "NewAndCritical")


def everybody_was_told(stack: Stack, *names: str) -> None:
    """Each incident reached ana by mail when it began, and ben where its second step came."""
    stack.collect()
    told = {(each.recipient.person, each.incident.title) for each in stack.unexpected}
    assert {("ana", name) for name in names} <= told
    stack.unexpected.clear()


def answer(stack: Stack, title: str) -> None:
    listed = stack.store.read(lambda tx: views.incident_list(tx, states=frozenset(State)))
    (found,) = (each for each in listed if each.title == title)
    acknowledge(stack.parts, found.id, who="ana", via="test")


def test_after_an_outage_the_most_severe_goes_first(stack: Stack, provider: Provider) -> None:
    provider.mood = "503"
    for number in range(3):
        stack.fire(f"High{number}", severity="high")
    stack.fire("Critical", severity="critical")
    stack.fast_forward(minutes=4)
    stack.unexpected.clear()
    provider.mood = "works"
    stack.fast_forward(minutes=3)
    assert len(provider.taken) == 4
    ranks = [title for _user, title in provider.taken[1:]]  # the first was the breaker's trial
    assert "Critical" in provider.taken[0][1] or "Critical" in ranks[0]
    everybody_was_told(stack)


def test_two_failures_ask_the_next_contact_before_a_minute_is_over(stack: Stack, provider: Provider) -> None:
    provider.mood = "503"
    stack.fire("Fire", severity="critical")
    began = stack.clock.now()
    while not stack.mailbox("ana").waiting() and stack.clock.now() - began < 90:
        stack.fast_forward(seconds=1)
        stack.collect()
    stack.mailbox("ana").expects("Fire", reason=Reason.FALLBACK)
    assert provider.asked == 2
    assert stack.clock.now() - began < 60
