"""Writing down how attempts ended: those that end while a commit is under way share the next one."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future

from alert_webhook.delivery.following import Ended
from alert_webhook.errors import StoreUnavailableError
from alert_webhook.store.database import about_the_rows

GATHER_S, LOOK_S = 0.01, 0.002  # how long endings wait for others that are about to follow


class Recorder:
    """`record` returns when the ending is committed, by this thread or by another one's commit.

    `under_way` returns how many attempts are not recorded yet: for a moment a commit waits for them, too.

    `write` commits several endings at once or raises; where it raised for several, each is tried by itself, so that one
    that cannot be written costs no other. Not where the database is away or busy: it is so for all of them.
    """

    def __init__(self, write: Callable[[Sequence[Ended]], object], *, under_way: Callable[[], int] = lambda: 0) -> None:
        self._write = write
        self._under_way = under_way
        self._turn = threading.Lock()
        self._waiting: list[tuple[Ended, Future[None]]] = []
        self._guard = threading.Condition()

    def record(self, ended: Ended) -> None:
        """Commit how an attempt ended; raises what `write` raised for it."""
        done: Future[None] = Future()
        with self._guard:
            self._waiting.append((ended, done))
            self._guard.notify()
        with self._turn:  # whoever gets here writes for all who wait
            if not done.done():
                self._write_waiting()
        done.result()

    def _write_waiting(self) -> None:
        with self._guard:
            self._gather()
            taken, self._waiting = self._waiting, []
        trouble = self._tried([ended for ended, _ in taken])
        apart = trouble is not None and len(taken) > 1 and not _away(trouble)
        for ended, done in taken:
            again = self._tried([ended]) if apart else trouble
            if again is None:
                done.set_result(None)
            else:
                done.set_exception(again)

    def _gather(self) -> None:
        for _ in range(int(GATHER_S / LOOK_S)):
            if len(self._waiting) >= self._under_way():
                return
            self._guard.wait(LOOK_S)

    def _tried(self, ended: Sequence[Ended]) -> Exception | None:
        try:
            self._write(ended)
        except Exception as error:  # noqa: BLE001  # raised again in the thread of each attempt
            return error
        return None


def _away(error: Exception) -> bool:
    return isinstance(error, StoreUnavailableError) and not about_the_rows(error)
