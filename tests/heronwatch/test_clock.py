"""The system's clock tells the time, the fake one what it was told."""

import time

import pytest

from heronwatch.clock import Clock, SystemClock
from tests.fakes.clock import FakeClock


def test_the_system_clock_is_the_systems() -> None:
    clock: Clock = SystemClock()
    assert time.time() == pytest.approx(clock.now(), abs=5)
    assert clock.monotonic() <= time.monotonic()


def test_the_fake_clock_moves_by_hand() -> None:
    clock: Clock = FakeClock(now=100.0)
    assert isinstance(clock, FakeClock)
    clock.advance(5)
    clock.set_now(50.0)
    assert (clock.now(), clock.monotonic()) == (50.0, 5.0)
    with pytest.raises(ValueError, match="time does not go back"):
        clock.advance(-1)
