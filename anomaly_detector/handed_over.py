"""Which instants may be written: none twice, none too old for a receiver, whatever the server's clock does. No I/O."""

from collections import deque

WRITE_REACH_S = 3000.0  # Prometheus refuses new series older than an hour; what is older is learnt from, not written
REMEMBERED = 10_000  # instants: at the shortest step, as many as are written while catching up, three times over


class HandedOver:
    """The instants of one query that went to the receivers.

    A clock that was ahead leaves scores in the server's future. They are no reason to wait until the clock has passed
    them: what lies before is written, and only they themselves are left out.
    """

    def __init__(self) -> None:
        self.after_s = 0.0  # nothing up to here is written
        self._recent: deque[float] = deque(maxlen=REMEMBERED)
        self._ahead: frozenset[float] = frozenset()

    def begin(self, newest_s: float, written_s: float) -> None:
        """Begin a run, or begin anew, at the instant `newest_s`; `written_s` is the newest score the server knows."""
        self._ahead = frozenset(time_s for time_s in self._recent if time_s > newest_s) | {
            time_s for time_s in self._ahead if time_s > newest_s
        }
        before = (time_s for time_s in (*self._recent, written_s) if time_s <= newest_s)
        self.after_s = max(before, default=0.0)
        self._recent.clear()

    def wants(self, time_s: float, now_s: float) -> bool:
        """Return whether the outputs of an instant are to be written."""
        return time_s > max(now_s - WRITE_REACH_S, self.after_s) and time_s not in self._ahead

    def note(self, time_s: float) -> None:
        """Take note that an instant was handed over."""
        if not self._recent or self._recent[-1] != time_s:
            self._recent.append(time_s)
