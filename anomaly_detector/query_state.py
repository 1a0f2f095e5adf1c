"""What one query remembers: rows, the states of its models, which series are alive. No I/O."""

from collections.abc import Sequence

import numpy as np

from anomaly_detector.draining import Draining
from anomaly_detector.grid import local_seconds, timezone_named
from anomaly_detector.lane import Lane
from anomaly_detector.models.model import DAY_S, F64, Grid, History, Mask, bytes_per_series
from anomaly_detector.plan import QueryPlan
from anomaly_detector.scoring.calendar import free_days
from anomaly_detector.scoring.learning import may_learn
from anomaly_detector.scoring.new_level import Since, at_new_level
from anomaly_detector.series_table import Labels, Rows, SeriesTable
from anomaly_detector.source.matrix import Matrix

PARTIAL_PATIENCE_S = 3600.0  # for how long answers that lack what a store has end no series
NEVER = -np.inf


class QueryState:
    """Rows, models' states, and which series are alive; `last_s` is the last instant judged."""

    def __init__(self, plan: QueryPlan, *, last_s: float) -> None:
        self.table = SeriesTable()
        least = plan.rules.data_range[0]
        self.lanes = [
            Lane(one.alias, one.make(), draining=Draining(plan.settling_s, least=least)) for one in plan.lanes
        ]
        self.last_s = last_s
        self.seen_s: F64 = np.zeros(0)
        self.settled_s: F64 = np.zeros(0)
        self.live: Mask = np.zeros(0, np.bool_)
        self.whole_s = last_s  # the last instant of which the whole answer was had
        self.unlearnt: dict[int, float] = {}  # rows without history, and the last instant before they were met
        self._zone = timezone_named(plan.settings.timezone)
        self._calendar = plan.settings.calendar
        self._step_s = plan.step_s
        self.pauses = plan.settings.learning_pauses  # of the plan of the moment: a reload may bring others
        self.since: Since | None = None  # the new levels that people accepted, and
        self.accepted: set[str] = set()  # the ids of those verdicts that have been heeded

    @property
    def bytes(self) -> int:
        """How much memory the models' states take."""
        return sum(bytes_per_series(lane.state) for lane in self.lanes) * len(self.seen_s)

    def rows(self, matrix: Matrix, *, max_series: int) -> Rows:
        """Return the row of each series of an answer; new series get rows with nothing learnt but from the others."""
        rows, new = self.table.rows_of(matrix.keys, max_series=max_series)
        self.make_room()
        if new:
            born = np.array(new, np.intp)
            self.forget_learnt(born)
            for lane in self.lanes:
                lane.bear(born, self.live)
            self.unlearnt |= dict.fromkeys(new, self.last_s)
        return rows

    def make_room(self) -> None:
        """Grow to the table's size, by half at least, so that growth stays rare."""
        wanted = len(self.table)
        if wanted <= len(self.seen_s):
            return
        size = max(wanted, len(self.seen_s) * 3 // 2)
        more = size - len(self.seen_s)
        self.seen_s = np.concatenate((self.seen_s, np.full(more, NEVER)))
        self.settled_s = np.concatenate((self.settled_s, np.full(more, NEVER)))
        self.live = np.concatenate((self.live, np.zeros(more, np.bool_)))
        for lane in self.lanes:
            lane.grow(size)

    def forget_learnt(self, rows: Rows) -> None:
        """Reset rows to a series never seen."""
        self.seen_s[rows] = NEVER
        self.settled_s[rows] = NEVER
        self.live[rows] = False
        for row in rows.tolist():
            self.unlearnt.pop(row, None)
        for lane in self.lanes:
            lane.reset(rows)

    def fit(self, lane: Lane, rows: Rows, values: F64, times_s: F64, step_s: float) -> None:
        """Let a model learn history: `values` (instants, series) of `rows` at `times_s`, `step_s` apart."""
        labels = [self.table.labels[row] for row in rows.tolist()]
        values = values if self.since is None else _at_new_levels(values, times_s, labels, self.since)
        local_s = local_seconds(times_s, self._zone)
        history = History(
            values=values,
            day_s=np.mod(local_s, DAY_S),
            step_s=step_s,
            target_step_s=self._step_s,
            free=free_days(local_s, self._calendar),
        )
        mask = may_learn(self.pauses, labels, times_s)
        lane.put(rows, lane.model.fit(history, mask))
        until_s = np.minimum(self.last_s, times_s + step_s - self._step_s)  # nobody asked before the next instant
        seen_s = np.where(np.isfinite(values), until_s[:, None], NEVER).max(axis=0, initial=NEVER)
        self.seen_s[rows] = np.maximum(self.seen_s[rows], seen_s)

    def grid(self, time_s: float) -> Grid:
        """Return an instant as the models see it."""
        local_s = local_seconds(np.array([time_s]), self._zone)
        free = bool(free_days(local_s, self._calendar)[0])
        return Grid(time_s=time_s, step_s=self._step_s, day_s=float(local_s[0] % DAY_S), free=free)

    def expect(self, time_s: float, *, partial: bool) -> None:
        """Prepare for the answer about an instant: where it is `partial`, no live series ends for want of a sample."""
        if not partial:
            self.whole_s = time_s
        elif time_s - self.whole_s <= PARTIAL_PATIENCE_S:
            seen_s = self.seen_s[self.live]
            self.seen_s[self.live] = np.maximum(seen_s, time_s - self._step_s)

    def forget_absent(self, retention_s: float) -> None:
        """Free the rows of series not seen for `retention_s` before the last instant."""
        count = len(self.table)
        gone = self.seen_s[:count] < self.last_s - retention_s
        if gone.any():
            self.forget_learnt(self.table.forget(gone))


def _at_new_levels(values: F64, times_s: F64, labels: Sequence[Labels | None], since: Since) -> F64:
    """Return history (instants, series) with every accepted level of a series as if it had always been."""
    out = values.copy()
    for column, one in enumerate(labels):
        for since_s in since(one) if one is not None else ():
            out[:, column] = at_new_level(out[:, column], times_s, since_s)
    return out
