"""Both web servers of the ground around one small site, on real sockets, and clients that speak as rudely as needed."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from heronwatch import httpd_aio, httpd_wsgi
from heronwatch.http_message import Request, Response, json_response, text_response
from heronwatch.httpd_aio import AioServer, Route
from heronwatch.httpd_wsgi import WsgiServer, common_pages, request_of, send
from heronwatch.site import SiteOptions
from heronwatch.telemetry import Telemetry
from heronwatch.values import HostPort
from heronwatch.webconfig import WebConfigFile
from tests.fakes.web_client import Served

HOST = "127.0.0.1"
BIG = b"a line of a large page\n" * 2_000
OWN_AUTH = ("/own/",)


@dataclass
class Site:
    """What the common pages of the test site say; a test changes it while the server runs."""

    reasons: list[str] = field(default_factory=list)
    reload: Callable[[], None] = lambda: None
    config_text: str = "token: <secret>\n"
    enable_lifecycle: bool = False
    telemetry: Telemetry = field(default_factory=lambda: Telemetry("test", "1.2.3"))
    go_on: threading.Event = field(default_factory=threading.Event)  # lets /slow answer
    entered: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))  # /slow was reached

    def _reload(self) -> None:
        self.reload()

    def options(self) -> SiteOptions:
        return SiteOptions(
            title="Test site",
            version="1.2.3",
            telemetry=self.telemetry,
            ready=lambda: self.reasons,
            reload=self._reload,
            config_text=lambda: self.config_text,
            enable_lifecycle=self.enable_lifecycle,
            own_auth=OWN_AUTH,
            now=lambda: 1_800_000_000.0,
        )


def page(request: Request) -> Response:
    """The pages of the site that need no waiting."""
    if request.path == "/big":
        return Response(body=BIG)
    if request.path == "/boom":
        raise RuntimeError("a secret of the inside")
    if request.path == "/header":
        return Response(headers=(("X-Value", request.query.get("value", "")),))
    if request.path == "/type":
        return Response(content_type=request.query.get("value", ""))
    if request.path == "/own/page":
        return text_response("checked by itself")
    return echo(request)


def echo(request: Request) -> Response:
    seen = {
        "method": request.method,
        "path": request.path,
        "query": {name: request.query.getall(name) for name in request.query},
        "body": request.body.decode("latin-1"),
        "remote": request.remote,
        "scheme": request.scheme,
    }
    return json_response(seen)


ROUTES = (
    ("GET", "/echo"), ("POST", "/echo"), ("GET", "/big"), ("GET", "/boom"), ("GET", "/header"), ("GET", "/type"),
    ("GET", "/own/page"), ("GET", "/slow"),
)  # fmt: skip


def _aio_routes(site: Site) -> list[Route]:
    async def plain(request: Request) -> Response:
        return page(request)

    async def slow(_: Request) -> Response:
        site.entered.release()
        while not site.go_on.is_set():  # noqa: ASYNC110  # set by another thread
            await asyncio.sleep(0.005)
        return text_response("slow")

    return [Route(method, path, slow if path == "/slow" else plain) for method, path in ROUTES]


def _wsgi_app(site: Site) -> Callable[..., Iterable[bytes]]:
    paths = {path for _, path in ROUTES}

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        request = request_of(environ)
        request.body = environ["wsgi.input"].read()
        if request.path not in paths:
            return send(text_response("not found", status=404), request, start_response)
        if request.path == "/slow":
            site.entered.release()
            site.go_on.wait(30)
            return send(text_response("slow"), request, start_response)
        return send(page(request), request, start_response)

    return app


@contextlib.contextmanager
def aio(
    site: Site | None = None,
    *,
    web: WebConfigFile | None = None,
    listen: HostPort | Path | None = None,
    limits: Mapping[str, Any] | None = None,
    **options: Any,
) -> Iterator[Served]:
    """The aiohttp server, in a thread with an event loop of its own."""
    shown = site or Site()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def run(work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result(30)

    server = AioServer(
        _aio_routes(shown),
        shown.options(),
        listen=listen or HostPort(HOST, 0),
        web=web,
        limits=httpd_aio.Limits(**(limits or {})),
        **options,
    )
    try:
        run(server.start())
        port = server.port if server.ports else 0
        yield Served(
            "aio",
            port,
            shown,
            stop=lambda deadline_s: run(server.stop(deadline_s=deadline_s)),
            serving=lambda: any(listener.is_serving() for listener in server._servers),
        )
    finally:
        shown.go_on.set()
        run(server.stop(deadline_s=1.0))
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


@contextlib.contextmanager
def wsgi(
    site: Site | None = None,
    *,
    web: WebConfigFile | None = None,
    listen: HostPort | None = None,
    limits: Mapping[str, Any] | None = None,
    app: Callable[..., Iterable[bytes]] | None = None,
    **options: Any,
) -> Iterator[Served]:
    """The cheroot server, in its own threads."""
    shown = site or Site()
    server = WsgiServer(
        common_pages(app or _wsgi_app(shown), shown.options(), web=web),
        listen=listen or HostPort(HOST, 0),
        web=web,
        limits=httpd_wsgi.Limits(**(limits or {})),
        **{"threads": 8, **options},
    )
    server._server.expiration_interval = 0.05  # how often it looks whether it is to stop: for quick tests
    server.start()
    try:
        yield Served(
            "wsgi",
            server.port,
            shown,
            stop=lambda deadline_s: server.stop(deadline_s=deadline_s),
            serving=lambda: server._server.socket is not None,
        )
    finally:
        shown.go_on.set()
        server.stop(deadline_s=2.0)


Server = Callable[..., contextlib.AbstractContextManager[Served]]
SERVERS: dict[str, Server] = {"aio": aio, "wsgi": wsgi}
