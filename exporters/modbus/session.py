"""The only file that talks to Modbus devices: one connection for each gateway, one request in flight.

pymodbus carries the bytes; this file decides when a connection is opened, shared, dropped and closed.
Every frame passes two guards on its way out (a request can only be a read; the finished bytes are looked
at again) and one on its way in. A connection on which an answer is overdue is dropped: a late answer can
never be taken for the answer to a later request.
"""

import asyncio
import logging
import random
from collections.abc import Callable

from msgspec import Struct
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException
from pymodbus.pdu import ExceptionResponse, ModbusPDU

from exporters.modbus.errors import BadAnswerError, ModbusError, NoAnswerError, RefusedReadError, UnreachableError
from exporters.modbus.frame import ReadRequest, may_leave, objection, transaction_of
from exporters.modbus.penalty import Penalty
from heronwatch.retry import Backoff

LIBRARY_TIMEOUT_S = 3600.0  # ours is always the shorter one; pymodbus would try again after its own
DEFAULT_BACKOFF = Backoff(first_s=1.0, factor=2.0, cap_s=30.0, jitter=0.2)


class Timing(Struct, frozen=True, kw_only=True):
    """How long a module lets its gateway take; all in seconds."""

    connect_timeout_s: float = 3.0
    response_timeout_s: float = 2.0
    pause_after_connect_s: float = 0.0
    pause_between_requests_s: float = 0.0
    idle_close_s: float = 60.0


class Gateway:
    """One Modbus TCP connection and its queue, shared by all units behind a host and port."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        backoff: Backoff = DEFAULT_BACKOFF,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.requests_sent = 0
        self._host = host
        self._port = port
        self._turn = asyncio.Lock()
        self._link: _Link | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._connecting = Penalty(backoff, chance)
        self._free_at = 0.0

    @property
    def at_rest(self) -> bool:
        """Whether nothing would be forgotten if this object were: no connection, queue or back-off."""
        waiting = self._connecting.wait_s(asyncio.get_running_loop().time()) > 0
        return self._link is None and not self._turn.locked() and not waiting

    async def read(self, request: ReadRequest, timing: Timing, *, deadline: float) -> tuple[int, ...]:
        """Wait for our turn, connect where needed, ask once: registers, or bits as 0 and 1.

        ``deadline`` is a time of the running loop. Raises a ModbusError; never asks twice.
        """
        try:
            async with asyncio.timeout_at(deadline):
                await self._turn.acquire()
        except TimeoutError:
            raise NoAnswerError("still waiting for other requests to this gateway at the deadline") from None
        try:
            self._cancel_idle_close()
            return await self._read_now(request, timing, deadline)
        finally:
            self._close_when_idle(timing.idle_close_s)
            self._turn.release()

    def close(self) -> None:
        """Drop the connection; a later read opens a new one."""
        self._cancel_idle_close()
        self._drop()

    async def _read_now(self, request: ReadRequest, timing: Timing, deadline: float) -> tuple[int, ...]:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout_at(deadline):
                link = await self._connected(timing, deadline)
                await asyncio.sleep(max(0.0, self._free_at - loop.time()))
            return await self._ask(link, request, min(deadline, loop.time() + timing.response_timeout_s))
        except TimeoutError:
            raise NoAnswerError("the deadline came before the request could be sent") from None
        finally:
            self._free_at = loop.time() + timing.pause_between_requests_s

    async def _ask(self, link: "_Link", request: ReadRequest, until: float) -> tuple[int, ...]:
        """Send one request; whatever ends it other than an answer also ends the connection."""
        started = asyncio.get_running_loop().time()
        self.requests_sent += 1
        in_step = False
        try:
            async with asyncio.timeout_at(until):
                answer = await link.ask(request)
        except RefusedReadError:
            in_step = True
            raise
        except TimeoutError:
            raise NoAnswerError(f"no answer within {until - started:.1f} s{link.skipped_text}") from None
        else:
            in_step = True
            return answer
        finally:
            if not in_step:
                self._drop()

    async def _connected(self, timing: Timing, deadline: float) -> "_Link":
        if self._link and self._link.alive:
            return self._link
        now = asyncio.get_running_loop().time()
        if wait_s := self._connecting.wait_s(now):
            raise UnreachableError(f"tried again in {wait_s:.1f} s, as before: {self._connecting.cause}")
        self._drop()
        link = _Link(self._host, self._port)
        until = min(deadline, now + timing.connect_timeout_s)
        try:
            async with asyncio.timeout_at(until):
                await link.connect()
        except (TimeoutError, OSError) as error:
            link.close()
            cause = _connect_failure(error, max(0.0, until - now))
            if until < deadline or not isinstance(error, TimeoutError):  # else our own time was too short to judge
                self._connecting.add(asyncio.get_running_loop().time(), cause)
            raise UnreachableError(cause) from error
        self._connecting.clear()
        self._link = link
        await asyncio.sleep(timing.pause_after_connect_s)
        return link

    def _drop(self) -> None:
        if self._link:
            self._link.close()
            self._link = None

    def _cancel_idle_close(self) -> None:
        if self._idle:
            self._idle.cancel()
            self._idle = None

    def _close_when_idle(self, idle_close_s: float) -> None:
        self._cancel_idle_close()
        if self._link:
            self._idle = asyncio.get_running_loop().call_later(idle_close_s, self.close)


class _Link:
    """One TCP connection through pymodbus, with a guard at the bytes in either direction."""

    def __init__(self, host: str, port: int) -> None:
        logging.getLogger("pymodbus").setLevel(logging.CRITICAL)  # faults tell it, with the request's name
        self.skipped_text = ""
        self._request: ReadRequest | None = None
        self._transaction = 0
        self._client = AsyncModbusTcpClient(
            host,
            port=port,
            timeout=LIBRARY_TIMEOUT_S,
            retries=0,
            reconnect_delay=0,
            trace_packet=self._look_at,
            trace_connect=self._connection_changed,
        )

    @property
    def alive(self) -> bool:
        return self._client.connected

    async def connect(self) -> None:
        """Open the connection, or raise OSError: the library's own method would hide the cause."""
        await self._client.ctx.call_create()

    def close(self) -> None:
        self._client.close()

    async def ask(self, request: ReadRequest) -> tuple[int, ...]:
        """Send one read and wait for its answer: the single way out of this program to a Modbus device."""
        read = {
            1: self._client.read_coils,
            2: self._client.read_discrete_inputs,
            3: self._client.read_holding_registers,
            4: self._client.read_input_registers,
        }[request.function]
        self._request, self.skipped_text = request, ""
        try:
            pdu = await read(request.address, count=request.count, device_id=request.unit)
        except ModbusException as error:
            raise BadAnswerError(str(error)) from error
        finally:
            self._request = None
        return _values(pdu, request)

    def _look_at(self, sending: bool, data: bytes) -> bytes:
        if sending:
            if not may_leave(data):
                raise BadAnswerError(f"stopped a frame that is not a read: {data.hex()}")
            self._transaction = transaction_of(data)
            return data
        if self._request is None:  # nothing was asked: out of step
            self._client.close()
            return b""
        if (wrong := objection(data, self._request, self._transaction)) is not None:
            self._fail(BadAnswerError(wrong))
            return b""
        if transaction_of(data) not in {0, self._transaction}:
            self.skipped_text = "; answers to other transactions were skipped"
        return data

    def _connection_changed(self, connected: bool) -> None:
        if not connected:
            self._fail(UnreachableError("the device closed the connection"))

    def _fail(self, error: ModbusError) -> None:
        waiting = self._client.ctx.response_future
        if self._request is not None and not waiting.done():
            waiting.set_exception(error)


def _values(pdu: ModbusPDU, request: ReadRequest) -> tuple[int, ...]:
    if isinstance(pdu, ExceptionResponse):
        raise RefusedReadError(pdu.exception_code)
    found = [int(bit) for bit in pdu.bits] if request.function in {1, 2} else pdu.registers
    if len(found) < request.count:
        raise BadAnswerError(f"{len(found)} values, expected {request.count}")
    return tuple(found[: request.count])


def _connect_failure(error: Exception, waited_s: float) -> str:
    if isinstance(error, TimeoutError):
        return f"no connection within {waited_s:.1f} s"
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return f"no connection: {text}"
