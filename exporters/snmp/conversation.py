"""One conversation with a device: what is in flight, what waits for room, what silence means. No I/O here."""

import asyncio
from collections import deque
from collections.abc import Iterator

from msgspec import Struct

from exporters.snmp.ber import Request, Steps
from exporters.snmp.errors import (
    DeviceError,
    GarbledError,
    MalformedError,
    NoAnswerError,
    OutOfTimeError,
    StalledError,
    StrayError,
)
from exporters.snmp.security import SecurityModel
from exporters.snmp.window import LEAST_PATIENCE_S, Window


class Attempts(Struct, frozen=True):
    """How long to wait for each answer, how often to ask again, and when (`loop.time()`) to stop in any case."""

    timeout_s: float
    retries: int
    deadline: float


class Waiting:
    """A request that was sent or will be, and the steps that want its answer (none: the hello of v3)."""

    __slots__ = ("attempt", "reports", "request", "sent_at", "steps")

    def __init__(self, steps: Steps | None, request: Request) -> None:
        self.steps = steps
        self.request = request
        self.attempt = 1
        self.reports = 0
        self.sent_at = 0.0


class Run:
    """One conversation: what is in flight, what waits for room, what has not begun."""

    __slots__ = (
        "answers", "attempts", "done", "first_garbled", "garbled", "pending", "postponed", "security", "slowest_s",
        "strays", "tasks", "timer", "window",
    )  # fmt: skip

    def __init__(
        self,
        tasks: Iterator[Steps],
        security: SecurityModel,
        attempts: Attempts,
        window: Window,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.tasks = tasks
        self.security = security
        self.attempts = attempts
        self.window = window
        self.done: asyncio.Future[None] = loop.create_future()
        self.pending: dict[int, Waiting] = {}
        self.postponed: deque[Waiting] = deque()
        self.garbled = 0
        self.first_garbled = ""
        self.answers = 0
        self.slowest_s = 0.0
        self.strays = 0
        self.timer: asyncio.TimerHandle | None = None

    def next(self) -> Waiting | None:
        """Return what to send next: what was put off, or the first request of the next task."""
        if self.postponed:
            return self.postponed.popleft()
        for steps in self.tasks:
            for request in steps:
                return Waiting(steps, request)
        return None

    def patience_s(self) -> float:
        """Return how long to wait for an answer."""
        return self.window.patience_s(self.attempts.timeout_s)

    def overdue(self, now: float) -> list[tuple[int, Waiting]]:
        """Return the requests that have waited too long."""
        if now >= self.attempts.deadline:
            return list(self.pending.items())
        before = now - self.patience_s()
        return [(number, waiting) for number, waiting in self.pending.items() if waiting.sent_at <= before]

    def next_look(self, now: float) -> float:
        """Return when the next request may have waited too long."""
        if self.window.size > 1:
            return min(now + LEAST_PATIENCE_S, self.attempts.deadline)
        oldest = min((waiting.sent_at for waiting in self.pending.values()), default=now)
        return min(oldest + self.attempts.timeout_s, self.attempts.deadline)

    def drop(self, error: MalformedError) -> None:
        """Count a message that was no answer; the first reason is enough."""
        self.first_garbled = str(error) if not self.garbled else self.first_garbled
        self.garbled += 1

    def fail(self, error: Exception) -> None:
        """End with an error, unless it has ended."""
        if not self.done.done():
            self.done.set_exception(error.with_traceback(None))  # a traceback holds frames, and those a whole table

    def silence(self, now: float) -> DeviceError:
        """Return what silence means, now that time is up."""
        if self.garbled:
            why = f"{self.garbled} answers came, and none was a well-formed SNMP message: {self.first_garbled}"
            return GarbledError(why)
        if self.strays and not self.answers:
            return StrayError(
                f"no answer in time, but {self.strays} answers to requests that were never made or are over"
            )
        if self.answers and now >= self.attempts.deadline and self._still_answering(now):
            return OutOfTimeError(
                f"the time for the scrape was over after {self.answers} answers, and the device was still answering: "
                "give it more (scrape_timeout), or read less"
            )
        if self.answers:
            return StalledError(f"no answer in time after {self.answers} answers: the device stopped halfway")
        hint = self.security.silence
        return NoAnswerError(f"no answer in time; {hint}" if hint else "no answer in time")

    def _still_answering(self, now: float) -> bool:
        """Whether nothing has waited much longer than the slowest answer took."""
        oldest = min((waiting.sent_at for waiting in self.pending.values()), default=now)
        return now - oldest <= 2 * self.slowest_s + 0.1
