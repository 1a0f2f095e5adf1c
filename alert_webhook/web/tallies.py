"""Counting what goes wrong, by who does it: for throttling sign-ins and guesses at links. Pure; bounded in memory."""

from collections import OrderedDict

from msgspec import Struct


class Rate(Struct, frozen=True):
    """At most `count` in any `window_s` seconds."""

    count: int
    window_s: float


class Tally:
    """Remembers when each key last failed, for the keys that failed lately; not safe for threads by itself."""

    def __init__(self, rate: Rate, *, keys: int = 4096) -> None:
        self._rate = rate
        self._keys = keys
        self._moments: OrderedDict[str, list[float]] = OrderedDict()

    def wait_s(self, key: str, now: float) -> float:
        """Return for how many seconds this key has to wait, 0 when it may go on."""
        inside = self._inside(key, now)
        if len(inside) < self._rate.count:
            return 0.0
        return inside[-self._rate.count] + self._rate.window_s - now

    def count(self, key: str, now: float) -> None:
        """Count one failure."""
        self._moments[key] = [*self._inside(key, now), now][-self._rate.count :]
        self._moments.move_to_end(key)
        while len(self._moments) > self._keys:
            self._moments.popitem(last=False)

    def forget(self, key: str) -> None:
        """Start afresh: the key succeeded."""
        self._moments.pop(key, None)

    def _inside(self, key: str, now: float) -> list[float]:
        return [moment for moment in self._moments.get(key, ()) if moment > now - self._rate.window_s]
