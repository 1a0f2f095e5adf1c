"""The rehearsal of a fresh start, in a thread of its own: it holds up no live query, and works half of the time."""

import threading
from collections.abc import Callable, Iterator, Sequence

import msgspec

from anomaly_detector.circumstances import Circumstances
from anomaly_detector.errors import DetectorError, SourceUnavailableError
from anomaly_detector.feedback.effects import Marks
from anomaly_detector.grouping.estimate import Estimate, estimate
from anomaly_detector.grouping.follow import QueryGroups, Told, groups_of
from anomaly_detector.grouping.metrics import PastStatus, State
from anomaly_detector.grouping.rehearsal import Rehearsal
from anomaly_detector.grouping.tally import Tally, highest
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


def aside_of(
    given: Circumstances,
    *,
    pauses: Callable[[], Sequence[Pause]],
    reads: threading.Semaphore,
    clock: Clock,
    room: Callable[[], int],
) -> Aside | None:
    """Return what a rehearsal is given in these circumstances; None where the past is not to be played."""
    if given.past is None:
        return None
    return Aside(
        source=given.past, pauses=pauses, marks=given.marks, turn=given.turn, reads=reads, clock=clock, room=room
    )


class Rehearsing:
    """Plays the past of one query; `newest_s` is the live query's last instant, which its thread moves on.

    `done` is how much of it is played, from 0 to 1.
    """

    def __init__(self, plan: QueryPlan, aside: Aside, *, newest_s: float, series: int) -> None:
        self.newest_s = newest_s
        self.done = 0.0  # how much of the past is played
        self._known: QueryGroups | None = None
        self._source: Source | None = None
        self._plan, self._aside, self._series = plan, aside, series
        self._state: State = "waiting"
        self._began_at: float | None = None  # by the monotonic clock, as
        self._ended_at: float | None = None
        self._found: Estimate | None = None

    def start(self) -> None:
        """Start the thread."""
        self._running = started(f"past-{self._plan.alias}", self.run)

    def stop(self) -> None:
        """End the thread; what it has learnt so far is lost."""
        self._running.stop.set()
        if self._source is not None:
            self._source.close()  # what it reads now would be in vain
        join([self._running])

    def status(self) -> PastStatus:
        """Return how far it is; another thread may ask."""
        began, ended, found = self._began_at, self._ended_at, self._found
        now = ended if ended is not None else self._aside.clock.monotonic()
        said = found if found is not None and found.known else None
        return PastStatus(
            query=self._plan.alias,
            state="playing" if self._known is not None else self._state,  # until the live query takes it over
            share=self.done,
            seconds=0.0 if began is None else max(0.0, now - began),
            notified=None if said is None else said.expected_per_week,
            allowed=None if said is None else said.allowed_per_week,
        )

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
                if stop.is_set():
                    return None
                self._end("failed")
                log.warning("past of devices not read", query=self._plan.alias, detail=str(exc), again_in_s=wait_s)
                stop.wait(wait_s)
                wait_s = min(2 * wait_s, RETRY_MOST_S)
            except Exception:  # the outermost loop of the thread: devices are then learnt as they live
                self._end("failed")
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
                self._state, self._began_at, self._ended_at = "playing", aside.clock.monotonic(), None
                source = self._source = aside.source()
                try:
                    self._play(Bounded(source, aside.reads, stop), stop)
                finally:
                    source.close()
        finally:
            aside.turn.release()

    def _fits(self) -> bool:
        """Return whether a second state of this query is within the memory budget."""
        if self._plan.settings.max_state_bytes is None or self._aside.room() >= 2 * self._series:
            return True
        log.warning("past of devices not played: max_state_bytes leaves no room", query=self._plan.alias)
        self._end("no_room")
        return False

    def _end(self, state: State) -> None:
        self._state, self._ended_at = state, self._aside.clock.monotonic()

    def _play(self, source: Source, stop: threading.Event) -> None:
        plan, aside = self._plan, self._aside
        groups = groups_of(plan)
        if groups is None:
            return
        rehearsal = Rehearsal(plan, groups, source, pauses=aside.pauses(), marks=aside.marks)
        steps = round(float(groups.plan.groups.history) / plan.step_s)
        from_s, tally = self.newest_s - steps * plan.step_s, Tally()
        playing = rehearsal.run(from_s, self.newest_s)
        while self._played(playing, rehearsal, from_s, tally, stop):
            if rehearsal.last_s >= self.newest_s - plan.step_s / 2:
                self._found = estimate(plan, groups, tally)
                self._end("played")
                self._known, self.done = groups, 1.0
                self._tell(self._found, round(self.status().seconds, 1))
                return
            playing = rehearsal.go_on(self.newest_s)

    def _played(
        self, playing: Iterator[Told | None], rehearsal: Rehearsal, from_s: float, tally: Tally, stop: threading.Event
    ) -> bool:
        """Play up to the live query's last instant, with rests; return False when it was stopped."""
        began, told = self._aside.clock.monotonic(), 1
        for one in playing:
            tally.note(one, rehearsal.groups)
            share = (rehearsal.last_s - from_s) / max(1.0, self.newest_s - from_s)
            self.done = min(1.0, max(0.0, share))
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
            **self._named(found),
        )
        if found.page and found.above:
            log.warning(
                "a query may page too often: see heronwatch detector check --history",
                query=found.query,
                expected_per_week=round(found.expected_per_week, 2),
                allowed_per_week=round(found.allowed_per_week, 2),
                **self._named(found),
            )

    @staticmethod
    def _named(found: Estimate) -> dict[str, list[str]]:
        """Return whom there would have been notifications of, and when."""
        return {"notified": [str(one) for one in highest(found.named)]} if found.named else {}


class Bounded:
    """A source that waits for its turn before it asks, and asks nothing any more after `stop`."""

    def __init__(self, source: Source, reads: threading.Semaphore, stop: threading.Event) -> None:
        self._source, self._reads, self._stop = source, reads, stop

    def server_time(self) -> float:
        """See Source."""
        return self._source.server_time()

    def newest_score(self, query: str) -> float:
        """See Source."""
        return self._source.newest_score(query)

    def query_range(self, expr: str, times_s: F64, *, step_s: float, max_series: int) -> Matrix:
        """See Source."""
        with self._reads:
            if self._stop.is_set():
                raise SourceUnavailableError("not asked, as this ends")
            return self._source.query_range(expr, times_s, step_s=step_s, max_series=max_series)

    def close(self) -> None:
        """See Source."""
        self._source.close()
