"""Where people and other services ask and answer back: `/api/v1/feedback` and `/api/v1/explain`, before `/scores`."""

from collections.abc import Callable, Iterable

import msgspec

from anomaly_detector.active_config import ActiveConfig
from anomaly_detector.config import Config
from anomaly_detector.explain.api import PATH as EXPLAIN
from anomaly_detector.explain.api import ExplainApi
from anomaly_detector.feedback.api import MOST_BODY_BYTES, FeedbackApi
from anomaly_detector.feedback.api import PATH as FEEDBACK
from anomaly_detector.service import Detector
from anomaly_detector.source.prom_api import PromApi
from heronwatch.clock import Clock
from heronwatch.http_message import Request, Response
from heronwatch.httpd_wsgi import Environ, StartResponse, WsgiApp, request_of, send
from heronwatch.values import Duration

PATIENCE_S = 0.8  # of each question: the webhook waits for 3 s
OWN_AUTH = (FEEDBACK,)  # checks a token of its own; the web config's users do not apply


def people(app: WsgiApp, detector: Detector, active: ActiveConfig, *, clock: Clock) -> WsgiApp:
    """Return the service's application with the two APIs in front of it."""
    feedback = FeedbackApi(
        detector.feedback, series=detector.known, now=clock.now, monotonic=clock.monotonic, source=_hurried
    )
    explain = ExplainApi(
        config=lambda: active.value,
        source=lambda config: PromApi(config.reader),
        marks=detector.feedback.marks,
        now=clock.now,
        marked=detector.marked,
    )
    return with_people(app, feedback, explain)


def _hurried(config: Config) -> PromApi:
    """Return a reader for a person who waits: a server that takes longer is not asked what it knows."""
    timeout = min(config.reader.timeout, Duration(PATIENCE_S))
    return PromApi(msgspec.structs.replace(config.reader, timeout=timeout))


def with_people(app: WsgiApp, feedback: FeedbackApi, explain: ExplainApi) -> WsgiApp:
    """Return the application with the two APIs in front of it."""

    def front(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        request = request_of(environ)
        answer = _answer(request, environ, feedback, explain)
        return app(environ, start_response) if answer is None else send(answer, request, start_response)

    return front


def _answer(request: Request, environ: Environ, feedback: FeedbackApi, explain: ExplainApi) -> Response | None:
    if request.path == FEEDBACK or request.path.startswith(f"{FEEDBACK}/"):
        return feedback.answer(request, _body(environ))
    return explain.answer(request) if request.path == EXPLAIN else None


def _body(environ: Environ) -> Callable[[], bytes]:
    def read() -> bytes:
        body: bytes = environ["wsgi.input"].read(MOST_BODY_BYTES + 1)
        return body

    return read
