"""Calls between workers: length-prefixed frames over a Unix socket that only this user can open.

One connection for each pair of workers carries many calls at once. A frame is four bytes of length and a msgpack
`Frame`. A worker that is not there costs its caller nothing but the refused connect.
"""

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Self

import msgspec
from msgspec import Struct

from exporters.errors import WorkerGoneError
from heronwatch.logs import get_logger

MOST_BYTES = 256 * 1024 * 1024
BUFFER_BYTES = 1024 * 1024
DRAIN_S = 5.0  # what is being answered when a worker stops may end
_LENGTH_BYTES = 4

Handler = Callable[[str, bytes], Awaitable[bytes]]


class Frame(Struct, frozen=True, array_like=True):
    """A call (`kind` says which) or the answer to the call of the same number (`kind` is "ok" or "failed")."""

    number: int
    kind: str
    data: bytes


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Frame)


async def read_frame(reader: asyncio.StreamReader) -> Frame:
    """Read one frame; raises `EOFError` at the end, `ValueError` for what is no frame."""
    length = int.from_bytes(await reader.readexactly(_LENGTH_BYTES))
    if length > MOST_BYTES:
        raise ValueError(f"a frame of {length} bytes")
    return _decoder.decode(await reader.readexactly(length))


def write_frame(writer: asyncio.StreamWriter, frame: Frame) -> None:
    """Write one frame."""
    body = _encoder.encode(frame)
    writer.write(len(body).to_bytes(_LENGTH_BYTES))
    writer.write(body)


class RelayServer:
    """Listens on a Unix socket and has `handler` answer; an asynchronous context."""

    def __init__(self, path: Path, handler: Handler) -> None:
        self._path = path
        self._handler = handler
        self._group = asyncio.TaskGroup()
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._answers: set[asyncio.Task[None]] = set()
        self._log = get_logger("exporters.relay")

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        self._path.unlink(missing_ok=True)
        before = os.umask(0o177)  # the socket is born with mode 0600
        try:
            self._server = await asyncio.start_unix_server(self._connected, self._path, limit=BUFFER_BYTES)
        finally:
            os.umask(before)
        return self

    async def __aexit__(self, *reason: object) -> None:
        if self._server is not None:
            self._server.close()
        if self._answers:
            await asyncio.wait(self._answers, timeout=DRAIN_S)
        for task in [*self._answers, *self._connections]:
            task.cancel()
        await self._group.__aexit__(None, None, None)
        self._path.unlink(missing_ok=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._start(self._serve(reader, writer), self._connections)

    def _start(self, work: Coroutine[None, None, None], tasks: set[asyncio.Task[None]]) -> None:
        task = self._group.create_task(work)
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                self._start(self._answer(await read_frame(reader), writer), self._answers)
        except (EOFError, OSError):
            return
        except (ValueError, msgspec.MsgspecError) as error:
            self._log.error("a worker sent what is no frame", error=str(error))
        finally:
            writer.close()

    async def _answer(self, call: Frame, writer: asyncio.StreamWriter) -> None:
        """Answer one call; the outermost loop of what another worker asked for."""
        try:
            answer = Frame(call.number, "ok", await self._handler(call.kind, call.data))
        except Exception as error:  # noqa: BLE001  # the caller is told; this worker goes on
            self._log.exception("a call of another worker failed", call=call.kind)
            answer = Frame(call.number, "failed", type(error).__name__.encode())
        with contextlib.suppress(OSError):
            write_frame(writer, answer)
            await writer.drain()


class RelayClient:
    """The calls to one other worker; its reading task lives in `group`."""

    def __init__(self, path: Path, name: str, *, group: asyncio.TaskGroup) -> None:
        self._path = path
        self._name = name
        self._group = group
        self._number = 0
        self._waiting: dict[int, asyncio.Future[Frame]] = {}
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._connecting = asyncio.Lock()

    async def call(self, kind: str, data: bytes, *, timeout_s: float) -> bytes:
        """Call and wait for the answer; raises `WorkerGoneError` when the worker is not there or does not answer."""
        writer = await self._connected()
        self._number += 1
        number = self._number
        future = self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(timeout_s):
                write_frame(writer, Frame(number, kind, data))
                await writer.drain()
                answer = await future
        except TimeoutError as error:
            raise WorkerGoneError(f"{self._name} did not answer in time") from error
        except OSError as error:
            raise WorkerGoneError(f"{self._name} is gone; it is being restarted") from error
        finally:
            self._waiting.pop(number, None)
        return self._checked(answer)

    def _checked(self, answer: Frame) -> bytes:
        if answer.kind != "ok":
            raise WorkerGoneError(f"{self._name} failed: {answer.data.decode()}")
        return answer.data

    async def _connected(self) -> asyncio.StreamWriter:
        async with self._connecting:
            if self._writer is None:
                try:
                    reader, self._writer = await asyncio.open_unix_connection(self._path, limit=BUFFER_BYTES)
                except OSError as error:
                    raise WorkerGoneError(f"{self._name} is being restarted") from error
                self._reading = self._group.create_task(self._read(reader, self._writer))
            return self._writer

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                frame = await read_frame(reader)
                future = self._waiting.pop(frame.number, None)
                if future is not None and not future.done():
                    future.set_result(frame)
        except (EOFError, OSError, ValueError, msgspec.MsgspecError):
            return
        finally:
            self._lost(writer)

    def _lost(self, writer: asyncio.StreamWriter) -> None:
        self._writer = None
        writer.close()
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(ConnectionResetError(self._name))
        self._waiting.clear()

    def close(self) -> None:
        """Close the connection."""
        if self._reading is not None:
            self._reading.cancel()
