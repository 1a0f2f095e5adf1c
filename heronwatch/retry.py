"""How long to wait before trying again: exponential back-off with jitter, as a pure function."""

import msgspec


class Backoff(msgspec.Struct, frozen=True):
    """Exponential back-off: `first_s`, then `factor` times longer each time, at most `cap_s` seconds.

    `jitter` is the share of each delay that is random (0 none, 1 all): peers that failed together should not return
    together (M. Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog 2015; 1 is its "full jitter").

    >>> backoff = Backoff(first_s=1.0, factor=2.0, cap_s=30.0, jitter=0.5)
    >>> [backoff.delay(attempt, 1.0) for attempt in range(1, 8)]
    [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    >>> backoff.delay(3, 0.0)
    2.0
    """

    first_s: float = 1.0
    factor: float = 2.0
    cap_s: float = 60.0
    jitter: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < self.first_s <= self.cap_s:
            raise ValueError("first_s must be above 0 and at most cap_s")
        if self.factor < 1:
            raise ValueError("factor must be at least 1")
        if not 0 <= self.jitter <= 1:
            raise ValueError("jitter must be from 0 to 1")

    def delay(self, attempt: int, random: float) -> float:
        """Return the seconds to wait after the given attempt (1 is the first); `random` is from 0 to 1."""
        try:
            whole = min(self.cap_s, self.first_s * self.factor ** max(0, attempt - 1))
        except OverflowError:  # float power: attempts without end still wait cap_s
            whole = self.cap_s
        return whole * (1 - self.jitter + self.jitter * random)
