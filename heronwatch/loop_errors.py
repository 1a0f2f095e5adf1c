"""What an event loop reports by itself, for the log: lack of descriptors as one line now and then, not as a flood."""

import asyncio
import errno
from collections.abc import Callable
from typing import Any

from heronwatch.logs import get_logger

EVERY_S = 10.0
"""asyncio reports a connection that it could not accept up to a hundred times a second, each with its traceback."""

SHORTAGES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})

Report = dict[str, Any]


class LoopErrors:
    """An exception handler for a loop (`loop.set_exception_handler`)."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._told_at: float | None = None
        self._untold = 0
        self._log = get_logger("heronwatch.httpd")

    def __call__(self, loop: asyncio.AbstractEventLoop, report: Report) -> None:
        """Log a report; all but shortages as asyncio itself does."""
        error = report.get("exception")
        if not (isinstance(error, OSError) and error.errno in SHORTAGES):
            loop.default_exception_handler(report)
            return
        self._untold += 1
        if self._told_at is None or self._now() - self._told_at >= EVERY_S:
            self._log.error(
                "connections cannot be accepted",
                reason=error.strerror,
                times=self._untold,
                remedy="raise the limit of open files (LimitNOFILE, ulimit -n), or open fewer connections",
            )
            self._told_at, self._untold = self._now(), 0
