"""The only file that polls: a conversation with one device, at most a window of requests in flight."""

import asyncio
from collections.abc import Callable, Iterable

from msgspec import structs

from exporters.snmp import ber
from exporters.snmp.ber import Kind, Reply, Request, Steps
from exporters.snmp.conversation import Attempts, Run, Waiting
from exporters.snmp.errors import DeviceError, GarbledError, MalformedError
from exporters.snmp.plan import DEFAULT_REPETITIONS
from exporters.snmp.security import Reported, SecurityModel
from exporters.snmp.transport import Endpoint, link
from exporters.snmp.window import Window

MOST_REPORTS = 3
"""Times that one request is sent anew because the device reported what our model of it lacked: id, boots, time."""

Trace = Callable[[str, bytes], None]
"""Told ("sent" or "received", the PDU in clear), for people who look into packets."""


class Session:
    """A way kept to a device; `request_id` gives the random first request-id. Not for two runs at a time.

    A reply is handed to the steps where it is read, and the next request leaves from there: a task that is woken for
    each packet would double the cost of a walk.
    """

    def __init__(self, endpoint: Endpoint, *, request_id: Callable[[], int], trace: Trace | None = None) -> None:
        self.endpoint = endpoint
        self.sent = 0
        self.retried = 0
        self.answered = 0
        self.waited_s = 0.0
        """How long all answers took together."""
        self._loop = asyncio.get_running_loop()
        self._request_id = request_id() & 0x3FFF_FFFF
        self._trace = trace
        self._run: Run | None = None
        self._link = link(endpoint, self._heard, self._failed)

    def close(self) -> None:
        """Give the socket back."""
        self._link.close()

    async def ask(self, request: Request, security: SecurityModel, attempts: Attempts) -> Reply:
        """Return the device's answer; raises DeviceError when there is none in time, or none possible."""
        replies: list[Reply] = []
        await self.run([_one(request, replies)], security, attempts)
        return replies[0]

    async def run(
        self, tasks: Iterable[Steps], security: SecurityModel, attempts: Attempts, window: Window | None = None
    ) -> None:
        """Ask what the tasks want to know until they have it all; raises DeviceError, theirs too.

        Tasks begin in order, each has one request in flight, and no more requests than the window allows are.
        """
        await self._link.open(attempts.deadline)
        run = self._run = Run(iter(tasks), security, attempts, window or Window(), self._loop)
        try:
            self._begin(run)
            if not run.done.done():
                run.timer = self._loop.call_at(run.next_look(self._loop.time()), self._look, run)
            await run.done
        finally:
            self._run = None
            self._link.rest()
            if run.timer is not None:
                run.timer.cancel()
            del run  # an error would hold this frame, the frame the run, and the run the error: a table never freed

    def _begin(self, run: Run) -> None:
        number = self._next_id()
        hello = run.security.hello(number)
        if hello is None:
            self._fill(run)
        else:
            self._transmit(run, number, Waiting(None, HELLO))

    def _next_id(self) -> int:
        self._request_id = (self._request_id + 1) & 0x7FFF_FFFF or 1
        return self._request_id

    def _fill(self, run: Run) -> None:
        """Send what the window has room for; the end when nothing is left to ask. Raises DeviceError."""
        while len(run.pending) < run.window.size:
            waiting = run.next()
            if waiting is None:
                break
            self._transmit(run, self._next_id(), waiting)
        if not run.pending and not run.done.done():
            run.done.set_result(None)

    def _transmit(self, run: Run, number: int, waiting: Waiting) -> None:
        """Send a request, or send it again; raises DeviceError."""
        now = self._loop.time()
        if now >= run.attempts.deadline:
            raise run.silence(now)
        waiting.sent_at = now
        run.pending[number] = waiting
        if waiting.steps is None:
            message = run.security.hello(number) or b""
        else:
            pdu = ber.encode_request(waiting.request, number)
            if self._trace is not None:
                self._trace("sent", pdu)
            message = run.security.wrap(pdu, number)
        self.sent += 1
        self._link.send(message)

    def _look(self, run: Run) -> None:
        """Look which requests have waited too long; there is one timer for a whole run."""
        run.timer = None
        if run.done.done():
            return
        now = self._loop.time()
        try:
            for number, waiting in run.overdue(now):
                self._repeat(run, number, waiting, now)
            self._fill(run)
        except Exception as error:  # noqa: BLE001  # this is a callback of the loop: whoever awaits the run gets it
            run.fail(error)
        if not run.done.done():
            run.timer = self._loop.call_at(run.next_look(now), self._look, run)

    def _repeat(self, run: Run, number: int, waiting: Waiting, now: float) -> None:
        """Ask again, now or when the window has room for it; raises DeviceError."""
        if waiting.attempt > run.attempts.retries or now >= run.attempts.deadline:
            raise run.silence(now)
        run.window.lost(sent_at=waiting.sent_at, now=now)
        waiting.attempt += 1
        waiting.request = _smaller(waiting.request)
        self.retried += 1
        if len(run.pending) > run.window.size:
            del run.pending[number]
            run.postponed.append(waiting)
        else:
            self._transmit(run, number, waiting)

    def _failed(self, error: DeviceError) -> None:
        if self._run is not None:
            self._run.fail(error)

    def _heard(self, message: bytes) -> bool:
        """Take a message; True when no other is waited for. What is no answer (late, forged, garbled) is dropped."""
        run = self._run
        if run is None or run.done.done():
            return False
        try:
            plain, start = run.security.unwrap(message)
            reply = ber.decode_response(plain, start, len(message))
        except MalformedError as error:
            run.drop(error)
            return False
        except Reported as report:
            self._reported(run, report)
            return False
        waiting = run.pending.pop(reply.request_id, None)
        if waiting is None or waiting.steps is None:
            run.strays += 1
            return False
        if self._trace is not None:
            self._trace("received", plain[start:])
        self._advance(run, waiting, waiting.steps, reply)
        return len(run.pending) < 2

    def _advance(self, run: Run, waiting: Waiting, steps: Steps, reply: Reply) -> None:
        """Hand a reply to its steps and ask what they want to know next."""
        seconds = self._loop.time() - waiting.sent_at
        self.answered += 1
        run.answers += 1
        run.slowest_s = max(run.slowest_s, seconds)
        run.garbled = 0
        self.waited_s += seconds
        if waiting.attempt > 1:
            reply = structs.replace(reply, attempts=waiting.attempt)
        elif run.window.limit > 1:
            run.window.heard(seconds)
        try:
            waiting.request = steps.send(reply)
            if len(run.pending) < run.window.size and not run.postponed:
                waiting.attempt = 1
                waiting.reports = 0
                self._transmit(run, self._next_id(), waiting)
                return
            run.postponed.append(Waiting(steps, waiting.request))
        except StopIteration:
            pass
        except Exception as error:  # noqa: BLE001  # this is a callback of the loop: whoever awaits the run gets it
            run.fail(error)
            return
        self._refill(run)

    def _refill(self, run: Run) -> None:
        try:
            self._fill(run)
        except Exception as error:  # noqa: BLE001  # as above
            run.fail(error)

    def _reported(self, run: Run, report: Reported) -> None:
        """Send a request anew that the device's engine could not take, or end with what it said."""
        waiting = run.pending.pop(report.message_id, None)
        if waiting is None:
            return
        if report.error is not None:
            run.fail(report.error)
            return
        waiting.reports += 1
        if waiting.reports > MOST_REPORTS:
            run.fail(GarbledError("the device's engine reports the same again and again"))
            return
        if waiting.steps is not None:
            run.postponed.appendleft(waiting)
        self._refill(run)


HELLO = Request(Kind.GET, ())


def _one(request: Request, replies: list[Reply]) -> Steps:
    replies.append((yield request))


def _smaller(request: Request) -> Request:
    """Return the request to repeat: a large answer may have been lost for its size."""
    if request.kind is not Kind.GET_BULK or request.repetitions <= DEFAULT_REPETITIONS:
        return request
    return structs.replace(request, repetitions=DEFAULT_REPETITIONS)
