"""Which instants may be written: none twice, none too old for a receiver, whatever the server's clock does. No I/O."""

from collections import deque

from anomaly_detector.sink.wire import Batch

WRITE_REACH_S = 3000.0  # Prometheus refuses new series older than an hour; what is older is learnt from, not written
REMEMBERED = 10_000  # instants: at the shortest step, as many as are written while catching up, three times over
KEPT_S = 900.0  # what a stand-by keeps: far longer than a switch-over takes
KEPT_SAMPLES = 300_000  # for one query, some 60 MB; one instant is always kept


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

    def too_late(self, time_s: float, now_s: float) -> bool:
        """Return whether an instant that was never written is older than any receiver takes."""
        return self.after_s < time_s <= now_s - WRITE_REACH_S

    def note(self, time_s: float) -> None:
        """Take note that an instant was handed over."""
        if not self._recent or self._recent[-1] != time_s:
            self._recent.append(time_s)


class StandBy:
    """What a stand-by has computed and not written, oldest first; it holds so much that no switch-over leaves a gap."""

    def __init__(self) -> None:
        self._kept: deque[Batch] = deque()
        self._samples = 0

    def __len__(self) -> int:
        return len(self._kept)

    def keep(self, batch: Batch) -> None:
        """Keep a batch; beyond KEPT_SAMPLES or KEPT_S the oldest are dropped: the one who leads has written them."""
        self._kept.append(batch)
        self._samples += len(batch)
        while len(self._kept) > 1 and (
            self._samples > KEPT_SAMPLES or batch.time_ms - self._kept[0].time_ms > 1000 * KEPT_S
        ):
            self._samples -= len(self._kept.popleft())

    def after(self, time_s: float) -> list[Batch]:
        """Return what is of after an instant, and keep nothing."""
        out = [batch for batch in self._kept if batch.time_ms > 1000 * time_s]
        self._kept.clear()
        self._samples = 0
        return out
