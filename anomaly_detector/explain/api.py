"""`GET /api/v1/explain?series=…[&at=…]`: why a series scored what it scored; JSON, or text with `format=text`."""

import json
import threading
from collections.abc import Callable, Sequence

import msgspec

from anomaly_detector.config import Config
from anomaly_detector.errors import DetectorError, SourceError
from anomaly_detector.explain.inquiry import explained, with_pauses
from anomaly_detector.explain.lookup import NoSuchSeriesError, find
from anomaly_detector.explain.subject import Subject, subject_of
from anomaly_detector.explain.telling import as_builtins, as_text
from anomaly_detector.feedback.effects import Marks
from anomaly_detector.scoring.learning import Instant, Pause
from anomaly_detector.source.reading import Source
from heronwatch import pages
from heronwatch.http_message import JSON, Request, Response, text_response
from heronwatch.values import Duration

PATH = "/api/v1/explain"


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Which series, at which instant (Unix seconds; None for the newest)."""

    subject: Subject
    at_s: float | None = None


def asked(series: str, at: str, *, now_s: float) -> Asked:
    """Read what was asked for; ValueError when it cannot be.

    >>> asked("cpu", "1792893600", now_s=0).at_s == asked("cpu", "2026-10-25T03:00:00+01:00", now_s=0).at_s
    True
    """
    return Asked(subject=subject_of(series), at_s=ago_or_time(at, now_s=now_s) if at else None)


def ago_or_time(text: str, *, now_s: float) -> float:
    """Read how long ago, or a time as `time_of` does; ValueError when it is neither.

    >>> ago_or_time("2h", now_s=10_000.0)
    2800.0
    """
    try:
        found = now_s - Duration.parse(text)
    except ValueError:
        found = time_of(text)
    if found < 0:
        raise ValueError(f"'{text}' is not a time")
    return found


def time_of(text: str) -> float:
    """Read Unix seconds, or a time with its offset; ValueError when it is neither."""
    try:
        return float(Instant.parse(text))
    except ValueError:
        if text.replace(".", "", 1).isdigit() and len(text) < 20:
            return float(text)
        raise


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
            wanted = asked(request.query.get("series", ""), request.query.get("at", ""), now_s=self._now())
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
