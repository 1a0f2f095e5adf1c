"""The detector's own pages, as a WSGI application behind the common ones."""

from collections.abc import Callable, Iterable

from anomaly_detector.metrics import Status
from anomaly_detector.sink.outputs import Page
from anomaly_detector.sink.scores_page import CONTENT_TYPE, scores_text
from anomaly_detector.status import api as status
from anomaly_detector.status.report import Report
from heronwatch import pages
from heronwatch.http_message import Request, Response
from heronwatch.httpd_wsgi import Environ, StartResponse, WsgiApp, request_of, send

SCORES = "/scores"


def application(newest: Callable[[], list[Page]], report: Callable[[], Report]) -> WsgiApp:
    """Return the application; `newest` gives what `/scores` shows, `report` how the detector is."""

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        request = request_of(environ)
        return send(_answer(request, newest, report), request, start_response)

    return app


def _answer(request: Request, newest: Callable[[], list[Page]], report: Callable[[], Report]) -> Response:
    if request.path == status.PATH:
        return status.answer(request, report)
    if request.path != SCORES:
        return pages.not_found(request.path)
    if request.method not in {"GET", "HEAD"}:
        return pages.method_not_allowed(("GET", "HEAD"))
    pages_now = newest()
    body = scores_text(pages_now) if pages_now else why_empty(report().status).encode()
    return Response(body=body, content_type=CONTENT_TYPE)


def why_empty(told: Status) -> str:
    r"""Return a comment: why `/scores` shows none.

    >>> why_empty(Status(queries=(), queued_samples=0))
    '# no scores yet\n'
    """
    if not told.leads:
        return "# no scores: this detector is a stand-by, another one writes\n"
    if told.receivers:
        places = ", ".join(one.receiver for one in told.receivers)
        return f"# scores are written to {places}; they are shown here when the configuration has no writer\n"
    return "# no scores yet\n"
