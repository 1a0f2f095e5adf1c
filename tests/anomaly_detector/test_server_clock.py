"""The clock of the server that is read: what time it is there, and what a step back means."""

import pytest

from anomaly_detector.errors import SourceClockError
from anomaly_detector.server_clock import PATIENCE, ServerClock
from tests.fakes.clock import FakeClock


def test_it_goes_on_between_answers() -> None:
    ours = FakeClock()
    server = ServerClock(ours)
    server.told(1000.0)
    ours.advance(7.0)
    assert server.now() == pytest.approx(1007.0)


def test_one_that_went_back_has_some_patience_and_no_more() -> None:
    server = ServerClock(FakeClock())
    for _ in range(PATIENCE):
        with pytest.raises(SourceClockError, match="went back by 3600 s"):
            server.stays_behind(6400.0, 10_000.0, step_s=60.0)
    assert server.stays_behind(6400.0, 10_000.0, step_s=60.0)


def test_one_that_comes_back_is_as_if_nothing_had_been() -> None:
    server = ServerClock(FakeClock())
    for _ in range(PATIENCE):
        with pytest.raises(SourceClockError):
            server.stays_behind(6400.0, 10_000.0, step_s=60.0)
    assert not server.stays_behind(9880.0, 10_000.0, step_s=60.0)  # within tolerance and a step
    with pytest.raises(SourceClockError):
        server.stays_behind(6400.0, 10_000.0, step_s=60.0)
