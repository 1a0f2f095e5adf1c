"""What goes wrong between an exporter and a device: late answers, lost requests, a device that takes its time. Pure."""

from collections import deque

from msgspec import Struct


class Trouble(Struct, frozen=True):
    """What the way to the device does, and the device itself.

    Each answer is late by `delay_s`, and a share of the requests is `loss`. With `service_s` the device answers one
    request at a time and takes so long for each; `queue` more may wait, and the rest is dropped.
    """

    delay_s: float = 0.0
    loss: float = 0.0
    service_s: float = 0.0
    queue: int = 4


NO_TROUBLE = Trouble()


class Desk:
    """A device that answers one request at a time.

    >>> desk = Desk(service_s=1.0, queue=1)
    >>> desk.admit(now=0.0), desk.admit(now=0.5), desk.admit(now=0.6), desk.admit(now=1.5)
    (1.0, 2.0, None, 3.0)
    """

    def __init__(self, *, service_s: float, queue: int) -> None:
        self.dropped = 0
        self._service_s = service_s
        self._queue = queue
        self._ends: deque[float] = deque()

    def admit(self, *, now: float) -> float | None:
        """Return when a request that arrives now will have been answered, None when it is dropped."""
        while self._ends and self._ends[0] <= now:
            self._ends.popleft()
        if len(self._ends) > self._queue:
            self.dropped += 1
            return None
        begins = self._ends[-1] if self._ends else now
        self._ends.append(begins + self._service_s)
        return self._ends[-1]
