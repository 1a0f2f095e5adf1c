"""How often a device may be asked: every rule as one fact, time and chance as arguments."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.metric.samples import Fault
from exporters.probing.pacing import NEW, History, Pacing, Reason, after, asked, decide
from heronwatch.values import Duration

PACING = Pacing()


def fault(reason: str) -> list[Fault]:
    return [Fault("m", reason, "")]


def failed(history: History, reason: str, *, now: float, answered: bool = False) -> History:
    return after(history, PACING, faults=fault(reason), answered=answered, now=now, random=1.0)


def allowed(history: History, now: float, *, min_interval: float = 0.0) -> bool:
    known = asked(history, now=history.asked_at or 0.0)
    return decide(known, PACING, now=now, started_at=0.0, share=0.0, min_interval=min_interval).allowed


def test_one_timeout_closes_nothing() -> None:
    assert allowed(failed(NEW, "timeout", now=100), 100)


def test_second_timeout_in_a_row_backs_off_and_each_further_one_twice_as_long() -> None:
    history, waits = NEW, []
    for _ in range(6):
        history = failed(history, "timeout", now=100)
        waits.append(None if history.closed_until is None else history.closed_until - 100)
    assert waits == [None, 10, 20, 40, 60, 60]


def test_backoff_tells_when_it_ends() -> None:
    history = failed(failed(NEW, "timeout", now=100), "unreachable", now=100)
    decision = decide(history, PACING, now=105, started_at=0, share=0, min_interval=0)
    assert (decision.allowed, decision.reason, decision.again_at) == (False, Reason.BACKOFF, 110)
    assert allowed(history, 110)


def test_partial_answer_is_no_silence() -> None:
    history = failed(failed(NEW, "timeout", now=100), "timeout", now=100, answered=True)
    assert history.timeouts == 0


def test_answer_forgets_the_timeouts() -> None:
    history = after(failed(NEW, "timeout", now=1), PACING, faults=[], answered=True, now=2, random=0)
    assert (history.timeouts, history.closed_until) == (0, None)


def test_third_refused_login_stops_the_device_for_the_retry_time() -> None:
    history = failed(failed(NEW, "auth", now=0), "auth", now=0)
    assert allowed(history, 0)
    history = failed(history, "auth", now=0)
    decision = decide(history, PACING, now=1799, started_at=0, share=0, min_interval=0)
    assert (decision.reason, decision.again_at) == (Reason.STOPPED, 1800)
    assert allowed(history, 1800)


def test_after_the_retry_time_one_more_refusal_stops_it_again() -> None:
    history = NEW
    for now in (0, 0, 0, 1800):
        history = failed(history, "auth", now=now)
    assert history.closed_until == 3600


@pytest.mark.parametrize("reason", ["refused", "decode", "limit", "internal", "busy"])
def test_other_faults_are_no_reason_to_wait(reason: str) -> None:
    history = NEW
    for _ in range(10):
        history = failed(history, reason, now=0)
    assert allowed(history, 0)


def test_interval_is_kept() -> None:
    history = asked(NEW, now=100)
    decision = decide(history, PACING, now=103, started_at=0, share=0, min_interval=10)
    assert (decision.reason, decision.again_at) == (Reason.INTERVAL, 110)


def test_first_scrapes_are_spread_over_the_time_after_a_start() -> None:
    slots = [
        decide(NEW, PACING, now=0, started_at=0, share=share, min_interval=0).again_at for share in (0.2, 0.5, 0.9)
    ]
    assert slots == [1.0, 2.5, 4.5]


@given(
    steps=st.lists(
        st.tuples(st.floats(0, 100), st.sampled_from(["", "timeout", "auth", "decode"]), st.floats(0, 1)), max_size=40
    ),
    min_interval=st.floats(0, 60),
)
def test_no_device_is_asked_more_often_than_allowed(steps: list[tuple[float, str, float]], min_interval: float) -> None:
    history, now, last = NEW, 0.0, None
    for wait, reason, chance in steps:
        now += wait
        decision = decide(history, PACING, now=now, started_at=0, share=0.5, min_interval=min_interval)
        if decision.allowed:
            assert last is None or now >= last + min_interval
            last = now
            faults = fault(reason) if reason else []
            history = after(asked(history, now=now), PACING, faults=faults, answered=not reason, now=now, random=chance)
        elif decision.again_at is not None:
            assert decision.again_at > now


def test_limits_that_make_no_sense_are_faults() -> None:
    faults = dict(Pacing(timeouts=0, auth_failures=0, backoff_first=Duration(90)).config_faults())
    assert set(faults) == {"timeouts", "auth_failures", "backoff_first"}
