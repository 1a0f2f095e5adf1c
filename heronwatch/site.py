"""The common pages of every service and who may see them, for both servers."""

import time
from collections.abc import Awaitable, Callable

import msgspec

from heronwatch import pages
from heronwatch.errors import ConfigError, HeronwatchError
from heronwatch.guards import Decision, lifecycle_allowed, listen_allowed
from heronwatch.http_message import Request, Response
from heronwatch.pages import COMMON_LINKS, Form, Link
from heronwatch.telemetry import Telemetry

OPEN_PATHS = frozenset({"/-/healthy", "/-/ready"})  # DESIGN: open; they tell nothing but the state
ROOT, METRICS, HEALTHY, READY, RELOAD, CONFIG = "/", "/metrics", "/-/healthy", "/-/ready", "/-/reload", "/config"
COMMON_METHODS: dict[str, tuple[str, ...]] = {
    ROOT: ("GET", "HEAD"),
    METRICS: ("GET", "HEAD"),
    HEALTHY: ("GET", "HEAD"),
    READY: ("GET", "HEAD"),
    RELOAD: ("POST", "PUT"),
    CONFIG: ("GET", "HEAD"),
}


class ListenRefusedError(HeronwatchError):
    """The address would let anyone in; the message says what to do."""


def _nothing() -> list[str]:
    return []


def _no_reload() -> None:
    return None


def _no_config() -> str:
    return ""


class SiteOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What the common pages of a service show and do."""

    title: str
    version: str
    telemetry: Telemetry
    about: str = ""
    ready: Callable[[], list[str]] = _nothing  # reasons why not
    reload: Callable[[], None] | Callable[[], Awaitable[None]] = _no_reload  # raises ConfigError
    config_text: Callable[[], str] = _no_config  # secrets masked
    enable_lifecycle: bool = False
    links: tuple[Link, ...] = ()
    forms: tuple[Form, ...] = ()
    own_auth: tuple[str, ...] = ()  # path prefixes that check tokens of their own, exempt from basic auth
    external_url: str = ""
    now: Callable[[], float] = time.time


class CommonPages:
    """Answers the common paths; None for every other path."""

    def __init__(self, site: SiteOptions) -> None:
        self._site = site
        self._plain: dict[str, Callable[[Request], Response]] = {
            ROOT: self._landing,
            HEALTHY: lambda _: pages.healthy(),
            READY: lambda _: pages.ready(site.ready()),
            METRICS: self._metrics,
            CONFIG: lambda _: pages.config(site.config_text()),
        }

    def refusal(self, request: Request, *, authenticates: bool) -> Response | None:
        """Why a common path does not answer this request: 405, or 403 from the guard."""
        allowed = COMMON_METHODS[request.path]
        if request.method not in allowed:
            return pages.method_not_allowed(allowed)
        if request.path in {RELOAD, CONFIG}:
            decision = self._lifecycle(request, authenticates=authenticates)
            if not decision.allowed:
                return pages.forbidden(decision.reason)
        return None

    def _lifecycle(self, request: Request, *, authenticates: bool) -> Decision:
        return lifecycle_allowed(
            request.peer, enable_lifecycle=self._site.enable_lifecycle, authenticated=authenticates
        )

    def answer(self, request: Request) -> Response:
        """Any common page but the reload."""
        return self._plain[request.path](request)

    def reload_outcome(self, error: ConfigError | None) -> Response:
        """Set the reload metrics and say what came of it."""
        if error is None:
            self._site.telemetry.reload_succeeded(self._site.now())
            return pages.reloaded()
        self._site.telemetry.reload_failed()
        return pages.reload_failed(str(error))

    def _landing(self, _: Request) -> Response:
        site = self._site
        links = (*site.links, *COMMON_LINKS)
        return pages.landing(site.title, site.version, about=site.about, links=links, forms=site.forms)

    def _metrics(self, request: Request) -> Response:
        headers = request.headers
        body, out = self._site.telemetry.expose(headers.get("Accept", ""), headers.get("Accept-Encoding", ""))
        fields = dict(out)
        content_type = fields.pop("Content-Type")
        return Response(body=body, content_type=content_type, headers=tuple(fields.items()), compressible=False)


def is_exempt(path: str, prefixes: tuple[str, ...]) -> bool:
    """Whether a path checks credentials of its own (or is open), so that basic auth does not apply.

    Paths that a framework might rewrite ("//", "..") are never exempt.
    """
    if path in OPEN_PATHS:
        return True
    if not prefixes or "//" in path or "/.." in path or "/./" in path:
        return False
    return path.startswith(prefixes)


def check_listen(host: str, *, authenticates: bool, open_because: str = "") -> str:
    """The reason why a server may listen there; ListenRefusedError with the remedy when it may not."""
    decision = listen_allowed(host, authenticates=authenticates, open_because=open_because)
    if not decision.allowed:
        raise ListenRefusedError(decision.reason)
    return decision.reason
