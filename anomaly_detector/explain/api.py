"""`GET /api/v1/explain?series=…[&at=…]`: why a series scored what it scored; JSON, or text with `format=text`."""

import json
import threading
from collections.abc import Callable, Sequence
from datetime import tzinfo

import msgspec

from anomaly_detector.config import Config
from anomaly_detector.errors import DetectorError, SourceError
from anomaly_detector.explain.inquiry import explained, with_pauses
from anomaly_detector.explain.lookup import NoSuchSeriesError, find
from anomaly_detector.explain.subject import Subject, subject_of
from anomaly_detector.explain.telling import as_builtins, as_text
from anomaly_detector.feedback.effects import Marks
from anomaly_detector.grid import timezone_named
from anomaly_detector.scoring.learning import Pause
from anomaly_detector.source.reading import Source
from anomaly_detector.when import when
from heronwatch import pages
from heronwatch.http_message import JSON, Request, Response, text_response

PATH = "/api/v1/explain"


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Which series, at which instant (Unix seconds; None for the newest)."""

    subject: Subject
    at_s: float | None = None


def asked(series: str, at: str, *, now_s: float, zone: tzinfo) -> Asked:
    """Read what was asked for; ValueError when it cannot be.

    >>> from datetime import UTC
    >>> asked("cpu", "1792893600", now_s=0, zone=UTC).at_s == asked("cpu", "2026-10-25 02:00", now_s=0, zone=UTC).at_s
    True
    """
    return Asked(subject=subject_of(series), at_s=when(at, now_s=now_s, zone=zone) if at else None)


class ExplainApi:
    """One inquiry at a time: each reads history of a host.

    `source` opens a reader of its own, `marked` are the pauses of marks.
    """

    def __init__(
        self,
        *,
        config: Callable[[], Config],
        source: Callable[[Config], Source],
        marks: Callable[[], Marks],
        now: Callable[[], float],
        marked: Callable[[], Sequence[Pause]] = tuple,
    ) -> None:
        self._config, self._source, self._marks, self._now = config, source, marks, now
        self._marked = marked
        self._one = threading.Lock()

    def answer(self, request: Request) -> Response:
        """Answer a request for PATH."""
        if request.method not in {"GET", "HEAD"}:
            return pages.method_not_allowed(("GET", "HEAD"))
        try:
            zone = timezone_named(self._config().settings.timezone)
            wanted = asked(request.query.get("series", ""), request.query.get("at", ""), now_s=self._now(), zone=zone)
        except ValueError as exc:
            return _trouble(400, str(exc))
        if not self._one.acquire(blocking=False):
            return pages.too_many_requests("another inquiry is being answered")
        try:
            return self._found(wanted, as_json=request.query.get("format", "json") != "text")
        finally:
            self._one.release()

    def _found(self, wanted: Asked, *, as_json: bool) -> Response:
        config = with_pauses(self._config(), self._marked())
        source = self._source(config)
        try:
            told = explained(
                config, source, find(config, source, wanted.subject, at_s=wanted.at_s), marks=self._marks()
            )
        except NoSuchSeriesError as exc:
            return _trouble(404, str(exc))
        except SourceError as exc:
            return _trouble(502, str(exc))
        except DetectorError as exc:
            return _trouble(422, str(exc))
        finally:
            source.close()
        return _json(200, as_builtins(told)) if as_json else text_response(as_text(told))


def _json(status: int, value: object) -> Response:
    return Response(status=status, body=json.dumps(value).encode() + b"\n", content_type=JSON)


def _trouble(status: int, words: str) -> Response:
    return _json(status, {"error": words})
