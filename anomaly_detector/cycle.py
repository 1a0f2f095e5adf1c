"""One query, from its history to the newest instant and on, step by step: read, judge, hand over."""

import threading
from collections.abc import Callable

from anomaly_detector.accepting import Accepting
from anomaly_detector.circumstances import ALONE, Circumstances, Outbox
from anomaly_detector.errors import QueryFaultError, SourceError, SourceUnavailableError
from anomaly_detector.grid import instants_due, newest_instant
from anomaly_detector.grouping.rehearsing import aside_of
from anomaly_detector.grouping.running import RunningGroups
from anomaly_detector.judging import Judging
from anomaly_detector.metrics import Metrics, QueryStatus
from anomaly_detector.missed import Missed
from anomaly_detector.models.model import F64, Mask
from anomaly_detector.outgoing import Outgoing
from anomaly_detector.past import Past
from anomaly_detector.plan import QueryPlan
from anomaly_detector.query_state import QueryState
from anomaly_detector.scoring.learning import Pause
from anomaly_detector.server_clock import ServerClock
from anomaly_detector.sink.lanes import dense
from anomaly_detector.sink.outputs import Page
from anomaly_detector.snapshots import Snapshots
from anomaly_detector.source.history import instants_per_answer
from anomaly_detector.source.opening import keep_own
from anomaly_detector.source.prom_api import MAX_POINTS
from anomaly_detector.source.reading import Source
from anomaly_detector.status.warming import warming_share
from anomaly_detector.trouble import Trouble
from heronwatch.clock import Clock
from heronwatch.log_lines import timestamp
from heronwatch.logs import get_logger

log = get_logger(__name__)


class QueryRunner:
    """Runs one query in a thread of its own.

    `room` says how many series the query may hold beside the others.
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
        self.state: QueryState | None = None
        self._api, self._metrics, self._clock = api, metrics, clock
        self._reads, self._room, self._given = reads, room, given
        self._trouble = Trouble(plan, metrics=metrics)
        self._scored_s = 0.0
        self._server_clock = ServerClock(clock)
        self._missed = Missed(plan, metrics=metrics)
        self._snapshots = Snapshots(plan, metrics=metrics, clock=clock)
        self._past = Past(plan, source=api, clock=clock, reads=reads, marks=given.marks)
        self._accepting = Accepting(plan, source=api, reads=reads, marks=given.marks)
        self._judging = Judging(plan, marks=given.marks, ends=self._forget)
        aside = aside_of(given, pauses=self._every_pause, reads=reads, clock=clock, room=lambda: room(plan.alias))
        self._groups = groups = RunningGroups(plan, aside)
        self._outgoing = Outgoing(plan, outbox=outbox, groups=groups, metrics=metrics, leads=given.leads)
        self._chunk = MAX_POINTS  # instants asked for at once; less after an answer that was too much

    @property
    def trouble(self) -> str:
        """Why it does not work now, "" when it does."""
        return self._trouble.words

    @property
    def pages(self) -> list[Page]:
        """What `/scores` shows of it."""
        return self._outgoing.pages

    def status(self) -> QueryStatus:
        """Return what the metrics say about this query."""
        state = self.state
        return QueryStatus(
            query=self.plan.alias,
            series=state.table.series if state else 0,
            last_success_s=self._scored_s,
            state_bytes=state.bytes if state else 0,
            lag_s=self._server_clock.now() - self._scored_s if self._scored_s else None,
            step_s=self.plan.step_s,
            latency_s=float(self.plan.reader.latency_offset),
            trouble=self._trouble.words,
            reason=self._trouble.reason,
            failures=self._trouble.failures,
            warming=warming_share(state) if state else 0.0,
            hardly=self._past.hardly,
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
        if self.state is not None:
            self._outgoing.end(self.state)
        self.end_groups()

    def end_groups(self) -> None:
        """End the series of devices and sites alone; only after `run`."""
        self._outgoing.end_groups()

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
            self._trouble.failed(exc.reason, str(exc))
            return self._trouble.retry_s()
        except (SourceError, QueryFaultError) as exc:
            self._chunk = 1
            self._trouble.failed(exc.reason, str(exc))
            return self.plan.step_s
        except Exception as exc:  # the query's outermost loop: it must not end
            log.exception("a cycle failed", query=self.plan.alias)
            self._trouble.failed("internal", f"internal error: {type(exc).__name__}")
            return self.plan.step_s
        self._metrics.cycles.inc()
        self._trouble.worked(series=self.state.table.series if self.state else 0)
        return wait_s

    def _cycle(self, stop: threading.Event) -> float:
        plan, asked_at = self.plan, self._clock.monotonic()
        now_s = self._api.server_time()
        self._server_clock.told(now_s)
        offset_s = float(plan.reader.latency_offset)
        newest_s = newest_instant(now_s, plan.step_s, offset_s)
        state = self._current(newest_s)
        self._outgoing.take_over(self._api.newest_score)
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
        if not self._server_clock.stays_behind(newest_s, state.last_s, step_s=self.plan.step_s):
            return state
        fresh = self._start(newest_s)
        self._server_clock.begin()
        self._outgoing.forget()
        log.warning(
            "started anew: the server's clock stays behind",
            query=self.plan.alias,
            writes_after=timestamp(self._outgoing.after_s),
        )
        return fresh

    def _catch_up(self, state: QueryState, newest_s: float, now_s: float, stop: threading.Event) -> None:
        """Judge every instant up to the newest; normally that is one."""
        plan = self.plan
        reach_s = plan.history_s + plan.step_s
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
        plan, timed, judging = self.plan, self._metrics.timed, self._judging
        max_series = min(plan.max_series, self._room(plan.alias))
        with self._reads:
            if stop.is_set():
                return
            matrix = self._api.query_range(plan.query.expr, times_s, step_s=plan.step_s, max_series=max_series)
        if stop.is_set():
            return
        self._metrics.unusable.labels(plan.alias).inc(matrix.unusable)
        with timed("decode"):
            rows = judging.rows(state, matrix, max_series=max_series)
        self._outgoing.follow(state.table)
        for values, time_s in zip(matrix.values, times_s.tolist(), strict=True):
            state.expect(time_s, partial=matrix.partial)
            with timed("score"):
                still = judging.held(state, rows, time_s, self._every_pause())
                words = judging.at(state, rows, values, time_s, still=still)
                rolled = self._groups.at(state, words, rows, values, judging.resting, silent=judging.silent)
            if self._outgoing.wants(time_s, now_s):
                self._outgoing.hand_over(words, dense(rows, values, count=len(state.table)), rolled)
            self._missed.judged(time_s, too_late=self._outgoing.too_late(time_s, now_s))
        self._scored_s = state.last_s

    def _forget(self, state: QueryState, rows: Mask) -> None:
        """End the outputs of series that make room for others now."""
        log.warning("series forgotten to make room", query=self.plan.alias, count=int(rows.sum()))
        self._outgoing.end_some(state, rows, self._server_clock.now())

    def _start(self, newest_s: float) -> QueryState:
        """Return the state to go on from: a snapshot, else what history teaches."""
        self._outgoing.begin(newest_s, self._api.newest_score(self.plan.alias))
        max_series = min(self.plan.max_series, self._room(self.plan.alias))
        self.state = self._snapshots.restored(newest_s) or self._past.learnt(
            newest_s - self.plan.step_s, max_series=max_series, pauses=self._every_pause()
        )
        keep_own(self.state, self.plan)
        return self.state

    def _every_pause(self) -> tuple[Pause, ...]:
        return (*self.plan.settings.learning_pauses, *self._given.pauses())
