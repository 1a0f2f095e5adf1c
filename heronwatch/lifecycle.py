"""From signal to graceful stop, for services that run in threads; and what systemd wants to be told.

SIGTERM or SIGINT ask to stop, a second one ends the process at once; SIGHUP asks to read the files again. The work is
done by whoever waits, never inside a signal handler.
"""

import contextlib
import os
import queue
import signal
import socket
import time
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Self

from heronwatch.errors import ConfigError
from heronwatch.logs import get_logger

STOPPING = (signal.SIGTERM, signal.SIGINT)
EXIT_FORCED = 130
READY, RELOADING, STOP = "READY=1", "RELOADING=1", "STOPPING=1"
NAP_S = 0.5  # a signal handler of Python runs between bytecodes, so the waiting thread has to wake now and then


class Lifecycle:
    """Listens to signals while its context lasts, which is to hold the graceful stop as well.

    `reload` raises ConfigError, which is logged.
    """

    def __init__(self, reload: Callable[[], None], *, environment: Mapping[str, str] = os.environ) -> None:
        self._reload = reload
        self._environment = environment
        self._wake: queue.SimpleQueue[None] = queue.SimpleQueue()  # reentrant, unlike threading.Event: see _on_signal
        self._stopping = False
        self._hang_up = False
        self._log = get_logger("heronwatch.lifecycle")
        self._before: dict[int, object] = {}

    def __enter__(self) -> Self:
        for number in (*STOPPING, signal.SIGHUP):
            self._before[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *_exception: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what signal() gave us
        self._before.clear()

    def stop(self) -> None:
        """Ask to stop, as SIGTERM does."""
        self._stopping = True
        self._wake.put(None)

    def wait(self) -> None:
        """Wait until asked to stop; read the files again whenever asked to."""
        notify(READY, environment=self._environment)
        while not self._stopping:
            with contextlib.suppress(queue.Empty):
                self._wake.get(timeout=NAP_S)
            if self._hang_up and not self._stopping:
                self._hang_up = False
                self._read_again()
        notify(STOP, environment=self._environment)

    def _read_again(self) -> None:
        # sd_notify(3): RELOADING wants the monotonic time in microseconds beside it
        notify(f"{RELOADING}\nMONOTONIC_USEC={time.monotonic_ns() // 1000}", environment=self._environment)
        try:
            self._reload()
        except ConfigError as error:
            self._log.error("reload failed, the old configuration stays", faults=str(error))
        else:
            self._log.info("configuration reloaded")
        notify(READY, environment=self._environment)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        # It may interrupt wait() anywhere, also where that holds a lock: so it takes none.
        if number == signal.SIGHUP:
            self._hang_up = True
        elif self._stopping:
            os._exit(EXIT_FORCED)
        else:
            self._stopping = True
        self._wake.put(None)


def notify(state: str, *, environment: Mapping[str, str] = os.environ) -> bool:
    """Tell systemd a state (sd_notify(3)); False where nobody listens."""
    address = environment.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.connect("\0" + address[1:] if address.startswith("@") else address)
        sender.send(state.encode())
        return True
    return False
