"""When a query reads history: once at its start, and now and then for series met since; `source.history` is how."""

import threading
from collections.abc import Callable, Sequence

from anomaly_detector.errors import DetectorError
from anomaly_detector.explain.subject import written
from anomaly_detector.feedback.acceptance import begin
from anomaly_detector.feedback.effects import Marks
from anomaly_detector.metrics import HardlyStatus
from anomaly_detector.plan import QueryPlan
from anomaly_detector.query_state import QueryState
from anomaly_detector.scoring.learning import Pause
from anomaly_detector.source.history import learn_history, learn_late
from anomaly_detector.source.reading import Source
from anomaly_detector.status.hardly import HardlyWatch
from anomaly_detector.wide_bands import wide_bands
from heronwatch.clock import Clock
from heronwatch.logs import get_logger

HISTORY_PAUSE_S = 600.0  # between two readings of history, and
HISTORY_SHARE = 50  # this many times what one took
MOST_NAMED = 5  # series with a band that is too wide
REMEDY = (
    "put the incident into settings.learning_pauses and start once with settings.restore_state: false; or say "
    "`heronwatch detector feedback incident` of its span and then `feedback accept` since after it"
)
log = get_logger(__name__)


class Past:
    """History of one query. `reads` bounds how many queries read at once, `marks` says which levels are accepted."""

    def __init__(
        self,
        plan: QueryPlan,
        *,
        source: Source,
        clock: Clock,
        reads: threading.Semaphore,
        marks: Callable[[], Marks] = Marks,
    ) -> None:
        self._plan, self._source, self._clock, self._reads, self._marks = plan, source, clock, reads, marks
        self._next_at = 0.0  # when history may be read again, by the monotonic clock
        self._hardly = HardlyWatch(plan, clock=clock)

    @property
    def hardly(self) -> HardlyStatus:
        """Return which series can hardly alarm after what the past has taught them."""
        return self._hardly.told

    def learnt(self, last_s: float, *, max_series: int, pauses: Sequence[Pause]) -> QueryState:
        """Return a state that has learnt from history up to the instant `last_s`, but not in `pauses`."""
        state = QueryState(self._plan, last_s=last_s)
        state.pauses = tuple(pauses)
        begin(state, self._marks(), self._plan)
        started = self._clock.monotonic()
        with self._reads:
            instants = learn_history(self._source, self._plan, state, max_series=max_series)
        took_s = round(self._clock.monotonic() - started, 1)
        log.info("history learnt", query=self._plan.alias, series=state.table.series, instants=instants, seconds=took_s)
        self._next_at = self._pause(started) if instants else 0.0
        self._warn_of_wide_bands(state)
        return state

    def learn_late(self, state: QueryState, stop: threading.Event) -> None:
        """Read history for series met since it was last read, now and then; a failure costs nothing."""
        self._hardly.look(state)
        started = self._clock.monotonic()
        if not state.unlearnt or started < self._next_at or stop.is_set():
            return
        met = len(state.unlearnt)
        try:
            with self._reads:
                learnt = learn_late(self._source, self._plan, state, stop)
        except DetectorError as exc:
            log.warning("history of new series not read", query=self._plan.alias, series=met, detail=str(exc))
        else:
            log.info("history of new series learnt", query=self._plan.alias, series=met, learnt=learnt)
        self._next_at = self._pause(started)

    def _warn_of_wide_bands(self, state: QueryState) -> None:
        """Say which series may be blind because history held an incident."""
        found = wide_bands(state, self._plan.step_s)
        if found:
            log.warning(
                "bands far wider than their siblings': was an incident learnt from history?",
                query=self._plan.alias,
                count=len(found),
                series=[
                    f"{written(self._plan.alias, one.labels)}: {one.lower:.4g} to {one.upper:.4g}"
                    for one in found[:MOST_NAMED]
                ],
                remedy=REMEDY,
            )

    def _pause(self, started: float) -> float:
        """Return when history may be read again after a reading that ends now."""
        now = self._clock.monotonic()
        return now + max(HISTORY_PAUSE_S, HISTORY_SHARE * (now - started))
