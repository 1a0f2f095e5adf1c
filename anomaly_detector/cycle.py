"""One query, from its history to the newest instant and on, step by step: read, judge, hand over."""

import threading
from collections.abc import Callable
from typing import Protocol

from anomaly_detector.errors import (
    DetectorError,
    QueryFaultError,
    SnapshotError,
    SourceClockError,
    SourceError,
    SourceUnavailableError,
)
from anomaly_detector.grid import instants_due, newest_instant
from anomaly_detector.handed_over import HandedOver
from anomaly_detector.metrics import Metrics, QueryStatus
from anomaly_detector.models.model import F64
from anomaly_detector.packing import pack, unpack
from anomaly_detector.plan import QueryPlan
from anomaly_detector.query_state import Judged, QueryState, judge
from anomaly_detector.sink.outputs import Outputs, Page
from anomaly_detector.sink.series import Identity
from anomaly_detector.sink.wire import Batch
from anomaly_detector.source.history import instants_per_answer, learn_history, learn_late
from anomaly_detector.source.prom_api import MAX_POINTS, PromApi
from anomaly_detector.state import load, save, snapshot_path
from heronwatch.clock import Clock
from heronwatch.logs import get_logger
from heronwatch.retry import Backoff

CLOCK_TOLERANCE_S = 60.0
CLOCK_PATIENCE = 3  # cycles with a clock that is behind, before the query starts anew
HISTORY_PAUSE_S = 600.0  # between two readings of history, and
HISTORY_SHARE = 50  # this many times what one took
BACKOFF = Backoff(first_s=1.0, factor=2.0, cap_s=30.0, jitter=0.5)
log = get_logger(__name__)


class Outbox(Protocol):
    """Takes batches for all receivers; never blocks. `wants_pages`: nobody is written to, `/scores` is scraped."""

    @property
    def wants_pages(self) -> bool:
        """Whether to make what the scores page shows."""
        ...

    def offer(self, batch: Batch) -> None:
        """Queue a batch."""
        ...


class QueryRunner:
    """Runs one query in a thread of its own.

    `room` says how many series the query may hold beside the others. `trouble` is why it does not work now, "" when
    it does.
    """

    def __init__(
        self,
        plan: QueryPlan,
        *,
        api: PromApi,
        outbox: Outbox,
        metrics: Metrics,
        clock: Clock,
        reads: threading.Semaphore,
        room: Callable[[str], int],
    ) -> None:
        self.plan = plan
        self.trouble = "not read yet"
        self.pages: list[Page] = []
        self.state: QueryState | None = None
        self._api, self._outbox, self._metrics, self._clock = api, outbox, metrics, clock
        self._reads, self._room = reads, room
        self._outputs = _outputs(plan)
        self._scored_s = 0.0
        self._snapshot_at = 0.0
        self._handed_over = HandedOver()
        self._history_at = 0.0  # when history may be read again, by the monotonic clock
        self._behind = 0  # cycles with a clock that went back
        self._failures = 0
        self._chunk = MAX_POINTS  # instants asked for at once; less after an answer that was too much

    def status(self) -> QueryStatus:
        """Return what the metrics say about this query."""
        state = self.state
        return QueryStatus(
            query=self.plan.alias,
            series=state.table.series if state else 0,
            last_success_s=self._scored_s,
            state_bytes=state.bytes if state else 0,
        )

    def run(self, stop: threading.Event) -> None:
        """Cycle until `stop`, then write a last snapshot. Whatever fails costs this query this step."""
        while not stop.is_set():
            stop.wait(self.attempt(stop))
        self._snapshot()
        self._api.close()

    def attempt(self, stop: threading.Event) -> float:
        """Run one cycle and return how many seconds to wait."""
        try:
            with self._metrics.cycle_seconds.time():
                wait_s = self._cycle(stop)
        except SourceUnavailableError as exc:
            self._failed(exc.reason, str(exc))
            return min(BACKOFF.delay(self._failures, 1.0), max(self.plan.step_s, 1.0))
        except (SourceError, QueryFaultError) as exc:
            self._chunk = 1
            self._failed(exc.reason, str(exc))
            return self.plan.step_s
        except Exception as exc:  # the query's outermost loop: it must not end
            log.exception("a cycle failed", query=self.plan.alias)
            self._failed("internal", f"internal error: {type(exc).__name__}")
            return self.plan.step_s
        self._metrics.cycles.inc()
        if self.trouble:
            log.info("query works", query=self.plan.alias, series=self.status().series)
        self.trouble, self._failures = "", 0
        return wait_s

    def _failed(self, reason: str, detail: str) -> None:
        self._failures += 1
        self._metrics.read_failures.labels(self.plan.alias, reason).inc()
        if detail != self.trouble:
            log.warning("query fails", query=self.plan.alias, reason=reason, detail=detail)
        self.trouble = detail

    def _cycle(self, stop: threading.Event) -> float:
        plan, asked_at = self.plan, self._clock.monotonic()
        now_s = self._api.server_time()
        offset_s = float(plan.reader.latency_offset)
        newest_s = newest_instant(now_s, plan.step_s, offset_s)
        state = self._current(newest_s)
        self._catch_up(state, newest_s, now_s, stop)
        self._learn_late(state, stop)
        state.forget_absent(float(plan.settings.retention))
        self._snapshot_if_due()
        next_s = newest_s + plan.step_s + offset_s - now_s
        return max(0.05, next_s - (self._clock.monotonic() - asked_at))

    def _current(self, newest_s: float) -> QueryState:
        """Return the state to go on with: a new one at first, and when the server's clock stays behind."""
        state = self.state
        if state is None:
            return self._start(newest_s)
        if newest_s >= state.last_s - CLOCK_TOLERANCE_S - self.plan.step_s:
            self._behind = 0
            return state
        self._behind += 1
        if self._behind <= CLOCK_PATIENCE:
            raise SourceClockError(f"the server's clock went back by {state.last_s - newest_s:.0f} s")
        fresh = self._start(newest_s)
        self._behind, self._outputs, self.pages = 0, _outputs(self.plan), []
        log.warning(
            "started anew: the server's clock stays behind",
            query=self.plan.alias,
            writes_after=self._handed_over.after_s,
        )
        return fresh

    def _catch_up(self, state: QueryState, newest_s: float, now_s: float, stop: threading.Event) -> None:
        """Judge every instant up to the newest; normally that is one."""
        plan = self.plan
        reach_s = max(float(lane.options.fit_window) for lane in plan.lanes) + plan.step_s
        while not stop.is_set():
            most = min(self._chunk, instants_per_answer(len(state.table)))
            times_s = instants_due(state.last_s, newest_s, plan.step_s, most=most, reach_s=reach_s)
            if not len(times_s):
                return
            self._advance(state, times_s, now_s, stop)
            self._chunk = min(2 * self._chunk, MAX_POINTS)

    def _advance(self, state: QueryState, times_s: F64, now_s: float, stop: threading.Event) -> None:
        """Read and judge some instants; write those that a receiver would take.

        A run that was stopped while it read leaves the state alone: another may have taken it over.
        """
        plan = self.plan
        max_series = min(plan.max_series, self._room(plan.alias))
        with self._reads:
            matrix = self._api.query_range(plan.query.expr, times_s, step_s=plan.step_s, max_series=max_series)
        if stop.is_set():
            return
        self._metrics.unusable.labels(plan.alias).inc(matrix.unusable)
        rows = state.rows(matrix, max_series=max_series)
        for outputs in self._outputs.values():
            outputs.follow(state.table.labels, state.table.version)
        for place, time_s in enumerate(times_s.tolist()):
            words = judge(state, plan, rows, matrix.values[place], time_s)
            if self._handed_over.wants(time_s, now_s):
                self._hand_over(words)
        self._scored_s = state.last_s

    def _hand_over(self, words: list[Judged]) -> None:
        for judged in words:
            batch = self._outputs[judged.lane].batch(judged)
            if len(batch):
                self._outbox.offer(batch)
                self._handed_over.note(judged.time_s)
        if self._outbox.wants_pages:
            self.pages = [page for judged in words for page in self._outputs[judged.lane].pages(judged)]

    def _start(self, newest_s: float) -> QueryState:
        """Return the state to go on from: a snapshot, else what history teaches."""
        self._handed_over.begin(newest_s, self._api.newest_score(self.plan.alias))
        state = self._restored(newest_s) or self._learnt(newest_s)
        self._snapshot_at = self._clock.monotonic() + float(self.plan.settings.snapshot_every)
        self.state = state
        return state

    def _learnt(self, newest_s: float) -> QueryState:
        """Learn from history up to the instant before the newest, which is judged first."""
        state = QueryState(self.plan, last_s=newest_s - self.plan.step_s)
        started = self._clock.monotonic()
        with self._reads:
            max_series = min(self.plan.max_series, self._room(self.plan.alias))
            instants = learn_history(self._api, self.plan, state, max_series=max_series)
        took_s = self._clock.monotonic() - started
        log.info(
            "history learnt",
            query=self.plan.alias,
            series=state.table.series,
            instants=instants,
            seconds=round(took_s, 1),
        )
        self._history_at = self._pause(started) if instants else 0.0
        return state

    def _learn_late(self, state: QueryState, stop: threading.Event) -> None:
        """Read history for series met since it was last read, now and then; a failure costs nothing."""
        started = self._clock.monotonic()
        if not state.unlearnt or started < self._history_at or stop.is_set():
            return
        met = len(state.unlearnt)
        try:
            with self._reads:
                learnt = learn_late(self._api, self.plan, state, stop)
        except DetectorError as exc:
            log.warning("history of new series not read", query=self.plan.alias, series=met, detail=str(exc))
        else:
            log.info("history of new series learnt", query=self.plan.alias, series=met, learnt=learnt)
        self._history_at = self._pause(started)

    def _pause(self, started: float) -> float:
        """Return when history may be read again after a reading that ends now."""
        now = self._clock.monotonic()
        return now + max(HISTORY_PAUSE_S, HISTORY_SHARE * (now - started))

    def _restored(self, newest_s: float) -> QueryState | None:
        settings = self.plan.settings
        if settings.state_dir is None or not settings.restore_state:
            return None
        path = snapshot_path(settings.state_dir, self.plan.alias)
        try:
            state = unpack(*load(path, fingerprint=self.plan.fingerprint), self.plan)
        except SnapshotError as exc:
            self._metrics.snapshots.labels("load", "missing" if not path.exists() else "refused").inc()
            log.info("no snapshot used", query=self.plan.alias, detail=str(exc))
            return None
        if state.last_s > newest_s + self.plan.step_s:
            log.warning("snapshot from the server's future not used", query=self.plan.alias)
            return None
        self._metrics.snapshots.labels("load", "done").inc()
        missed = round((newest_s - state.last_s) / self.plan.step_s)
        log.info("snapshot restored", query=self.plan.alias, series=state.table.series, instants_missed=missed)
        return state

    def _snapshot_if_due(self) -> None:
        if self._clock.monotonic() >= self._snapshot_at:
            self._snapshot_at = self._clock.monotonic() + float(self.plan.settings.snapshot_every)
            self._snapshot()

    def _snapshot(self) -> None:
        directory, state = self.plan.settings.state_dir, self.state
        if directory is None or state is None:
            return
        try:
            save(snapshot_path(directory, self.plan.alias), *pack(state, self.plan))
        except DetectorError as exc:
            self._metrics.snapshots.labels("save", "failed").inc()
            log.warning("snapshot not written", query=self.plan.alias, detail=str(exc))
        else:
            self._metrics.snapshots.labels("save", "done").inc()


def _outputs(plan: QueryPlan) -> dict[str, Outputs]:
    return {
        lane.alias: Outputs(Identity(plan.alias, lane.alias, plan.query.page), plan.query.provide_series)
        for lane in plan.lanes
    }
