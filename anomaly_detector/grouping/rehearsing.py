"""The rehearsal of a fresh start, in a thread of its own: it holds up no live query, and works half of the time."""

import threading
from collections.abc import Callable, Iterator, Sequence

import msgspec

from anomaly_detector.errors import DetectorError
from anomaly_detector.feedback.effects import Marks
from anomaly_detector.grouping.estimate import Estimate, estimate
from anomaly_detector.grouping.follow import QueryGroups, Told, groups_of
from anomaly_detector.grouping.rehearsal import Rehearsal
from anomaly_detector.grouping.tally import Tally
from anomaly_detector.models.model import F64
from anomaly_detector.plan import QueryPlan
from anomaly_detector.running import join, started
from anomaly_detector.scoring.learning import Pause
from anomaly_detector.source.matrix import Matrix
from anomaly_detector.source.reading import Source
from heronwatch.clock import Clock
from heronwatch.logs import get_logger

WORK_S = 0.5  # then it rests for as long as it worked
RETRY_S, RETRY_MOST_S = 600.0, 86_400.0  # after a failure, twice as long each time
TOLD_EVERY = 10  # lines of progress
TURN_S = 1.0  # how often it is looked whether to stop while another query has its turn
log = get_logger(__name__)


class Aside(msgspec.Struct, frozen=True, kw_only=True):
    """What a rehearsal is given: `source` opens another connection, `turn` lets one query rehearse at a time.

    `reads` bounds how many ask the server at once, `room` is how many series the query may hold.
    """

    source: Callable[[], Source]
    pauses: Callable[[], Sequence[Pause]]
    marks: Callable[[], Marks]
    turn: threading.Semaphore
    reads: threading.Semaphore
    clock: Clock
    room: Callable[[], int]


class Rehearsing:
    """Plays the past of one query; `newest_s` is the live query's last instant, which its thread moves on."""

    def __init__(self, plan: QueryPlan, aside: Aside, *, newest_s: float, series: int) -> None:
        self.newest_s = newest_s
        self._known: QueryGroups | None = None
        self._plan, self._aside, self._series = plan, aside, series

    def start(self) -> None:
        """Start the thread."""
        self._running = started(f"past-{self._plan.alias}", self.run)

    def stop(self) -> None:
        """End the thread; what it has learnt so far is lost."""
        self._running.stop.set()
        join([self._running])

    def known(self) -> QueryGroups | None:
        """Return what was learnt, once: None before the past is known, and afterwards."""
        known, self._known = self._known, None
        return known

    def run(self, stop: threading.Event) -> None:
        """Play until it worked, or `stop`."""
        wait_s = RETRY_S
        while not stop.is_set():
            try:
                return self._turn(stop)
            except DetectorError as exc:
                log.warning("past of devices not read", query=self._plan.alias, detail=str(exc), again_in_s=wait_s)
                stop.wait(wait_s)
                wait_s = min(2 * wait_s, RETRY_MOST_S)
            except Exception:  # the outermost loop of the thread: devices are then learnt as they live
                log.exception("the past of devices failed", query=self._plan.alias)
                return None
        return None

    def _turn(self, stop: threading.Event) -> None:
        """Wait until it is this query's turn, and play."""
        aside = self._aside
        while not aside.turn.acquire(timeout=TURN_S):
            if stop.is_set():
                return
        try:
            if self._fits():
                source = aside.source()
                try:
                    self._play(Bounded(source, aside.reads), stop)
                finally:
                    source.close()
        finally:
            aside.turn.release()

    def _fits(self) -> bool:
        """Return whether a second state of this query is within the memory budget."""
        if self._plan.settings.max_state_bytes is None or self._aside.room() >= 2 * self._series:
            return True
        log.warning("past of devices not played: max_state_bytes leaves no room", query=self._plan.alias)
        return False

    def _play(self, source: Source, stop: threading.Event) -> None:
        plan, aside = self._plan, self._aside
        groups = groups_of(plan)
        if groups is None:
            return
        rehearsal = Rehearsal(plan, groups, source, pauses=aside.pauses(), marks=aside.marks)
        steps = round(float(groups.plan.groups.history) / plan.step_s)
        from_s, tally = self.newest_s - steps * plan.step_s, Tally()
        began = aside.clock.monotonic()
        playing = rehearsal.run(from_s, self.newest_s)
        while self._played(playing, rehearsal, from_s, tally, stop):
            if rehearsal.last_s >= self.newest_s - plan.step_s / 2:
                self._tell(estimate(plan, groups, tally), round(aside.clock.monotonic() - began, 1))
                self._known = groups
                return
            playing = rehearsal.go_on(self.newest_s)

    def _played(
        self, playing: Iterator[Told | None], rehearsal: Rehearsal, from_s: float, tally: Tally, stop: threading.Event
    ) -> bool:
        """Play up to the live query's last instant, with rests; return False when it was stopped."""
        began, told = self._aside.clock.monotonic(), 1
        for one in playing:
            tally.note(one)
            share = (rehearsal.last_s - from_s) / max(1.0, self.newest_s - from_s)
            if told <= share * TOLD_EVERY < TOLD_EVERY:
                log.info("playing the past of devices", query=self._plan.alias, done=f"{share:.0%}")
                told = int(share * TOLD_EVERY) + 1
            began = self._rest(began, stop)
            if stop.is_set():
                return False
        return not stop.is_set()

    def _rest(self, since: float, stop: threading.Event) -> float:
        """Rest after some work; return since when it works again."""
        worked_s = self._aside.clock.monotonic() - since
        if worked_s < WORK_S:
            return since
        stop.wait(worked_s)
        return self._aside.clock.monotonic()

    def _tell(self, found: Estimate, seconds: float) -> None:
        log.info(
            "past of devices played",
            query=found.query,
            devices=found.devices,
            days=round(found.weeks * 7, 1),
            expected_per_week=round(found.expected_per_week, 2),
            allowed_per_week=round(found.allowed_per_week, 2),
            seconds=seconds,
        )
        if found.page and found.above:
            log.warning(
                "a query may page too often: see heronwatch detector check --history",
                query=found.query,
                expected_per_week=round(found.expected_per_week, 2),
                allowed_per_week=round(found.allowed_per_week, 2),
            )


class Bounded:
    """A source that waits for its turn before it asks."""

    def __init__(self, source: Source, reads: threading.Semaphore) -> None:
        self._source, self._reads = source, reads

    def server_time(self) -> float:
        """See Source."""
        return self._source.server_time()

    def newest_score(self, query: str) -> float:
        """See Source."""
        return self._source.newest_score(query)

    def query_range(self, expr: str, times_s: F64, *, step_s: float, max_series: int) -> Matrix:
        """See Source."""
        with self._reads:
            return self._source.query_range(expr, times_s, step_s=step_s, max_series=max_series)

    def close(self) -> None:
        """See Source."""
        self._source.close()
