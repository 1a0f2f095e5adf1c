"""The machine's clock is set, or the machine sleeps: no page twice, no step missed. On SQLite and on PostgreSQL."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from alert_webhook.delivery.breaker import FAILURES, LONGEST_PAUSE_S, Breaker, ask, tell
from alert_webhook.delivery.channel import Message, Reason, Receipt, Retry
from alert_webhook.delivery.throttle import throttled
from alert_webhook.escalation.engine import Engine
from alert_webhook.store.migrating import newest_revision
from tests.alert_webhook.delivery.test_throttle import page
from tests.fakes.daemons import wait_until
from tests.fakes.webhook_stack import Stack

HOUR_S = 3600.0
JUMPS = pytest.mark.parametrize(
    "jump_s", [-HOUR_S, HOUR_S, 24 * HOUR_S], ids=["an hour back", "an hour on", "a day on"]
)
HIGH = "high"
STEP_S = 25.0


def jump(stack: Stack, seconds: float) -> None:
    """Set the time of day; time itself does not pass."""
    stack.clock.set_now(stack.clock.now() + seconds)


def live(stack: Stack, *, minutes: float) -> None:
    """Let time pass as the engine sees it: a turn every few seconds."""
    for _ in range(round(minutes * 60 / STEP_S)):
        stack.clock.advance(STEP_S)
        stack.settle()


@JUMPS
def test_a_jump_between_two_steps_skips_none_and_repeats_none(stack: Stack, jump_s: float) -> None:
    stack.fire("LinkDown", severity=HIGH)
    stack.phone("ana").expects("LinkDown")
    live(stack, minutes=1)
    jump(stack, jump_s)
    live(stack, minutes=10)
    stack.phone("ben").expects("LinkDown", step=2)
    live(stack, minutes=10)
    stack.nothing_else()


def test_a_clock_set_back_does_not_put_off_a_step(stack: Stack) -> None:
    stack.fire("LinkDown", severity=HIGH)
    stack.phone("ana").expects("LinkDown")
    live(stack, minutes=8)
    jump(stack, -HOUR_S)
    live(stack, minutes=1)
    stack.nothing_else()
    live(stack, minutes=2)  # the step is due 10 minutes after the first; announcements are at most 30 s old
    stack.phone("ben").expects("LinkDown", step=2)


def test_a_clock_set_back_while_nothing_ran_is_noticed_at_the_start(stack: Stack) -> None:
    stack.fire("LinkDown", severity=HIGH)
    stack.phone("ana").expects("LinkDown")
    jump(stack, -24 * HOUR_S)
    fresh = Engine(
        stack.parts,
        stack.outbox,
        stack.engine._senders,  # a process that starts again
        wake=stack.wake,
        meters=stack.meters,
        revision=newest_revision(),
        idle=lambda: None,
    )
    fresh.turn()
    live(stack, minutes=10.5)
    stack.phone("ben").expects("LinkDown", step=2)


@JUMPS
def test_a_retry_comes_in_its_time(stack: Stack, jump_s: float) -> None:
    stack.channels["sms"].answers = [Retry("busy", after_s=20.0)]
    stack.fire("LinkDown", severity=HIGH)
    jump(stack, jump_s)
    live(stack, minutes=1.5)
    stack.phone("ana").expects("LinkDown", attempt=2, possible_duplicate=False)
    _second_step_if_on(stack, jump_s)


def _second_step_if_on(stack: Stack, jump_s: float) -> None:
    """A clock that was set forward makes the next step due: once."""
    if jump_s > 0:
        stack.phone("ben").expects("LinkDown", step=2)


@JUMPS
def test_a_page_on_its_way_while_the_clock_jumps_is_sent_once(stack: Stack, jump_s: float) -> None:
    """The sender is in the provider's call; the lease in the database looks long over, or as if it never ended."""
    called, answered = threading.Event(), threading.Event()

    def slow(_message: Message) -> None:
        called.set()
        assert answered.wait(20)

    stack.channels["sms"].during = slow
    with ThreadPoolExecutor(2) as senders:
        engine = Engine(
            stack.parts,
            stack.outbox,
            senders,
            wake=stack.wake,
            meters=stack.meters,
            revision=newest_revision(),
            idle=lambda: None,
        )
        assert stack.post(stack.alert("LinkDown", HIGH, 0, None, {})).status == 200
        engine.turn()
        assert called.wait(10)
        jump(stack, jump_s)
        for _ in range(5):
            engine.turn()
        assert [each.recipient.person for each in stack.channels["sms"].attempts].count("ana") == 1
        answered.set()
        wait_until(lambda: engine.idle, 10, "what is on its way to be recorded")
    stack.phone("ana").expects("LinkDown", possible_duplicate=False)
    _second_step_if_on(stack, jump_s)


@JUMPS
def test_a_page_whose_sender_died_goes_out_again_whatever_the_clock_says(stack: Stack, jump_s: float) -> None:
    assert stack.post(stack.alert("LinkDown", HIGH, 0, None, {})).status == 200
    place = "after_commit:claim"
    stack.store._failpoint = lambda passed: dies() if passed == place else None  # the process ends there
    with pytest.raises(DiedError):
        stack.engine.turn()
    stack.store._failpoint = lambda _passed: None
    jump(stack, jump_s)
    live(stack, minutes=2)
    stack.phone("ana").expects("LinkDown", possible_duplicate=True)
    _second_step_if_on(stack, jump_s)


class DiedError(Exception):
    """Stands for the end of the process."""


def dies() -> None:
    raise DiedError


def test_sleep_of_the_machine_delays_and_skips_nothing(stack: Stack) -> None:
    """Suspended: the time of day goes on, monotonic time does not."""
    stack.fire("LinkDown", severity=HIGH)
    stack.phone("ana").expects("LinkDown")
    jump(stack, 8 * HOUR_S)
    stack.settle()
    stack.phone("ben").expects("LinkDown", step=2)
    stack.nothing_else()


def test_a_resolve_that_comes_after_the_clock_was_set_back_is_told(stack: Stack) -> None:
    stack.fire("LinkDown", severity=HIGH)
    stack.phone("ana").expects("LinkDown")
    began = stack.clock.now()
    jump(stack, -HOUR_S)
    ended = stack.alert("LinkDown", HIGH, began - stack.clock.now(), began - stack.clock.now() + 60, {})
    assert stack.post(ended, group="LinkDown").status == 200
    live(stack, minutes=1)
    stack.phone("ana").expects(reason=Reason.RESOLVED)


def test_an_open_breaker_and_a_full_throttle_do_not_outlast_a_clock_set_back() -> None:
    now, breaker = 1_000_000.0, Breaker()
    for _ in range(FAILURES):
        breaker = tell(breaker, Retry("HTTP 503"), now)
    assert not ask(breaker, now)[1].send
    assert ask(breaker, now - HOUR_S)[1].send
    assert not ask(tell(breaker, Retry("HTTP 503"), now), now + LONGEST_PAUSE_S / 20)[1].send
    assert tell(breaker, Receipt(), now) == Breaker()
    assert not throttled(page(), [now - 1.0] * 5, now).send
    assert throttled(page(), [now - 1.0] * 5, now - HOUR_S).send
