"""The asyncio HTTP server, on aiohttp: TLS, users and limits of the web config, the common pages, own routes."""

import asyncio
import errno
import inspect
import socket
from collections.abc import Awaitable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from aiohttp import web

from heronwatch import pages
from heronwatch.aio_protocol import BoundedServer, Limits
from heronwatch.aio_routes import Route, RouteTable
from heronwatch.errors import ConfigError
from heronwatch.http_message import QueryError, Request, Response
from heronwatch.listening import telling_why
from heronwatch.logs import get_logger
from heronwatch.loop_errors import LoopErrors
from heronwatch.packing import packed
from heronwatch.site import COMMON_METHODS, CONFIG, METRICS, RELOAD, CommonPages, SiteOptions, check_listen, is_exempt
from heronwatch.values import HostPort
from heronwatch.webconfig import ActiveWebConfig, WebConfigFile

__all__ = ["AioServer", "Limits", "Request", "Response", "Route"]

Listen = HostPort | Path  # a Path is a Unix socket
HANDSHAKE_TIMEOUT_S = 10.0
MOST_WAITING_CHECKS = 16
SERVER_HEADER = "heronwatch"
_TLS_PEER = "peercert"


class AioServer:
    """One server with its listeners; everything it needs is given, nothing is global.

    `open_because` is the reason why it may listen beyond loopback without a web config that authenticates, such as
    "--web.insecure"; ListenRefusedError without it.
    """

    def __init__(
        self,
        routes: Iterable[Route],
        site: SiteOptions,
        *,
        listen: Listen | Sequence[Listen],
        web: WebConfigFile | None = None,
        reuse_port: bool = False,
        limits: Limits | None = None,
        open_because: str = "",
    ) -> None:
        self._table = RouteTable(routes, reserved=COMMON_METHODS)
        self._site = site
        self._pages = CommonPages(site)
        self._listen: tuple[Listen, ...] = (listen,) if isinstance(listen, HostPort | Path) else tuple(listen)
        self._web = web or WebConfigFile()
        self._reuse_port = reuse_port
        self._limits = limits or Limits()
        self._open_because = open_because
        self._log = get_logger("heronwatch.httpd")
        self._servers: list[asyncio.Server] = []
        self._own_sockets: list[Path] = []
        self._reload_lock = asyncio.Lock()
        self._threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="httpd")
        self._checks_waiting = 0
        self._protocols: BoundedServer | None = None

    @property
    def ports(self) -> tuple[int, ...]:
        """The TCP ports it listens on, in the order of `listen`."""
        names = [sock.getsockname() for server in self._servers for sock in server.sockets]
        return tuple(name[1] for name in names if isinstance(name, tuple))

    @property
    def port(self) -> int:
        """The first TCP port."""
        return self.ports[0]

    async def start(self) -> None:
        """Listen; CannotListenError when an address is taken, ListenRefusedError when it would let anyone in."""
        access = [self._may_listen(listen) for listen in self._listen]
        self._protocols = BoundedServer(self._serve, limits=self._limits)
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(LoopErrors(loop.time))
        try:
            for listen, reason in zip(self._listen, access, strict=True):
                self._servers.append(await self._open(listen))
                self._log.info("listening", address=str(listen), tls=self._web.uses_tls, access=reason)
        except BaseException:
            await self.stop(deadline_s=0)
            raise

    def _may_listen(self, listen: Listen) -> str:
        """Return why it may listen there; raises ListenRefusedError."""
        host = listen.host if isinstance(listen, HostPort) else "localhost"
        authenticates = self._web.authenticates
        reason = check_listen(host, authenticates=authenticates, open_because=self._open_because)
        if isinstance(listen, HostPort) and authenticates and not self._open_because:
            self._web.require_authentication()
        return reason

    async def _open(self, listen: Listen) -> asyncio.Server:
        loop = asyncio.get_running_loop()
        context = self._web.ssl_context()
        timeout_s = HANDSHAKE_TIMEOUT_S if context else None
        assert self._protocols is not None  # noqa: S101  # made in start()
        if isinstance(listen, Path):
            sock = _unix_socket(listen)
            self._own_sockets.append(listen)
            return await loop.create_unix_server(
                self._protocols, sock=sock, ssl=context, ssl_handshake_timeout=timeout_s, backlog=self._limits.backlog
            )
        with telling_why(listen):
            return await loop.create_server(
                self._protocols,
                listen.host,
                listen.port or 0,
                ssl=context,
                ssl_handshake_timeout=timeout_s,
                backlog=self._limits.backlog,
                reuse_port=self._reuse_port or None,
            )

    async def stop(self, *, deadline_s: float = 10.0) -> None:
        """Take no more connections, let requests in flight finish for up to deadline_s, close the rest."""
        for server in self._servers:
            server.close()
        if self._protocols is not None:
            self._protocols.pre_shutdown()
            await self._protocols.drain(deadline_s)
            await self._protocols.shutdown(0.1)
        for path in self._own_sockets:
            path.unlink(missing_ok=True)
        self._own_sockets.clear()
        self._servers.clear()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _serve(self, raw: web.BaseRequest) -> web.StreamResponse:
        """One request, from aiohttp's form to aiohttp's form; the outermost loop of the server."""
        active = self._web.current()
        try:
            answer = await self._answer(raw, active)
        except web.HTTPRequestEntityTooLarge:
            answer = pages.error(413, f"The body is larger than {self._limits.body_bytes} bytes.")
        except QueryError as error:
            answer = pages.error(400, str(error))
        except TimeoutError:
            answer = pages.error(408, "The body did not arrive in time.")
        except Exception:  # noqa: BLE001  # the outermost loop: the client gets no more than "internal error"
            self._log.exception("a request handler failed", method=raw.method, path=raw.path)
            answer = pages.error(500, "Internal server error; the log has the details.")
        return await self._encode(answer, raw, active)

    async def _answer(self, raw: web.BaseRequest, active: ActiveWebConfig) -> Response:
        refusal = await self._admit(raw, active)
        if refusal is not None:
            return refusal
        request = Request(
            raw.method,
            raw.path,
            query_string=raw.rel_url.raw_query_string,
            headers=raw.headers,
            remote=_peer_address(raw),
            scheme="https" if self._web.uses_tls else "http",
        )
        if raw.path in COMMON_METHODS:
            return await self._common(request, active)
        found = self._table.find(request)
        if isinstance(found, Response):
            return found
        if raw.can_read_body:
            async with asyncio.timeout(self._limits.body_timeout_s):
                request.body = await raw.read()
        return await found(request)

    async def _admit(self, raw: web.BaseRequest, active: ActiveWebConfig) -> Response | None:
        """The web config's word: rate limit, client certificate, user."""
        if not active.bucket.take(self._web.monotonic()):
            return pages.too_many_requests("the rate limit of the web config")
        if active.allowed_sans and not active.certificate_allowed(_certificate(raw)):
            return pages.forbidden("the client certificate has none of the allowed names")
        if not active.auth.required or is_exempt(raw.path, self._site.own_auth):
            return None
        authorization = raw.headers.get("Authorization")
        verdict = active.auth.known(authorization)
        if verdict is None:
            if self._checks_waiting >= MOST_WAITING_CHECKS:
                return pages.too_many_requests("too many password checks are waiting")
            verdict = await self._check(active, authorization)
        if verdict:
            return None
        self._site.telemetry.unauthorized()
        return pages.unauthorized()

    async def _check(self, active: ActiveWebConfig, authorization: str | None) -> bool:
        self._checks_waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, active.auth.check, authorization)
        finally:
            self._checks_waiting -= 1

    async def _common(self, request: Request, active: ActiveWebConfig) -> Response:
        refusal = self._pages.refusal(request, authenticates=active.authenticates)
        if refusal is not None:
            return refusal
        if request.path == RELOAD:
            return await self.reload()
        if request.path in {METRICS, CONFIG}:  # a large configuration takes seconds to mask
            return await asyncio.to_thread(self._pages.answer, request)
        return self._pages.answer(request)

    async def reload(self) -> Response:
        """Reload as POST /-/reload does, one at a time; for SIGHUP too."""
        async with self._reload_lock:
            try:
                outcome: Awaitable[None] | None = self._site.reload()
                if inspect.isawaitable(outcome):
                    await outcome
            except ConfigError as error:
                self._log.error("configuration refused, the old one keeps running", faults=str(error))
                return self._pages.reload_outcome(error)
            except BaseException:
                self._site.telemetry.reload_failed()
                raise
            self._log.info("configuration reloaded")
            return self._pages.reload_outcome(None)

    async def _encode(self, answer: Response, raw: web.BaseRequest, active: ActiveWebConfig) -> web.Response:
        answer = await packed(answer, raw.headers.get("Accept-Encoding", ""), self._threads)
        headers = {"Content-Type": answer.content_type, "Server": SERVER_HEADER}
        headers.update(active.headers)
        headers.update(answer.headers)
        return web.Response(status=answer.status, body=answer.body, headers=headers)


def _peer_address(raw: web.BaseRequest) -> str:
    peer = raw.transport.get_extra_info("peername") if raw.transport else None
    return str(peer[0]) if isinstance(peer, tuple) else ""


def _certificate(raw: web.BaseRequest) -> dict[str, object] | None:
    return raw.transport.get_extra_info(_TLS_PEER) if raw.transport else None


def _unix_socket(path: Path) -> socket.socket:
    """A socket at `path` for this user alone; one left by a dead server is replaced, OSError when one still listens."""
    if path.is_socket():
        if _listens(path):
            raise OSError(errno.EADDRINUSE, f"another server listens on {path}")
        path.unlink()
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.bind(str(path))
        path.chmod(0o600)  # before listen(): nobody can have connected yet
    except OSError:
        sock.close()
        raise
    return sock


def _listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
        return True
