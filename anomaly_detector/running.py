"""Threads of the detector: started, and ended within a time."""

import threading
import time
from collections.abc import Callable, Iterable

import msgspec

from heronwatch.logs import get_logger

STOP_DEADLINE_S = 20.0
log = get_logger(__name__)


class Running(msgspec.Struct, frozen=True):
    """A thread that runs until its event is set."""

    thread: threading.Thread
    stop: threading.Event


def started(name: str, run: Callable[[threading.Event], None]) -> Running:
    """Start a thread."""
    stop = threading.Event()
    thread = threading.Thread(target=run, args=(stop,), name=name, daemon=True)
    thread.start()
    return Running(thread, stop)


def join(running: Iterable[Running]) -> None:
    """Wait for threads that were told to stop, for all of them so long; say which one does not."""
    deadline = time.monotonic() + STOP_DEADLINE_S
    for one in running:
        one.thread.join(max(0.0, deadline - time.monotonic()))
        if one.thread.is_alive():
            log.warning("a thread did not stop in time", thread=one.thread.name)
