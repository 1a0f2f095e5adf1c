"""How long to leave a gateway alone that takes no connection: pure, with time and chance as arguments."""

from collections.abc import Callable

from heronwatch.retry import Backoff


class Penalty:
    """How long to wait before trying again: grows with each failure in a row."""

    def __init__(self, backoff: Backoff, chance: Callable[[], float]) -> None:
        self.cause = ""
        self._backoff = backoff
        self._chance = chance
        self._failures = 0
        self._until = 0.0

    def wait_s(self, now: float) -> float:
        """How many seconds are left, 0.0 when none."""
        return max(0.0, self._until - now)

    def add(self, now: float, cause: str) -> None:
        """Count one more failure."""
        self.cause = cause
        self._failures += 1
        self._until = now + self._backoff.delay(self._failures, self._chance())

    def clear(self) -> None:
        """Forget everything: it answered."""
        self._failures = 0
        self._until = 0.0
