"""What the log says about what providers take, and what they do not: enough to act on, and never a flood.

Nothing in it is an address, a number, a link or a credential: providers repeat in their reasons what they were sent.
"""

import re
import threading
from collections.abc import Callable, Iterable

from alert_webhook.delivery.channel import Message
from alert_webhook.delivery.plain import cut
from alert_webhook.delivery.privacy import without_urls
from heronwatch.logs import get_logger

LINES, TAKEN_LINES, WINDOW_S = 20, 120, 60.0
MAX_REASON = 200
LEFT_OUT = "…"
MAIL_ADDRESS = re.compile(r"[^\s<>@]+@[^\s<>@]+")
NUMBER = re.compile(r"\+?\d(?:[\s().-]?\d){6,}")  # long enough to be dialled
TOKEN = re.compile(r"[A-Za-z0-9_+/=-]{20,}")  # long enough to be a key


def without_addresses(text: str, addresses: Iterable[str] = ()) -> str:
    """Return a reason on one line without what may be an address, a number, a link or a key.

    >>> without_addresses("550 <ana@example.org> unknown; see https://x.org/1, or call +34 600 000 001")
    '550 <…> unknown; see [link] or call …'
    """
    for address in sorted((each for each in addresses if each), key=len, reverse=True):
        text = text.replace(address, LEFT_OUT)
    text = without_urls(text)
    for pattern in (MAIL_ADDRESS, TOKEN, NUMBER):
        text = pattern.sub(LEFT_OUT, text)
    return cut(text, MAX_REASON)


class BoundedLog:
    """At most `lines` lines in a minute; what is left out is counted, and the count is said when the minute is over.

    `monotonic` returns seconds; `write` writes a line; `more` says that lines were left out. Safe to use from several
    threads.
    """

    def __init__(self, monotonic: Callable[[], float], write: Callable[..., object], *, lines: int, more: str) -> None:
        self._monotonic = monotonic
        self._write = write
        self._lines = lines
        self._more = more
        self._began = monotonic()
        self._said = 0
        self._left_out = 0
        self._lock = threading.Lock()

    def say(self, event: str, **fields: object) -> None:
        """Log a line, or count it."""
        self.say_left_out()
        with self._lock:
            self._said += 1
            if self._said > self._lines:
                self._left_out += 1
                return
        self._write(event, **fields)

    def say_left_out(self) -> None:
        """Say how many were left out once their minute is over."""
        with self._lock:
            now = self._monotonic()
            if now - self._began < WINDOW_S:
                return
            left_out, self._left_out = self._left_out, 0
            self._began, self._said = now, 0
        if left_out:
            self._write(self._more, left_out=left_out)


class FailureLog(BoundedLog):
    """Warnings about pages that were not accepted."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        warn = get_logger("heronwatch.webhook.outbox").warning
        super().__init__(monotonic, warn, lines=LINES, more="more pages were not accepted than this log says")

    def warn(self, event: str, **fields: object) -> None:
        """Log a warning, or count it."""
        self.say(event, **fields)


class TakenLog(BoundedLog):
    """Who was sent what and when, so that the journal answers whether somebody was paged."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        info = get_logger("heronwatch.webhook.outbox").info
        super().__init__(monotonic, info, lines=TAKEN_LINES, more="more messages were taken than this log says")

    def taken(self, channel: str, message: Message, *, told_besides: int) -> None:
        """Say that a provider took a message; `told_besides`: of so many other messages it tells, too."""
        more = {"told_besides": told_besides} if told_besides else {}
        self.say(
            "a message was taken by its provider",
            contact=f"{message.recipient.person}/{message.recipient.contact}",
            channel=channel,
            incident=message.incident.code,
            reason=message.reason.value,
            attempt=message.attempt,
            **more,
        )
