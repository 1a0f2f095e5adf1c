"""How far a long command is, told on standard error."""

import sys
import time

TELL_EVERY_S = 2.0


class Progress:
    """Says how far the work is: one line that changes on a terminal, else a line now and then."""

    def __init__(self, *, every_s: float = TELL_EVERY_S) -> None:
        self._started, self._told_at, self._line, self._every_s = time.monotonic(), 0.0, "", every_s

    def tell(self, what: str, share: float) -> None:
        """Take note of the share that is done."""
        now = time.monotonic()
        if share < 1 and now - self._told_at < self._every_s:
            return
        self._told_at = now
        line = f"{what}: {share:.0%} ({now - self._started:.0f} s)"
        end = "\n" if share >= 1 or not sys.stderr.isatty() else "\r"
        sys.stderr.write(f"{line:<{len(self._line)}}{end}")
        sys.stderr.flush()
        self._line = line

    def end(self) -> None:
        """Leave the line."""
        if self._line and sys.stderr.isatty():
            sys.stderr.write("\n")
