"""A Modbus TCP server for simulators and tests: a real socket, and misbehaviour on request.

It writes down everything it received, so that a test can say what may leave our box.
"""

import asyncio
import contextlib
from collections.abc import Callable

from msgspec import Struct

from exporters.modbus.frame import HEADER
from exporters.modbus.image import EXCEPTION_FLAG, Image

GATEWAY_TARGET_SILENT = 11  # Modbus Application Protocol V1.1b3, section 7


class Received(Struct, frozen=True):
    """One request as it came: the unit, the bytes from the function code on, and when it came (loop time)."""

    unit: int
    pdu: bytes
    at: float

    @property
    def function(self) -> int:
        """The function code."""
        return self.pdu[0]

    @property
    def address(self) -> int:
        """The first address asked for."""
        return int.from_bytes(self.pdu[1:3], "big")


class Behaviour(Struct, frozen=True, kw_only=True):
    """How to answer one request: properly by default."""

    delay_s: float = 0.0
    exception: int | None = None
    raw: bytes | None = None
    silent: bool = False
    hang_up: bool = False
    transaction_shift: int = 0


PROPER = Behaviour()


class ModbusServer:
    """Answers read requests from images, one for each unit, on one listening socket."""

    def __init__(
        self,
        images: Callable[[int], Image | None],
        *,
        behave: Callable[[Received], Behaviour] = lambda _request: PROPER,
    ) -> None:
        self.received: list[Received] = []
        self.connections = 0
        self.most_connections = 0
        self.connections_made = 0
        self.port = 0
        self._images = images
        self._behave = behave
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()

    async def start(self, host: str, port: int = 0) -> None:
        """Listen; port 0 takes a free one, found in ``port`` afterwards."""
        self._server = await asyncio.start_server(self._serve, host, port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and cut every connection."""
        if self._server is None:
            return
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        if self._serving:
            await asyncio.wait(self._serving)
        await self._server.wait_closed()

    def say(self, data: bytes) -> None:
        """Send bytes that nobody asked for to every connection."""
        for writer in self._writers:
            writer.write(data)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if (task := asyncio.current_task()) is not None:
            self._serving.add(task)
            task.add_done_callback(self._serving.discard)
        self._writers.add(writer)
        self.connections += 1
        self.connections_made += 1
        self.most_connections = max(self.most_connections, self.connections)
        try:
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                while await self._answer_one(reader, writer):
                    pass
        finally:
            self.connections -= 1
            writer.close()
            self._writers.discard(writer)

    async def _answer_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Read one frame and answer it; False hangs up."""
        head = await reader.readexactly(HEADER)
        body = await reader.readexactly(int.from_bytes(head[4:], "big"))
        request = Received(body[0], body[1:], asyncio.get_running_loop().time())
        self.received.append(request)
        how = self._behave(request)
        if how.delay_s:
            await asyncio.sleep(how.delay_s)
        if how.hang_up:
            return False
        if not how.silent:
            writer.write(how.raw if how.raw is not None else self._frame(head, request, how))
            await writer.drain()
        return True

    def _frame(self, head: bytes, request: Received, how: Behaviour) -> bytes:
        transaction = (int.from_bytes(head[:2], "big") + how.transaction_shift) % 65_536
        pdu = self._pdu(request, how.exception)
        return (
            transaction.to_bytes(2, "big") + b"\0\0" + (len(pdu) + 1).to_bytes(2, "big") + bytes([request.unit]) + pdu
        )

    def _pdu(self, request: Received, exception: int | None) -> bytes:
        image = self._images(request.unit)
        if exception is None and image is not None:
            return image.answer(request.pdu)
        return bytes([request.function | EXCEPTION_FLAG, exception or GATEWAY_TARGET_SILENT])
