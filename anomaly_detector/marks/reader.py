"""Reads marks in a thread of its own; who cannot be reached leaves what was known before in force."""

import threading
from collections.abc import Iterator, Sequence
from email.utils import parsedate_to_datetime

from anomaly_detector.errors import BadAnswerError, DetectorError
from anomaly_detector.marks.blocks import Marker, Marks
from anomaly_detector.marks.known import Known, Told
from anomaly_detector.marks.silences import parse_silences
from anomaly_detector.marks.webhook import Incident, parse_incidents, parse_windows
from anomaly_detector.metrics import Metrics
from anomaly_detector.scoring.learning import Pause
from anomaly_detector.session import Answer, Session
from anomaly_detector.source.prom_api import error_of
from heronwatch.logs import get_logger

LARGEST_ANSWER = 32 << 20
PAGE = 200
MOST_PAGES = 50
AGAIN_S = 86_400.0  # after the first reading, closed incidents are read this far back
WEBHOOK, ALERTMANAGER = "webhook", "alertmanager"
log = get_logger(__name__)


class MarkedPauses:
    """All marks as pauses; `pauses` is what holds now. `back_s`: how far back history may be learnt from."""

    def __init__(self, marks: Marks, *, back_s: float, metrics: Metrics) -> None:
        self.marks = marks
        self.pauses: tuple[Pause, ...] = ()
        self._metrics = metrics
        self._sources = [_MarkSource(marker, kind, marks, back_s=back_s) for kind, marker in _markers(marks)]
        self._read = threading.Event()

    def run(self, stop: threading.Event) -> None:
        """Read until `stop`."""
        while not stop.is_set():
            try:
                self.read()
            except Exception:  # the thread's outermost loop: what was known stays in force
                log.exception("marks could not be read")
            self._read.set()
            stop.wait(float(self.marks.refresh))
        self._read.set()
        for source in self._sources:
            source.close()

    def wait_for_first(self, timeout_s: float) -> bool:
        """Wait until every server was asked once; history is learnt after that."""
        return self._read.wait(timeout_s)

    def read(self) -> None:
        """Ask every server once."""
        for source in self._sources:
            source.read(self._metrics)
        self.pauses = tuple(pause for source in self._sources for pause in source.pauses)


def asked(marks: Marks, *, from_s: float) -> Iterator[tuple[str, Told | DetectorError]]:
    """Ask every server once; yield its address, and what it tells of the time since `from_s` or why it does not."""
    for kind, marker in _markers(marks):
        source = _MarkSource(marker, kind, marks, back_s=0.0)
        try:
            yield str(marker.url), source.told(from_s)
        except DetectorError as exc:
            yield str(marker.url), exc
        finally:
            source.close()


class _MarkSource:
    """One server that is asked for marks."""

    def __init__(self, marker: Marker, kind: str, marks: Marks, *, back_s: float) -> None:
        self.pauses: tuple[Pause, ...] = ()
        self._kind, self._name = kind, str(marker.url)
        self._session = Session(marker.endpoint)
        self._known = Known(marks.by, before_s=float(marks.before), back_s=back_s)
        self._back_s = back_s
        self._trouble = ""
        self._odd: tuple[str, ...] = ()

    def read(self, metrics: Metrics) -> None:
        try:
            self._known.hear(self.told())
        except DetectorError as exc:
            metrics.marks_failures.labels(self._kind, exc.reason).inc()
            self._say(str(exc))
            return
        self.pauses, odd = self._known.pauses()
        metrics.marks.labels(self._name).set(len(self.pauses))
        for words in odd if odd != self._odd else ():
            log.warning("mark not understood", server=self._name, mark=words)
        self._odd = odd
        self._say("")
        self._back_s = AGAIN_S

    def close(self) -> None:
        self._session.close()

    def _say(self, trouble: str) -> None:
        if trouble and not self._trouble:
            log.warning("marks not read: those known stay in force", server=self._name, detail=trouble)
        elif self._trouble and not trouble:
            log.info("marks are read again", server=self._name)
        self._trouble = trouble

    def told(self, from_s: float | None = None) -> Told:
        """Ask; closed incidents are read back to `from_s`. Raises a DetectorError."""
        if self._kind == ALERTMANAGER:
            answer = self._get("/api/v2/silences")
            return Told(now_s=_date(answer), silences=parse_silences(answer.body))
        answer = self._get("/api/v1/maintenance")
        now_s = _date(answer)
        since_s = now_s - self._back_s if from_s is None else from_s
        incidents = [*self._incidents("open", since_s=-1.0), *self._incidents("all", since_s=since_s)]
        return Told(
            now_s=now_s,
            windows=parse_windows(answer.body),
            incidents=incidents,
            open_ids=frozenset(one.id for one in incidents if one.resolved_at is None),
        )

    def _incidents(self, state: str, *, since_s: float) -> Iterator[Incident]:
        """Yield incidents, newest first, page by page, until one was opened before `since_s`."""
        before = ""
        for _ in range(MOST_PAGES):
            page = parse_incidents(self._get(f"/api/v1/incidents?state={state}&limit={PAGE}{before}").body)
            yield from page
            if len(page) < PAGE or page[-1].started_at < since_s:
                return
            before = f"&before={page[-1].id}"

    def _get(self, path: str) -> Answer:
        answer = self._session.get(path, max_bytes=LARGEST_ANSWER)
        if answer.status != 200:
            raise error_of(answer)
        return answer


def _markers(marks: Marks) -> Sequence[tuple[str, Marker]]:
    webhook = [(WEBHOOK, marks.webhook)] if marks.webhook is not None else []
    return [*webhook, *((ALERTMANAGER, one) for one in marks.alertmanagers)]


def _date(answer: Answer) -> float:
    """Return the server's time by its `Date` header: the local clock is not asked."""
    try:
        return parsedate_to_datetime(answer.headers.get("Date", "")).timestamp()
    except (TypeError, ValueError) as exc:
        raise BadAnswerError("no Date header, so that its time is unknown") from exc
