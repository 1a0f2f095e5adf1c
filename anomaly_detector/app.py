"""The detector's own pages, as a WSGI application behind the common ones."""

from collections.abc import Callable, Iterable

from anomaly_detector.sink.outputs import Page
from anomaly_detector.sink.scores_page import CONTENT_TYPE, scores_text
from heronwatch import pages
from heronwatch.http_message import Request, Response
from heronwatch.httpd_wsgi import Environ, StartResponse, WsgiApp, request_of, send

SCORES = "/scores"


def application(newest: Callable[[], list[Page]]) -> WsgiApp:
    """Return the application; `newest` gives what `/scores` shows."""

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        request = request_of(environ)
        return send(_answer(request, newest), request, start_response)

    return app


def _answer(request: Request, newest: Callable[[], list[Page]]) -> Response:
    if request.path != SCORES:
        return pages.not_found(request.path)
    if request.method not in {"GET", "HEAD"}:
        return pages.method_not_allowed(("GET", "HEAD"))
    return Response(body=scores_text(newest()), content_type=CONTENT_TYPE)
