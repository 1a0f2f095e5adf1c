"""The threaded HTTP server for WSGI applications, on cheroot, and the common pages in front of any application."""

import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from heronwatch import pages
from heronwatch.compression import SMALLEST_WORTH_BYTES, accepts_gzip, gzip_bytes
from heronwatch.errors import ConfigError
from heronwatch.http_message import QueryError, Request, Response, status_line
from heronwatch.listening import telling_why
from heronwatch.logs import get_logger
from heronwatch.site import COMMON_METHODS, RELOAD, CommonPages, SiteOptions, check_listen, is_exempt
from heronwatch.values import HostPort
from heronwatch.webconfig import ActiveWebConfig, WebConfigFile
from heronwatch.wsgi_connection import Limits, Screen
from heronwatch.wsgi_server import PEER_CERTIFICATE, BoundedHTTPServer

__all__ = ["Limits", "WsgiServer", "common_pages"]

Environ = dict[str, Any]
StartResponse = Callable[..., Callable[[bytes], object]]
WsgiApp = Callable[[Environ, StartResponse], Iterable[bytes]]


class WsgiServer:
    """One listener for one application, in threads of its own.

    `open_because` is the reason why it may listen beyond loopback without a web config that authenticates, such as
    "--web.insecure" or "capability links only"; ListenRefusedError without it. `screen` is asked with the WSGI environ
    of a request before a body of more than 64 KiB, or in chunks, is read: how many bytes of it are held at most. With
    none the body is left where it is, the application finds `wsgi.input` empty and BODY_UNREAD set.
    """

    def __init__(
        self,
        app: WsgiApp,
        *,
        listen: HostPort,
        web: WebConfigFile | None = None,
        threads: int = 16,
        limits: Limits | None = None,
        open_because: str = "",
        screen: Screen | None = None,
    ) -> None:
        self._listen = listen
        self._web = web or WebConfigFile()
        self._open_because = open_because
        self._log = get_logger("heronwatch.httpd")
        bind = (listen.host or _every_interface(), listen.port or 0)
        self._server = BoundedHTTPServer(
            bind, app, web=self._web, limits=limits or Limits(), threads=threads, screen=screen
        )
        self._thread = threading.Thread(target=self._server.serve, name="httpd", daemon=True)

    @property
    def port(self) -> int:
        """The TCP port it listens on."""
        return int(self._server.bind_addr[1])

    def start(self) -> None:
        """Listen and serve in the background; CannotListenError when the address is taken, ListenRefusedError."""
        host = self._listen.host
        authenticates = self._web.authenticates
        reason = check_listen(host, authenticates=authenticates, open_because=self._open_because)
        if authenticates and not self._open_because:
            self._web.require_authentication()
        with telling_why(self._listen, self._server.bind_errors):
            self._server.prepare()
        self._thread.start()
        self._log.info("listening", address=f"{host}:{self.port}", tls=self._web.uses_tls, access=reason)

    def stop(self, *, deadline_s: float = 10.0) -> bool:
        """Take no more connections, let requests in flight finish; False when some did not by deadline_s."""
        self._server.shutdown_timeout = max(0.1, deadline_s - 0.5)
        stopper = threading.Thread(target=self._server.stop, name="httpd-stop", daemon=True)
        end = time.monotonic() + deadline_s
        stopper.start()
        stopper.join(deadline_s)
        self._thread.join(max(0.0, end - time.monotonic()))
        return not stopper.is_alive()


def _every_interface() -> str:
    """The address of every interface, IPv4 included: ":9811" means the same to both servers."""
    return "::" if socket.has_dualstack_ipv6() else "0.0.0.0"


def common_pages(app: WsgiApp, site: SiteOptions, *, web: WebConfigFile | None = None) -> "CommonPagesApp":
    """The application with the common pages, and with the web config's users and limits in front of everything."""
    return CommonPagesApp(app, site, web or WebConfigFile())


class CommonPagesApp:
    """A WSGI application; `reload()` does what POST /-/reload does."""

    def __init__(self, app: WsgiApp, site: SiteOptions, web: WebConfigFile) -> None:
        self._app = app
        self._site = site
        self._web = web
        self._pages = CommonPages(site)
        self._reload_lock = threading.Lock()
        self._log = get_logger("heronwatch.httpd")

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """One request; the outermost loop of the server."""
        active = self._web.current()
        request = request_of(environ)
        try:
            answer = self._admit(request, environ, active) or self._common(request, active)
            if answer is None:
                return self._pass_on(environ, start_response, active)
        except QueryError as error:
            answer = pages.error(400, str(error))
        except Exception:  # noqa: BLE001  # the outermost loop: the client gets no more than "internal error"
            self._log.exception("a request handler failed", method=request.method, path=request.path)
            answer = pages.error(500, "Internal server error; the log has the details.")
            return send(answer, request, _replacing(start_response, sys.exc_info()), extra=active.headers)
        return send(answer, request, start_response, extra=active.headers)

    def _pass_on(self, environ: Environ, start_response: StartResponse, active: ActiveWebConfig) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:  # PEP 3333
            return start_response(status, with_defaults(headers, active.headers), exc_info)

        body = self._app(environ, start)
        return _without_body(body) if environ["REQUEST_METHOD"] == "HEAD" else body

    def _admit(self, request: Request, environ: Environ, active: ActiveWebConfig) -> Response | None:
        """The web config's word: rate limit, client certificate, user."""
        if not active.bucket.take(self._web.monotonic()):
            return pages.too_many_requests("the rate limit of the web config")
        if not active.certificate_allowed(environ.get(PEER_CERTIFICATE)):
            return pages.forbidden("the client certificate has none of the allowed names")
        if not active.auth.required or is_exempt(request.path, self._site.own_auth):
            return None
        return self._check_user(request.headers.get("Authorization"), active)

    def _check_user(self, authorization: str | None, active: ActiveWebConfig) -> Response | None:
        verdict = active.auth.known(authorization)
        if verdict is None:
            if not self._web.checks.begin():
                return pages.too_many_requests("too many password checks are waiting")
            try:
                verdict = active.auth.check(authorization)
            finally:
                self._web.checks.end()
        if verdict:
            return None
        self._site.telemetry.unauthorized()
        return pages.unauthorized()

    def _common(self, request: Request, active: ActiveWebConfig) -> Response | None:
        if request.path not in COMMON_METHODS:
            return None
        refusal = self._pages.refusal(request, authenticates=active.authenticates)
        if refusal is not None:
            return refusal
        return self.reload() if request.path == RELOAD else self._pages.answer(request)

    def reload(self) -> Response:
        """Reload as POST /-/reload does, one at a time; for SIGHUP too."""
        with self._reload_lock:
            try:
                self._site.reload()
            except ConfigError as error:
                self._log.error("configuration refused, the old one keeps running", faults=str(error))
                return self._pages.reload_outcome(error)
            except BaseException:
                self._site.telemetry.reload_failed()
                raise
            self._log.info("configuration reloaded")
            return self._pages.reload_outcome(None)


class EnvironHeaders(Mapping[str, str]):
    """The request headers of a WSGI environ, looked up without regard to case."""

    def __init__(self, environ: Mapping[str, Any]) -> None:
        self._environ = environ

    def __getitem__(self, name: str) -> str:
        key = name.upper().replace("-", "_")
        value = self._environ[key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{key}"]
        return str(value)

    def __iter__(self) -> Iterator[str]:
        return (key[5:].replace("_", "-").title() for key in self._environ if key.startswith("HTTP_"))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def request_of(environ: Mapping[str, Any]) -> Request:
    """The request as the pages and guards see it, without its body."""
    path = str(environ.get("PATH_INFO", "/"))
    return Request(
        str(environ["REQUEST_METHOD"]),
        path.encode("latin-1").decode("utf-8", "replace"),  # PEP 3333: bytes in the guise of latin-1
        query_string=str(environ.get("QUERY_STRING", "")),
        headers=EnvironHeaders(environ),
        remote=str(environ.get("REMOTE_ADDR", "")),
        scheme=str(environ.get("wsgi.url_scheme", "http")),
    )


def send(
    answer: Response,
    request: Request,
    start_response: StartResponse,
    *,
    extra: tuple[tuple[str, str], ...] = (),
) -> Iterable[bytes]:
    """A Response as a WSGI application returns it; for applications without a framework too."""
    body, headers = answer.body, [("Content-Type", answer.content_type), *answer.headers]
    if answer.compressible and len(body) >= SMALLEST_WORTH_BYTES:
        headers.append(("Vary", "Accept-Encoding"))
        if accepts_gzip(request.headers.get("Accept-Encoding", "")):
            body = gzip_bytes(body)
            headers.append(("Content-Encoding", "gzip"))
    headers.append(("Content-Length", str(len(body))))
    start_response(status_line(answer.status), with_defaults(headers, extra))
    return [] if request.method == "HEAD" else [body]


def with_defaults(headers: Iterable[tuple[str, str]], defaults: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The headers, with those defaults that are not among them."""
    own = list(headers)
    present = {name.lower() for name, _ in own}
    return own + [(name, value) for name, value in defaults if name.lower() not in present]


def _replacing(start_response: StartResponse, failure: Any) -> StartResponse:
    """A start_response that may replace the head which a failed application has given already (PEP 3333)."""

    def start(status: str, headers: list[tuple[str, str]]) -> Callable[[bytes], object]:
        return start_response(status, headers, failure)

    return start


def _without_body(body: Iterable[bytes]) -> Iterable[bytes]:
    """HEAD has no body, whatever the application returned (RFC 9110 section 9.3.2)."""
    close = getattr(body, "close", None)
    for _ in body:
        pass
    if close is not None:
        close()
    return []
