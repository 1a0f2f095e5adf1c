"""From an answer of the server to the verdicts about it: what a live query and a past played again have in common.

No I/O. New series go on with what their kin learnt, what is paused is not learnt, and what people said of false alarms
is reckoned with.
"""

from collections.abc import Callable, Sequence

import numpy as np

from anomaly_detector.errors import ResponseTooLargeError
from anomaly_detector.feedback.effects import Marks, Raised, SaidPause
from anomaly_detector.instant import Judged, judge
from anomaly_detector.kinship import Kinship
from anomaly_detector.marks.matching import MarkedPause
from anomaly_detector.models.model import F64, Mask
from anomaly_detector.plan import QueryPlan
from anomaly_detector.query_state import QueryState
from anomaly_detector.scoring.held import HeldSeries
from anomaly_detector.scoring.learning import Pause
from anomaly_detector.series_table import Rows
from anomaly_detector.source.matrix import Matrix


class Judging:
    """Judges the instants of one query, oldest first; `marks` is asked at each what people said of alarms.

    `ends` hears of the rows of series that are forgotten to make room, while these are still known.
    """

    def __init__(
        self,
        plan: QueryPlan,
        *,
        marks: Callable[[], Marks] = Marks,
        ends: Callable[[QueryState, Mask], None] = lambda _state, _rows: None,
    ) -> None:
        self._plan, self._ends = plan, ends
        self.resting: Mask | None = None
        self.silent: Mask | None = None
        self._of_devices, self._unsaid = HeldSeries(), HeldSeries()
        self._kinship, self._held, self._raised = Kinship(plan.query), HeldSeries(), Raised(plan, marks)

    def rows(self, state: QueryState, matrix: Matrix, *, max_series: int) -> Rows:
        """Return the row of each series of an answer; raises a QueryFaultError when there is no room for them.

        Where there is none, series that are not in the answer are forgotten.
        """
        try:
            rows = state.rows(matrix, max_series=max_series)
        except ResponseTooLargeError:
            self._make_room(state, spare(state, matrix.keys, max_series=max_series))
            rows = state.rows(matrix, max_series=max_series)
        self._kinship.inherit(state, rows)
        return rows

    def held(self, state: QueryState, rows: Rows, time_s: float, pauses: Sequence[Pause]) -> Mask | None:
        """Return which of `rows` learn nothing at an instant because of `pauses`, None when all may.

        `resting` says of whose devices nothing is to be remembered: the same, but for pauses of single series alone.
        `silent` says whose devices need not be scored: the same again, but for verdicts about a `protected` query.
        """
        still = self.resting = self._held.at(pauses, state.table, rows, time_s)
        devices = [pause for pause in pauses if not isinstance(pause, MarkedPause) or pause.of_devices]
        if still is not None and len(devices) < len(pauses):
            self.resting = self._of_devices.at(devices, state.table, rows, time_s)
        self.silent = self.resting
        if self.resting is not None and self._plan.query.protected:
            others = [pause for pause in devices if not isinstance(pause, SaidPause)]
            silent = self._unsaid.at(others, state.table, rows, time_s)
            self.silent = np.zeros_like(self.resting) if silent is None else silent
        return still

    def at(self, state: QueryState, rows: Rows, values: F64, time_s: float, *, still: Mask | None) -> list[Judged]:
        """Judge one instant: `values` of `rows`, of which those in `still` learn nothing; see `query_state.judge`."""
        words = judge(state, self._plan, rows, values, time_s, still=still)
        return self._raised.soften(words, state.table, rows, values)

    def _make_room(self, state: QueryState, rows: Rows) -> None:
        if not len(rows):
            return
        gone = np.zeros(len(state.table), np.bool_)
        gone[rows] = True
        self._ends(state, gone)
        state.forget_learnt(state.table.forget(gone))


def spare(state: QueryState, keys: Sequence[bytes], *, max_series: int) -> Rows:
    """Return the rows of as many series that are not among `keys` as these need room for.

    Those that have ended come first, then those not seen for longest. None, where all of them would not be enough.
    """
    there = state.table.find(keys)
    missing = state.table.labels.taken()
    missing[there[there >= 0]] = False
    rows: Rows = np.flatnonzero(missing)
    needed = state.table.series + int((there < 0).sum()) - max_series
    if not 0 < needed <= len(rows):
        return rows[:0]
    return rows[np.lexsort((state.seen_s[rows], state.live[rows]))][:needed]
