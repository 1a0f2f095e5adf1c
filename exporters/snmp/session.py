"""The only file that polls: one UDP socket to one device, one request in flight."""

import asyncio
import ipaddress
import socket
from collections.abc import Callable
from errno import ECONNREFUSED

from msgspec import Struct, structs

from exporters.snmp import ber
from exporters.snmp.ber import Kind, Reply, Request, Steps
from exporters.snmp.errors import (
    DeviceError,
    GarbledError,
    MalformedError,
    NoAnswerError,
    RefusedByDeviceError,
    UnreachableError,
)
from exporters.snmp.plan import DEFAULT_REPETITIONS
from exporters.snmp.security import SecurityModel

MOST_BYTES = 65_535  # RFC 3417 section 3.1: what fits into a UDP datagram
MOST_AT_ONCE = 64
"""Datagrams read before the loop gets its turn, so that a flood from one device holds up no other."""


class Attempts(Struct, frozen=True):
    """How long to wait for each answer, how often to ask again, and when (`loop.time()`) to stop in any case."""

    timeout_s: float
    retries: int
    deadline: float


class Endpoint(Struct, frozen=True):
    """Where a device listens. With `any_source` answers may come from another of its addresses."""

    address: str
    port: int
    any_source: bool = False


class Session:
    """A socket kept for a device; `request_id` gives the random first request-id. Not for two runs at a time.

    A reply is handed to the steps where it is read, and the next request leaves from there: a task that is woken for
    each packet would double the cost of a walk.
    """

    def __init__(self, endpoint: Endpoint, *, request_id: Callable[[], int]) -> None:
        self.endpoint = endpoint
        self.sent = 0
        self.retried = 0
        self._loop = asyncio.get_running_loop()
        self._peer = (endpoint.address, endpoint.port)
        self._request_id = request_id() & 0x3FFF_FFFF
        self._run: _Run | None = None
        self._socket = _open(endpoint)
        self._loop.add_reader(self._socket.fileno(), self._readable)

    def close(self) -> None:
        """Give the socket back."""
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()

    async def ask(self, request: Request, security: SecurityModel, attempts: Attempts) -> Reply:
        """Return the device's answer; raises DeviceError when there is none in time, or none possible."""
        replies: list[Reply] = []
        await self.run(_one(request, replies), security, attempts)
        return replies[0]

    async def run(self, steps: Steps, security: SecurityModel, attempts: Attempts) -> None:
        """Ask what the steps want to know until they have it all; raises DeviceError, theirs too."""
        try:
            request = next(steps)
        except StopIteration:
            return
        run = self._run = _Run(steps, security, attempts, self._loop.create_future())
        try:
            self._ask(run, request)
            run.timer = self._loop.call_at(run.expires_at, self._tick, run)
            await run.done
        finally:
            self._run = None
            if run.timer is not None:
                run.timer.cancel()

    def _ask(self, run: "_Run", request: Request) -> None:
        """Send a new request; raises DeviceError."""
        self._request_id = (self._request_id + 1) & 0x7FFF_FFFF or 1
        run.request = request
        run.attempt = 1
        self._transmit(run)

    def _transmit(self, run: "_Run") -> None:
        now = self._loop.time()
        if now >= run.attempts.deadline:
            raise run.silence()
        run.expires_at = min(now + run.attempts.timeout_s, run.attempts.deadline)
        message = run.security.wrap(ber.encode_request(run.request, self._request_id))
        self.sent += 1
        try:
            if self.endpoint.any_source:
                self._socket.sendto(message, self._peer)
            else:
                self._socket.send(message)
        except BlockingIOError:
            return  # the send buffer is full: as good as lost on the way, the retry follows
        except OSError as error:
            raise _mapped(error) from error

    def _tick(self, run: "_Run") -> None:
        """Look whether the request sent last has waited too long; there is one timer for a whole run."""
        run.timer = None
        if run.done.done():
            return
        if self._loop.time() >= run.expires_at:
            self._retry(run)
        if not run.done.done():
            run.timer = self._loop.call_at(run.expires_at, self._tick, run)

    def _retry(self, run: "_Run") -> None:
        if run.attempt > run.attempts.retries:
            run.fail(run.silence())
            return
        run.attempt += 1
        run.request = _smaller(run.request)
        self.retried += self._loop.time() < run.attempts.deadline
        try:
            self._transmit(run)
        except DeviceError as error:
            run.fail(error)

    def _readable(self) -> None:
        for _ in range(MOST_AT_ONCE):
            try:
                datagram, source = self._socket.recvfrom(MOST_BYTES)
            except BlockingIOError:
                return
            except OSError as error:
                if self._run is not None:
                    self._run.fail(_mapped(error))
                return
            if self._heard(datagram, source):
                return

    def _heard(self, datagram: bytes, source: tuple[object, ...]) -> bool:
        """Take a datagram; True when it is the answer. What is not (late, repeated, forged, garbled) is dropped."""
        run = self._run
        if run is None or run.done.done():
            return False
        try:
            message, start = run.security.unwrap(datagram)
            reply = ber.decode_response(message, start, len(datagram), attempts=run.attempt)
        except MalformedError:
            run.garbled += 1
            return False
        if reply.request_id != self._request_id or (self.endpoint.any_source and source[1] != self.endpoint.port):
            return False
        self._advance(run, reply)
        return True

    def _advance(self, run: "_Run", reply: Reply) -> None:
        """Hand a reply to the steps and ask what they want to know next."""
        try:
            self._ask(run, run.steps.send(reply))
        except StopIteration:
            run.done.set_result(None)
        except Exception as error:  # noqa: BLE001  # this is a callback of the loop: whoever awaits the run gets it
            run.fail(error)


class _Run:
    """One conversation: what was asked last, and until when its answer is waited for."""

    __slots__ = ("attempt", "attempts", "done", "expires_at", "garbled", "request", "security", "steps", "timer")

    def __init__(self, steps: Steps, security: SecurityModel, attempts: Attempts, done: asyncio.Future[None]) -> None:
        self.steps = steps
        self.security = security
        self.attempts = attempts
        self.done = done
        self.request = NOTHING
        self.attempt = 1
        self.expires_at = 0.0
        self.garbled = 0
        self.timer: asyncio.TimerHandle | None = None

    def fail(self, error: Exception) -> None:
        """End with an error, unless it has ended."""
        if not self.done.done():
            self.done.set_exception(error)

    def silence(self) -> DeviceError:
        """Return what silence means, now that time is up."""
        if self.garbled:
            return GarbledError(f"{self.garbled} answers came, and none was a well-formed SNMP message")
        return NoAnswerError("no answer in time")


NOTHING = Request(Kind.GET, ())


def _one(request: Request, replies: list[Reply]) -> Steps:
    replies.append((yield request))


def _smaller(request: Request) -> Request:
    """Return the request to repeat: a large answer may have been lost for its size."""
    if request.kind is not Kind.GET_BULK or request.repetitions <= DEFAULT_REPETITIONS:
        return request
    return structs.replace(request, repetitions=DEFAULT_REPETITIONS)


def _open(endpoint: Endpoint) -> socket.socket:
    """Open a socket; connected, so that the kernel drops what others send and reports a closed port."""
    family = socket.AF_INET6 if ipaddress.ip_address(endpoint.address).version == 6 else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_DGRAM)
    try:
        opened.setblocking(False)
        if not endpoint.any_source:
            opened.connect((endpoint.address, endpoint.port))
    except OSError as error:
        opened.close()
        raise _mapped(error) from error
    return opened


def _mapped(error: OSError) -> DeviceError:
    if error.errno == ECONNREFUSED:
        return RefusedByDeviceError("nothing listens on the port")
    return UnreachableError(error.strerror or str(error))
