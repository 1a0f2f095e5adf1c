"""Which handler answers a method and a path."""

import re
from collections.abc import Awaitable, Callable, Collection, Iterable

import msgspec

from heronwatch import pages
from heronwatch.http_message import Request, Response

Handler = Callable[[Request], Awaitable[Response]]
_PARAMETER = re.compile(r"\{([a-z_]+)\}")


class Route(msgspec.Struct, frozen=True):
    """A handler for one method and path; `{name}` in the path stands for one segment, in `request.params`."""

    method: str
    path: str
    handler: Handler


class RouteTable:
    """Exact paths by a dict, paths with parameters one after another; GET answers HEAD too."""

    def __init__(self, routes: Iterable[Route], *, reserved: Collection[str] = ()) -> None:
        """ValueError when a route would hide a common page or another route."""
        self._exact: dict[str, dict[str, Handler]] = {}
        self._patterns: list[tuple[re.Pattern[str], dict[str, Handler]]] = []
        shapes: dict[str, dict[str, Handler]] = {}
        for route in routes:
            if route.path in reserved:
                raise ValueError(f"{route.path} is a common page")
            if route.path not in shapes:
                shapes[route.path] = self._place(route.path)
            methods = shapes[route.path]
            if route.method in methods:
                raise ValueError(f"two routes for {route.method} {route.path}")
            methods[route.method] = route.handler
            if route.method == "GET":
                methods.setdefault("HEAD", route.handler)

    def _place(self, path: str) -> dict[str, Handler]:
        methods: dict[str, Handler] = {}
        if "{" in path:
            parts = _PARAMETER.split(path)  # literal, name, literal, name, …
            text = "".join(f"(?P<{part}>[^/]+)" if i % 2 else re.escape(part) for i, part in enumerate(parts))
            self._patterns.append((re.compile(text), methods))
        else:
            self._exact[path] = methods
        return methods

    def find(self, request: Request) -> Handler | Response:
        """The handler, with the request's params set; a 404 or 405 when there is none."""
        methods = self._exact.get(request.path)
        if methods is None:
            methods = self._match(request)
        if methods is None:
            return pages.not_found(request.path)
        return methods.get(request.method) or pages.method_not_allowed(tuple(methods))

    def _match(self, request: Request) -> dict[str, Handler] | None:
        for pattern, methods in self._patterns:
            found = pattern.fullmatch(request.path)
            if found:
                request.params = found.groupdict()
                return methods
        return None
