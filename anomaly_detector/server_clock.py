"""The clock of the server that a query reads, beside our own monotonic one: the local time of day is never asked."""

from anomaly_detector.errors import SourceClockError
from heronwatch.clock import Clock

TOLERANCE_S = 60.0
PATIENCE = 3  # times that it may be found behind, before what was judged so far no longer counts


class ServerClock:
    """What is known of it between two answers, and whether it went back."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ahead_s = 0.0  # of the monotonic clock, by the last answer
        self._behind = 0  # times in a row that it was found behind

    def told(self, now_s: float) -> None:
        """Take note that it is `now_s` there."""
        self._ahead_s = now_s - self._clock.monotonic()

    def now(self) -> float:
        """Return what time it is there, as far as our clock tells."""
        return self._clock.monotonic() + self._ahead_s

    def stays_behind(self, newest_s: float, last_s: float, *, step_s: float) -> bool:
        """Return whether it stays behind the last instant judged, `newest_s` being the newest that there is now.

        Raises SourceClockError as long as it may still come back by itself.
        """
        if newest_s >= last_s - TOLERANCE_S - step_s:
            self.begin()
            return False
        self._behind += 1
        if self._behind <= PATIENCE:
            raise SourceClockError(f"the server's clock went back by {last_s - newest_s:.0f} s")
        return True

    def begin(self) -> None:
        """Forget that it was behind."""
        self._behind = 0
