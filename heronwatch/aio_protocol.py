"""aiohttp's connection handler with what it lacks: a time limit on request heads and a limit on connections."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from aiohttp import web
from aiohttp.web_protocol import RequestHandler

REAP_EVERY_S = 1.0


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds on what clients can make the server hold."""

    body_bytes: int = 10 * 1024 * 1024
    line_bytes: int = 16_384  # request line: a /snmp URL with many modules still fits
    header_bytes: int = 8_190
    headers: int = 100
    head_timeout_s: float = 10.0  # from the first byte of a request to the end of its headers
    body_timeout_s: float = 30.0
    idle_timeout_s: float = 75.0  # longer than the usual scrape interval, so that connections are used again
    connections: int = 1_024
    backlog: int = 256


class BoundedHandler(RequestHandler):
    """One connection; knows since when a request head has been incomplete."""

    __slots__ = ("head_since",)

    def __init__(self, manager: "BoundedServer", loop: asyncio.AbstractEventLoop, **options: Any) -> None:
        super().__init__(manager, loop=loop, **options)
        self.head_since: float | None = None

    @property
    def idle(self) -> bool:
        """Whether it waits for a request (or the rest of one)."""
        return self._waiter is not None and not self._waiter.done()

    @property
    def busy(self) -> bool:
        """Whether a request is being answered."""
        return self._request_in_progress or bool(self._messages)

    def late(self, oldest: float) -> bool:
        """Whether a request head has been incomplete since before `oldest` (loop time)."""
        return self.idle and self.head_since is not None and self.head_since < oldest

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start, unless the server has no room left."""
        super().connection_made(transport)
        self.head_since = self._loop.time()

    def data_received(self, data: bytes) -> None:
        """Hand on to aiohttp, then note whether a head is still incomplete."""
        super().data_received(data)
        if self._messages or self._request_in_progress:
            self.head_since = None
        elif self.head_since is None:
            self.head_since = self._loop.time()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002  # aiohttp's; it may repeat what the client sent
    ) -> web.StreamResponse:
        """A malformed request gets a short answer and a debug line: garbage must not fill the log."""
        self.logger.debug("malformed request from %s: %s", request.remote, type(exc).__name__)
        if request.writer.output_size > 0:
            raise ConnectionError("the response has begun")
        text = "Bad request\n" if status < 500 else "Internal server error\n"
        response = web.Response(status=status, text=text, headers={"Server": "heronwatch"})
        response.force_close()
        return response


class BoundedServer(web.Server):
    """Makes the connections, closes those that are too slow, and makes room when there are too many."""

    def __init__(self, handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]], *, limits: Limits) -> None:
        super().__init__(handler, request_factory=self._request)
        self._limits = limits
        self._closing = False
        self._options: dict[str, Any] = {
            "keepalive_timeout": limits.idle_timeout_s,
            "max_line_size": limits.line_bytes,
            "max_field_size": limits.header_bytes,
            "max_headers": limits.headers,
            "access_log": None,
            "lingering_time": 2.0,
            "auto_decompress": False,
            "logger": logging.getLogger("heronwatch.httpd"),
        }
        self._reaper = self._loop.call_later(REAP_EVERY_S, self._reap)

    def __call__(self) -> RequestHandler:
        """A handler for a new connection."""
        return BoundedHandler(self, self._loop, **self._options)

    def connection_made(self, handler: RequestHandler, transport: asyncio.Transport) -> None:
        """Take the connection; with too many, the one that has waited longest without a request goes."""
        if self._closing or (len(self._connections) >= self._limits.connections and not self._make_room()):
            transport.abort()
        super().connection_made(handler, transport)

    def _make_room(self) -> bool:
        for known in self._connections:  # in the order of their arrival
            if isinstance(known, BoundedHandler) and known.idle:
                known.force_close()
                return True
        return False

    def _request(self, message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
        return web.BaseRequest(
            message, payload, protocol, writer, task, self._loop, client_max_size=self._limits.body_bytes
        )

    def _reap(self) -> None:
        """Close connections whose request head has been incomplete for too long."""
        oldest = self._loop.time() - self._limits.head_timeout_s
        for known in list(self._connections):
            if isinstance(known, BoundedHandler) and known.late(oldest):
                known.force_close()
        self._reaper = self._loop.call_later(REAP_EVERY_S, self._reap)

    async def drain(self, deadline_s: float) -> None:
        """Wait until no request is being answered, for at most deadline_s."""
        self._closing = True
        self._reaper.cancel()
        end = self._loop.time() + deadline_s
        while self._busy() and self._loop.time() < end:  # noqa: ASYNC110  # aiohttp tells nobody when one is done
            await asyncio.sleep(0.01)

    def _busy(self) -> bool:
        return any(known.busy for known in self._connections if isinstance(known, BoundedHandler))
