"""A clock moved by hand."""


class FakeClock:
    """A clock that stands still until a test advances it.

    >>> clock = FakeClock(now=1_000.0)
    >>> clock.advance(1.5)
    >>> clock.now(), clock.monotonic()
    (1001.5, 1.5)
    """

    def __init__(self, *, now: float = 1_800_000_000.0, monotonic: float = 0.0) -> None:
        self._now = now
        self._monotonic = monotonic

    def now(self) -> float:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        if seconds < 0:
            raise ValueError("time does not go back; to test a clock that was set, use set_now()")
        self._now += seconds
        self._monotonic += seconds

    def set_now(self, now: float) -> None:
        """Set the time of day as an administrator or NTP would; monotonic time is not touched."""
        self._now = now
