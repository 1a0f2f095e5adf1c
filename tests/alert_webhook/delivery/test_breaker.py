"""When a provider is left in peace, and the gate that remembers it for each channel."""

import threading

import pytest

from alert_webhook.config import Config
from alert_webhook.delivery.breaker import FAILURES, FIRST_PAUSE_S, LONGEST_PAUSE_S, PROBE_S, Breaker, ask, tell
from alert_webhook.delivery.channel import Message, Outcome, Permanent, Reason, Receipt, Retry, Unknown
from alert_webhook.delivery.gate import LiveGate
from heronwatch.values import Duration
from tests.fakes.channel_rigs import sample_message
from tests.fakes.webhook_stack import FakeBlock, config

NOW = 1_800_000_000.0
FAILED: list[Outcome] = [Retry("HTTP 503"), Unknown("no answer")]


def after(outcomes: list[Outcome], breaker: Breaker | None = None) -> Breaker:
    made = breaker or Breaker()
    for outcome in outcomes:
        made = tell(made, outcome, NOW)
    return made


@pytest.mark.parametrize("failure", FAILED)
def test_opens_after_failures_in_a_row(failure: Outcome) -> None:
    assert ask(after([failure] * (FAILURES - 1)), NOW)[1].send
    decision = ask(after([failure] * FAILURES), NOW)[1]
    assert (decision.send, decision.again_at) == (False, NOW + FIRST_PAUSE_S)
    assert decision.reason


@pytest.mark.parametrize("good", [Receipt("x"), Permanent("HTTP 400")])
def test_one_answer_closes_it(good: Outcome) -> None:
    assert after([*FAILED * FAILURES, good]) == Breaker()


def test_one_attempt_is_let_through_when_the_pause_is_over() -> None:
    opened = after(FAILED * FAILURES)
    later = opened.open_until
    half_open, first = ask(opened, later)
    _, second = ask(half_open, later + 1)
    assert (first.send, second.send) == (True, False)
    assert second.again_at == later + PROBE_S


def test_attempt_that_never_comes_back_does_not_block_for_ever() -> None:
    half_open, _ = ask(after(FAILED * FAILURES), NOW + 1000)
    assert ask(half_open, NOW + 1000 + PROBE_S)[1].send


def test_pauses_grow_to_a_limit() -> None:
    pauses = []
    breaker = after([FAILED[0]] * (FAILURES - 1))
    for _ in range(6):
        breaker = tell(breaker, FAILED[0], NOW)
        pauses.append(breaker.open_until - NOW)
    assert pauses == [15.0, 30.0, 60.0, 120.0, LONGEST_PAUSE_S, LONGEST_PAUSE_S]


def to(channel: str, severity: str = "critical") -> Message:
    message = sample_message("x")
    from msgspec.structs import replace

    incident = replace(message.incident, severity=severity)
    return replace(message, incident=incident, recipient=replace(message.recipient, channel=channel))


class Settings:
    """A configuration that a test replaces."""

    def __init__(self) -> None:
        self.now: Config = config()

    def __call__(self) -> Config:
        return self.now


@pytest.fixture
def settings() -> Settings:
    return Settings()


@pytest.fixture
def gate(settings: Settings) -> LiveGate:
    made = LiveGate(settings)
    for _ in range(FAILURES):
        made.tell("sms", Retry("HTTP 503"), NOW)
    return made


def test_one_provider_does_not_stop_another(gate: LiveGate) -> None:
    assert not gate.ask(to("sms"), (), NOW).send
    assert gate.ask(to("mail"), (), NOW).send


def test_breaker_stops_critical_pages_too_so_that_another_way_is_tried(gate: LiveGate) -> None:
    assert gate.ask(to("sms", "critical"), (), NOW).again_at == NOW + FIRST_PAUSE_S


def test_changed_channel_starts_afresh(gate: LiveGate, settings: Settings) -> None:
    settings.now = config(channels={"sms": FakeBlock(timeout=Duration(7)), "mail": FakeBlock()})
    assert gate.ask(to("sms"), (), NOW).send


def test_reload_without_a_change_keeps_the_breaker(gate: LiveGate, settings: Settings) -> None:
    settings.now = config()
    assert not gate.ask(to("sms"), (), NOW).send


def test_removed_channels_are_forgotten(gate: LiveGate, settings: Settings) -> None:
    settings.now = config(channels={"mail": FakeBlock()})
    gate.tell("mail", Receipt(), NOW)
    gate.tell("sms", Retry("late"), NOW)
    assert set(gate._breakers) == {"mail"}


def test_throttle_is_asked_first_and_uses_up_no_attempt(gate: LiveGate) -> None:
    later = NOW + FIRST_PAUSE_S
    assert not gate.ask(to("sms", "high"), (later,) * 5, later).send
    assert gate.ask(to("sms", "high"), (), later).send


def test_resolve_notices_pass_the_same_gate(gate: LiveGate) -> None:
    from msgspec.structs import replace

    assert not gate.ask(replace(to("sms"), reason=Reason.RESOLVED), (), NOW).send


def test_threads_let_one_attempt_through(gate: LiveGate) -> None:
    later, sent, start = NOW + FIRST_PAUSE_S, [], threading.Barrier(8)

    def attempt() -> None:
        start.wait(10)
        sent.append(gate.ask(to("sms"), (), later).send)

    threads = [threading.Thread(target=attempt) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert sorted(sent) == [False] * 7 + [True]
