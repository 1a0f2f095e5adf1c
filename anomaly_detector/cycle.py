"""One query, from its history to the newest instant and on, step by step: read, judge, hand over."""

import threading
from collections.abc import Callable

from anomaly_detector.accepting import Accepting
from anomaly_detector.circumstances import ALONE, Circumstances, Outbox
from anomaly_detector.errors import QueryFaultError, SourceClockError, SourceError, SourceUnavailableError
from anomaly_detector.grid import instants_due, newest_instant
from anomaly_detector.grouping.rehearsing import Aside
from anomaly_detector.grouping.running import RunningGroups
from anomaly_detector.handed_over import HandedOver, StandBy
from anomaly_detector.judging import Judging
from anomaly_detector.metrics import Metrics, QueryStatus
from anomaly_detector.missed import Missed
from anomaly_detector.models.model import F64
from anomaly_detector.past import Past
from anomaly_detector.plan import QueryPlan
from anomaly_detector.query_state import Judged, QueryState
from anomaly_detector.scoring.learning import Pause
from anomaly_detector.sink.ending import ending
from anomaly_detector.sink.lanes import dense, outputs_of
from anomaly_detector.sink.outputs import Page
from anomaly_detector.sink.wire import Batch
from anomaly_detector.snapshots import Snapshots
from anomaly_detector.source.history import instants_per_answer
from anomaly_detector.source.opening import keep_own
from anomaly_detector.source.prom_api import MAX_POINTS
from anomaly_detector.source.reading import Source
from anomaly_detector.status.warming import warming_share
from heronwatch.clock import Clock
from heronwatch.logs import get_logger
from heronwatch.retry import Backoff

CLOCK_TOLERANCE_S = 60.0
CLOCK_PATIENCE = 3  # cycles with a clock that is behind, before the query starts anew
BACKOFF = Backoff(first_s=1.0, factor=2.0, cap_s=30.0, jitter=0.5)
log = get_logger(__name__)


class QueryRunner:
    """Runs one query in a thread of its own.

    `room` says how many series the query may hold beside the others. `trouble` is why it does not work now, "" when
    it does.
    """

    def __init__(
        self,
        plan: QueryPlan,
        *,
        api: Source,
        outbox: Outbox,
        metrics: Metrics,
        clock: Clock,
        reads: threading.Semaphore,
        room: Callable[[str], int],
        given: Circumstances = ALONE,
    ) -> None:
        self.plan = plan
        self.trouble = "not read yet"
        self.pages: list[Page] = []
        self.state: QueryState | None = None
        self._api, self._outbox, self._metrics, self._clock = api, outbox, metrics, clock
        self._reads, self._room, self._given = reads, room, given
        self._outputs = outputs_of(plan)
        self._scored_s = self._server_ahead_s = 0.0  # the latter: of the monotonic clock, by the server's last answer
        self._handed_over = HandedOver()
        self._kept = StandBy()
        self._missed = Missed(plan, metrics=metrics)
        self._snapshots = Snapshots(plan, metrics=metrics, clock=clock)
        self._past = Past(plan, source=api, clock=clock, reads=reads, marks=given.marks)
        self._accepting = Accepting(plan, source=api, reads=reads, marks=given.marks)
        self._judging = Judging(plan, marks=given.marks)
        self._groups = RunningGroups(plan, self._aside())
        self._behind = 0  # cycles with a clock that went back
        self._failures, self._reason = 0, ""  # reads without an answer since one worked, and how the last one went
        self._chunk = MAX_POINTS  # instants asked for at once; less after an answer that was too much

    def status(self) -> QueryStatus:
        """Return what the metrics say about this query."""
        state = self.state
        return QueryStatus(
            query=self.plan.alias,
            series=state.table.series if state else 0,
            last_success_s=self._scored_s,
            state_bytes=state.bytes if state else 0,
            lag_s=self._clock.monotonic() + self._server_ahead_s - self._scored_s if self._scored_s else None,
            step_s=self.plan.step_s,
            trouble=self.trouble,
            reason=self._reason,
            failures=self._failures,
            warming=warming_share(state) if state else 0.0,
            devices_known=self._groups.devices_known,
            past=self._groups.past,
        )

    def run(self, stop: threading.Event) -> None:
        """Cycle until `stop`, then write a last snapshot. Whatever fails costs this query this step."""
        while not stop.is_set():
            stop.wait(self.attempt(stop))
        if self.state is not None:
            self._snapshots.save(self.state)
        self._groups.close()
        self._api.close()

    def hurry(self) -> None:
        """End what is being read, because `stop` is set: another thread waits for `run`."""
        self._api.close()

    def end(self) -> None:
        """End the output series, because nothing goes on with this query; only after `run`."""
        if self.state is not None and self._given.leads():
            for judged in ending(self.state):
                self._outbox.offer(self._outputs[judged.lane].batch(judged))
        self.end_groups()

    def end_groups(self) -> None:
        """End the series of devices and sites alone; only after `run`."""
        if self._given.leads() and len(rolled := self._groups.ending()):
            self._outbox.offer(rolled)

    def inherit(self, before: "QueryRunner") -> None:
        """Go on with what a run of the same fingerprint has learnt; only before `run`, and after that of `before`."""
        self.state = before.state
        keep_own(self.state, self.plan)
        self._groups.inherit(before._groups)  # noqa: SLF001  # our class

    def attempt(self, stop: threading.Event) -> float:
        """Run one cycle and return how many seconds to wait."""
        try:
            with self._metrics.cycle_seconds.time():
                wait_s = self._cycle(stop)
        except SourceUnavailableError as exc:
            if stop.is_set():
                return 0.0  # `hurry`
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
            found = self.status().series
            log.info("query works", query=self.plan.alias, series=found)
            if not found:
                log.warning("query matches no series", query=self.plan.alias, expr=self.plan.query.expr)
        self.trouble, self._failures, self._reason = "", 0, "ok"
        return wait_s

    def _failed(self, reason: str, detail: str) -> None:
        self._failures, self._reason = self._failures + 1, reason
        self._metrics.read_failures.labels(self.plan.alias, reason).inc()
        if detail != self.trouble:
            log.warning("query fails", query=self.plan.alias, reason=reason, detail=detail)
        self.trouble = detail

    def _cycle(self, stop: threading.Event) -> float:
        plan, asked_at = self.plan, self._clock.monotonic()
        now_s = self._api.server_time()
        self._server_ahead_s = now_s - self._clock.monotonic()
        offset_s = float(plan.reader.latency_offset)
        newest_s = newest_instant(now_s, plan.step_s, offset_s)
        state = self._current(newest_s)
        self._take_over()
        self._catch_up(state, newest_s, now_s, stop)
        self._accepting.heed(state, self._every_pause(), stop)
        state.pauses = self._every_pause()
        self._past.learn_late(state, stop)
        state.forget_absent(float(plan.settings.retention))
        if self._snapshots.save_if_due(state):
            self._groups.keep()
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
        self._behind, self._outputs, self.pages = 0, outputs_of(self.plan), []
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
                self._missed.tell()
                return
            self._missed.skip(state.last_s, float(times_s[0]))
            self._advance(state, times_s, now_s, stop)
            self._chunk = min(2 * self._chunk, MAX_POINTS)

    def _advance(self, state: QueryState, times_s: F64, now_s: float, stop: threading.Event) -> None:
        """Read and judge some instants; write those that a receiver would take.

        A run that was stopped while it read leaves the state alone: another may have taken it over.
        """
        plan, timed = self.plan, self._metrics.timed
        max_series = min(plan.max_series, self._room(plan.alias))
        with self._reads:
            if stop.is_set():
                return
            matrix = self._api.query_range(plan.query.expr, times_s, step_s=plan.step_s, max_series=max_series)
        if stop.is_set():
            return
        self._metrics.unusable.labels(plan.alias).inc(matrix.unusable)
        with timed("decode"):
            rows = self._judging.rows(state, matrix, max_series=max_series)
        if self._judging.forgot:
            log.warning("series forgotten to make room", query=plan.alias, count=self._judging.forgot)
        for outputs in self._outputs.values():
            outputs.follow(state.table.labels, state.table.version)
        for place, time_s in enumerate(times_s.tolist()):
            state.expect(time_s, partial=matrix.partial)
            with timed("score"):
                still = self._judging.held(state, rows, time_s, self._every_pause())
                words = self._judging.at(state, rows, matrix.values[place], time_s, still=still)
                rolled = self._groups.at(state, words, rows, matrix.values[place], still, silent=self._judging.silent)
            if self._handed_over.wants(time_s, now_s):
                self._hand_over(words, dense(rows, matrix.values[place], count=len(state.table)), rolled)
            self._missed.judged(time_s, too_late=self._handed_over.too_late(time_s, now_s))
        self._scored_s = state.last_s

    def _hand_over(self, words: list[Judged], values: F64, rolled: Batch) -> None:
        leads = self._given.leads()
        for judged in words:
            with self._metrics.timed("encode"):
                batch = self._outputs[judged.lane].batch(judged, values[judged.rows])
            if len(batch) and leads:
                self._outbox.offer(batch)
                self._handed_over.note(judged.time_s)
            elif len(batch):
                self._kept.keep(batch)
        if len(rolled):
            (self._outbox.offer if leads else self._kept.keep)(rolled)
        wanted = words if leads and self._outbox.wants_pages else []
        self.pages = [
            page for judged in wanted for page in self._outputs[judged.lane].pages(judged, values[judged.rows])
        ] + self._groups.pages(wanted)

    def _take_over(self) -> None:
        """Write what was kept while another led and what that one did not write any more."""
        if not self._kept or not self._given.leads():
            return
        written_s = self._api.newest_score(self.plan.alias)
        missing = self._kept.after(written_s)
        for batch in missing:
            self._outbox.offer(batch)
            self._handed_over.note(batch.time_ms / 1000)
        log.info("took over", query=self.plan.alias, written_until=written_s, instants_added=len(missing))

    def _start(self, newest_s: float) -> QueryState:
        """Return the state to go on from: a snapshot, else what history teaches."""
        self._handed_over.begin(newest_s, self._api.newest_score(self.plan.alias))
        max_series = min(self.plan.max_series, self._room(self.plan.alias))
        self.state = self._snapshots.restored(newest_s) or self._past.learnt(
            newest_s - self.plan.step_s, max_series=max_series, pauses=self._every_pause()
        )
        keep_own(self.state, self.plan)
        return self.state

    def _aside(self) -> Aside | None:
        """Return what playing the past beside this query needs; None where it is not wanted."""
        given = self._given
        if given.past is None:
            return None
        return Aside(
            source=given.past,
            pauses=self._every_pause,
            marks=given.marks,
            turn=given.turn,
            reads=self._reads,
            clock=self._clock,
            room=lambda: self._room(self.plan.alias),
        )

    def _every_pause(self) -> tuple[Pause, ...]:
        return (*self.plan.settings.learning_pauses, *self._given.pauses())
