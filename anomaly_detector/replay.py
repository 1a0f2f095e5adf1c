"""A past played again: history is learnt up to an instant, and what follows is judged as if it were live."""

import threading
from collections.abc import Callable, Iterator, Sequence

import msgspec
import numpy as np

from anomaly_detector.accepting import Accepting
from anomaly_detector.errors import QueryRejectedError, ResponseTooLargeError
from anomaly_detector.feedback.acceptance import begin
from anomaly_detector.feedback.effects import Marks
from anomaly_detector.instant import Judged
from anomaly_detector.judging import Judging
from anomaly_detector.models.model import F64, Mask
from anomaly_detector.plan import QueryPlan
from anomaly_detector.query_state import QueryState
from anomaly_detector.scoring.learning import Pause
from anomaly_detector.series_table import Rows
from anomaly_detector.source.history import instants_per_answer, learn_history, learn_late
from anomaly_detector.source.matrix import Matrix, grid_times
from anomaly_detector.source.prom_api import MAX_POINTS
from anomaly_detector.source.reading import Source

CAREFUL = 60  # instants asked for at once while it is not known how many series there are
LATE_EVERY_S = 600.0  # how often history of new series is read, as in service


class Instant(msgspec.Struct, frozen=True, kw_only=True):
    """One instant: `values` of `rows`, NaN where there is no sample, and the words of every model.

    `held` says which of `rows` are in a pause of their devices, None where none is.
    """

    time_s: float
    rows: Rows
    values: F64
    held: Mask | None
    words: list[Judged]


class Replay:
    """One query over a past; `marks` are what people said that is to count.

    History of series met meanwhile is read every `late_every_s` of the past.
    """

    def __init__(
        self,
        plan: QueryPlan,
        source: Source,
        *,
        pauses: Sequence[Pause] = (),
        marks: Callable[[], Marks] = Marks,
        late_every_s: float = LATE_EVERY_S,
    ) -> None:
        self._plan, self._source = plan, source
        self._every = (*plan.settings.learning_pauses, *pauses)
        self._at_once = max(1, round(late_every_s / plan.step_s))
        self._judging, self._marks = Judging(plan, marks=marks), marks
        self._never = threading.Event()
        self._accepting = Accepting(plan, source=source, reads=threading.Semaphore(), marks=marks)

    def learnt(self, last_s: float) -> QueryState:
        """Return a state that has learnt from history up to `last_s`."""
        state = QueryState(self._plan, last_s=last_s)
        state.pauses = self._every
        begin(state, self._marks(), self._plan)
        learn_history(self._source, self._plan, state, max_series=self._plan.max_series)
        return state

    def heed(self, state: QueryState) -> None:
        """Learn again what people said of levels since the state was taken, as the service does between steps."""
        self._accepting.heed(state, self._every, self._never)

    def run(
        self, state: QueryState, until_s: float, *, before: Callable[[QueryState, float], None] | None = None
    ) -> Iterator[Instant]:
        """Judge every instant after the state's last up to `until_s`; `before` sees the state ahead of each."""
        for matrix in self._answers(state, until_s):
            if not matrix.keys and not len(state.table):
                state.last_s = float(matrix.times_s[-1])
                continue
            for first in range(0, len(matrix.times_s), self._at_once):
                yield from self._judged(state, _cut(matrix, first, first + self._at_once), before)
                self._keep_house(state)

    def _answers(self, state: QueryState, until_s: float) -> Iterator[Matrix]:
        """Yield what the server says of the instants up to `until_s`, as much at once as it and the memory bear."""
        plan, most = self._plan, MAX_POINTS if len(state.table) else CAREFUL
        while True:
            most = min(most, instants_per_answer(len(state.table)))
            first_s = state.last_s + plan.step_s
            times_s = grid_times(first_s, min(until_s, first_s + (most - 1) * plan.step_s), plan.step_s)
            if not len(times_s):
                return
            try:
                answer = self._source.query_range(
                    plan.query.expr, times_s, step_s=plan.step_s, max_series=plan.max_series
                )
            except (QueryRejectedError, ResponseTooLargeError):
                if len(times_s) == 1:
                    raise
                most = max(1, len(times_s) // 4)
                continue
            yield answer
            most = min(2 * most, MAX_POINTS)

    def _judged(
        self, state: QueryState, matrix: Matrix, before: Callable[[QueryState, float], None] | None
    ) -> Iterator[Instant]:
        rows = self._judging.rows(state, matrix, max_series=self._plan.max_series)
        for time_s, values in zip(matrix.times_s.tolist(), matrix.values, strict=True):
            if before is not None:
                before(state, time_s)
            state.expect(time_s, partial=matrix.partial)
            still = self._judging.held(state, rows, time_s, self._every)
            words = self._judging.at(state, rows, values, time_s, still=still)
            yield Instant(time_s=time_s, rows=rows, values=values, held=self._judging.resting, words=words)

    def _keep_house(self, state: QueryState) -> None:
        """Do what the service does between steps: levels accepted, history of new series, series long gone."""
        self.heed(state)
        if state.unlearnt:
            state.pauses = self._every
            learn_late(self._source, self._plan, state, self._never)
        state.forget_absent(float(self._plan.settings.retention))


def _cut(matrix: Matrix, first: int, last: int) -> Matrix:
    """Return some instants of an answer, with the series that have a sample in them."""
    values = matrix.values[first:last]
    there = np.flatnonzero(np.isfinite(values).any(axis=0))
    keys = [matrix.keys[place] for place in there.tolist()]
    return msgspec.structs.replace(matrix, keys=keys, times_s=matrix.times_s[first:last], values=values[:, there])
