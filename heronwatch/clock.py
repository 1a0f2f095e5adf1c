"""The one place that asks what time it is."""

import time
from typing import Protocol


class Clock(Protocol):
    """Something that knows the time: the system, or a test."""

    def now(self) -> float:
        """Return the time of day in Unix seconds."""
        ...

    def monotonic(self) -> float:
        """Return seconds since some fixed moment; never goes back."""
        ...


class SystemClock:
    """The clock of the machine."""

    def now(self) -> float:
        """Return the time of day in Unix seconds."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds since some fixed moment; never goes back."""
        return time.monotonic()
