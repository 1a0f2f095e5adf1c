"""What runs beside the engine."""

import threading

import pytest

from alert_webhook import background
from alert_webhook.background import Repeated
from alert_webhook.errors import StoreUnavailableError

WAIT_S = 10.0


def test_turns_are_repeated_whatever_goes_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "TROUBLE_WAIT_S", 0.0)
    outcomes = iter([0.0, StoreUnavailableError("away"), ValueError("a bug"), 0.0])
    ended = threading.Event()

    def turn() -> float:
        outcome = next(outcomes, None)
        if isinstance(outcome, Exception):
            raise outcome
        if outcome is None:
            ended.set()
            return WAIT_S
        return outcome

    beside = Repeated("beside", turn)
    beside.start()
    assert ended.wait(WAIT_S)
    beside.stop(deadline_s=WAIT_S)
    assert "beside" not in {thread.name for thread in threading.enumerate()}


def test_it_waits_before_the_first_turn_and_stops_meanwhile() -> None:
    turns: list[int] = []
    beside = Repeated("beside", lambda: float(turns.append(1) or 0), first_s=WAIT_S)
    beside.start()
    beside.take_nothing_new()
    beside.stop(deadline_s=WAIT_S)
    assert turns == []


def test_what_was_never_started_stops() -> None:
    Repeated("beside", lambda: 0.0).stop(deadline_s=WAIT_S)
