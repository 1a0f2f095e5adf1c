"""How many requests may wait for their answers at once: one, unless a person allows more. Pure.

A device that loses one of several requests gets half as many from then on, and one in the end. After a long time
without a loss the number doubles again, up to what is allowed; each time the wait is
four times as long.
"""

LEAST_PATIENCE_S = 0.5
"""Shorter waits than this are the jitter of an ordinary network."""

PATIENCE = 4.0
"""A request that waits so many times longer than the slowest of its neighbours is lost."""

FIRST_TRUST_S = 3600.0
LONGEST_TRUST_S = 7 * 86400.0


class Window:
    """The number of requests in flight for one device; times are `loop.time()` seconds.

    >>> window = Window(8)
    >>> window.lost(sent_at=1.0, now=2.0); window.lost(sent_at=1.0, now=2.0); window.size
    4
    """

    __slots__ = ("_shrunk_at", "_slowest_s", "_trust_s", "limit", "size")

    def __init__(self, limit: int = 1) -> None:
        self.limit = limit
        self.size = limit
        self._slowest_s = 0.0
        self._shrunk_at = float("-inf")
        self._trust_s = FIRST_TRUST_S

    def begin(self, now: float) -> None:
        """Begin a scrape: what was long ago is forgiven."""
        if self.size < self.limit and now >= self._shrunk_at + self._trust_s:
            self.size = min(self.size * 2, self.limit)
            self._trust_s = min(self._trust_s * 4, LONGEST_TRUST_S)
            self._shrunk_at = now

    def heard(self, seconds: float) -> None:
        """Learn how long an answer took."""
        self._slowest_s = max(self._slowest_s * 0.99, seconds)

    def patience_s(self, timeout_s: float) -> float:
        """Return how long to wait for an answer: while others are answered, a silence tells its tale sooner."""
        if self.size == 1 or not self._slowest_s:
            return timeout_s
        return min(timeout_s, max(LEAST_PATIENCE_S, PATIENCE * self._slowest_s))

    def lost(self, *, sent_at: float, now: float) -> None:
        """Fall back: a request that was sent at `sent_at` was not answered. Losses of one burst count once."""
        if self.size > 1 and sent_at > self._shrunk_at:
            self.size //= 2
            self._shrunk_at = now
