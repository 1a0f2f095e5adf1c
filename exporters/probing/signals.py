"""What the system and a serving process tell each other.

SIGTERM or SIGINT: stop; SIGHUP: read the files again; and by sd_notify(3): ready, reloading, stopping.
"""

import asyncio
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Self

from heronwatch.lifecycle import READY, RELOADING, STOP, notify
from heronwatch.logs import get_logger

STOPPING = (signal.SIGTERM, signal.SIGINT)


class Signals:
    """Listens to signals inside its asynchronous context; `stopped` is set by the first one that means stop."""

    def __init__(self, reload: Callable[[], Awaitable[object]]) -> None:
        self.stopped = asyncio.Event()
        self.orphaned = False
        self._reload = reload
        self._group = asyncio.TaskGroup()

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        loop = asyncio.get_running_loop()
        for number in STOPPING:
            loop.add_signal_handler(number, self._stop, number)
        loop.add_signal_handler(signal.SIGHUP, self._hang_up)
        return self

    async def __aexit__(self, *reason: object) -> None:
        loop = asyncio.get_running_loop()
        for number in (*STOPPING, signal.SIGHUP):
            loop.remove_signal_handler(number)
        await self._group.__aexit__(None, None, None)

    def _stop(self, number: signal.Signals) -> None:
        get_logger("exporters").info("stopping", signal=number.name)
        self.stopped.set()

    def _hang_up(self) -> None:
        self._group.create_task(self._reloaded())

    async def _reloaded(self) -> None:
        notify(f"{RELOADING}\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
        try:
            await self._reload()
        except Exception:  # noqa: BLE001  # a signal has nobody to tell; this process goes on as it is
            get_logger("exporters").exception("reload failed, the old configuration stays")
        notify(READY)

    async def until_stopped(self) -> None:
        """Say that this process serves, wait until it is asked to stop, and say that it stops."""
        notify(READY)
        await self.stopped.wait()
        notify(STOP)

    def stop_at_end_of_input(self) -> None:
        """Stop when standard input ends: whoever started this process is gone."""
        loop = asyncio.get_running_loop()
        descriptor = sys.stdin.fileno()
        loop.add_reader(descriptor, self._end_of_input, descriptor)

    def _end_of_input(self, descriptor: int) -> None:
        asyncio.get_running_loop().remove_reader(descriptor)
        self.orphaned = True
        self.stopped.set()
