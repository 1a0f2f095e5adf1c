"""The Prometheus HTTP API as the detector uses it: the server's time, and range queries."""

from collections.abc import Mapping
from urllib.parse import urlencode

from anomaly_detector.config import Reader
from anomaly_detector.errors import (
    QueryRejectedError,
    SourceDeniedError,
    SourceError,
    SourceUnavailableError,
    printable,
)
from anomaly_detector.models.model import F64
from anomaly_detector.session import Answer, Session
from anomaly_detector.sink.series import SCORE
from anomaly_detector.source.matrix import Matrix, parse_error, parse_matrix, parse_number, parse_types
from anomaly_detector.source.raw_history import RawHistory, fullest
from anomaly_detector.source.reading import Timed, untimed

MAX_POINTS = 11_000  # Prometheus web/api/v1: "exceeded maximum resolution of 11,000 points per timeseries"
SMALL_ANSWER = 1 << 20
METADATA = "/api/v1/metadata"
# to Thanos and to VictoriaMetrics' cluster: by default an error is better than an answer from which series are missing,
# because those would seem to have ended; other servers pass over what they do not know
PARTIAL_RESPONSE = {
    "refuse": {"partial_response": "false", "deny_partial_response": "1"},
    "accept": {"partial_response": "true"},
}
_QUERY_FAULTS = (400, 422)  # bad_data; execution (too many samples, many-to-many matching)
_LATER = (408, 425, 429, 500, 502, 503, 504)


class PromApi:
    """Reads from one server. Not to be shared between threads."""

    def __init__(self, reader: Reader, *, timed: Timed = untimed) -> None:
        self._session = Session(reader)
        self._timed = timed
        self._raw = RawHistory(self._session, timed=timed, max_bytes=int(reader.max_response_bytes))
        self._reader = reader

    def server_time(self) -> float:
        """Return the server's own idea of now in Unix seconds; the local clock is never asked."""
        return parse_number(self._ask("/api/v1/query", {"query": "time()"}, max_bytes=SMALL_ANSWER))

    def newest_score(self, query: str) -> float:
        """Return when a score of a query was last written, as far as this server knows; 0 when it knows of none.

        Looks an hour back, as far as a receiver takes new samples.
        """
        now = f'max(timestamp({SCORE}{{for="{query}"}}))'
        asked = {"query": f"{now} or max({written(query)}) or vector(0)"}
        return parse_number(self._ask("/api/v1/query", asked, max_bytes=SMALL_ANSWER))

    def query_range(self, expr: str, times_s: F64, *, step_s: float, max_series: int) -> Matrix:
        """Evaluate an expression at regular instants, at most 11,000 of them.

        Raises a SourceError, or a QueryFaultError when the answer is too large or no matrix.
        """
        raw = self._raw.read(expr, times_s, max_series=max_series) if self._reader.remote_read == "auto" else None
        if raw is not None and self._raw.unproven(expr):
            asked = self._asked(expr, fullest(raw), step_s=step_s, max_series=max_series)
            raw = raw if self._raw.believe(expr, raw, asked) else None
        return raw if raw is not None else self._asked(expr, times_s, step_s=step_s, max_series=max_series)

    def _asked(self, expr: str, times_s: F64, *, step_s: float, max_series: int) -> Matrix:
        parameters = {
            "query": expr,
            "start": f"{times_s[0]:.3f}",
            "end": f"{times_s[-1]:.3f}",
            "step": f"{step_s:.3f}",
            "timeout": str(self._reader.timeout),  # as Prometheus reads durations: 800ms, it knows no 0.8s
            **PARTIAL_RESPONSE[self._reader.partial_response],
        }
        with self._timed("fetch"):
            body = self._ask("/api/v1/query_range", parameters, max_bytes=int(self._reader.max_response_bytes))
        with self._timed("decode"):
            return parse_matrix(body, times_s, max_series=max_series, partial=self._reader.partial_response == "accept")

    def metric_types(self, name: str) -> frozenset[str]:
        """Return what the targets of the server say a metric is, such as `counter`; nothing where it does not know.

        Raises SourceUnavailableError.
        """
        answer = self._session.get(f"{METADATA}?{urlencode({'metric': name})}", max_bytes=SMALL_ANSWER)
        return parse_types(answer.body, name) if answer.status == 200 else frozenset()

    def close(self) -> None:
        """Close idle connections."""
        self._session.close()

    def _ask(self, path: str, parameters: Mapping[str, str], *, max_bytes: int) -> bytes:
        answer = self._session.post(path, parameters, max_bytes=max_bytes)
        if answer.status != 200:
            raise error_of(answer)
        return answer.body


def written(query: str) -> str:
    """Return an expression: when each score of a query was last written, looking an hour back."""
    return f'max_over_time(timestamp({SCORE}{{for="{query}"}})[1h:30s])'


def error_of(answer: Answer) -> SourceError:
    """Return the error for an answer that is not 200, by what can be done about it."""
    said = f"HTTP {answer.status}: {parse_error(answer.body)}"
    if answer.status in _QUERY_FAULTS:
        return QueryRejectedError(said)
    if answer.status in _LATER or answer.status > 504:
        return SourceUnavailableError(said)
    if 300 <= answer.status < 400:
        place = printable(answer.headers.get("Location", "nowhere"))
        said = f"HTTP {answer.status}: redirected to {place}; set datasource_url to the final address"
    return SourceDeniedError(said)
