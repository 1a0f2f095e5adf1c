"""Threads that wait for their clients: when few threads are left, the slowest client loses its own."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

CREDIT_BYTES = 65_536  # everyone is taken for fast at first


class Wait:
    """One thread that waits for one client. `moved` is the number of bytes so far, `drop` ends the waiting at once."""

    def __init__(self, moved: Callable[[], int], drop: Callable[[], None], now: float) -> None:
        self._moved = moved
        self._drop = drop
        self._moved_before = moved()
        self._began = now
        self.dropped = False

    def rate(self, now: float) -> float:
        """Bytes a second, with a credit that fades."""
        return (self._moved() - self._moved_before + CREDIT_BYTES) / max(now - self._began, 1e-6)

    def drop(self) -> None:
        """End the waiting; only while the thread is known to wait."""
        self.dropped = True
        self._drop()


class Waits:
    """The threads of one server that wait for clients. Safe to use from several threads.

    A quarter of the threads may always wait. Beyond that, the slowest is dropped whenever fewer than an eighth of the
    threads are `spare` (idle, and without a request that is queued for them).
    """

    def __init__(self, threads: int, spare: Callable[[], int], *, now: Callable[[], float] = time.monotonic) -> None:
        self._tolerated = threads // 4
        self._reserve = min(threads - 1, max(1, threads // 8))
        self._spare = spare
        self._now = now
        self._waiting: dict[Wait, None] = {}
        self._lock = threading.Lock()

    @contextmanager
    def on(self, moved: Callable[[], int], drop: Callable[[], None]) -> Iterator[Wait]:
        """Wait for a client in here; whether it was dropped, the yielded Wait says."""
        wait = Wait(moved, drop, self._now())
        with self._lock:
            self._waiting[wait] = None
        try:
            self.make_room()
            yield wait
        finally:
            with self._lock:
                del self._waiting[wait]

    def make_room(self) -> None:
        """Drop the slowest where threads run out because of those that wait."""
        with self._lock:
            slow = [wait for wait in self._waiting if not wait.dropped]
            leaving = len(self._waiting) - len(slow)
            if len(slow) > self._tolerated and self._spare() + leaving < self._reserve:
                now = self._now()
                min(slow, key=lambda wait: wait.rate(now)).drop()
