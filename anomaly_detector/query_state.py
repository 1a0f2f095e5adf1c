"""What one query remembers, and one instant of it: values in, verdicts of every model out. No I/O."""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from anomaly_detector.draining import Draining
from anomaly_detector.grid import local_seconds, timezone_named
from anomaly_detector.models.model import (
    DAY_S,
    F64,
    Grid,
    Heir,
    History,
    Mask,
    Model,
    State,
    Verdict,
    block_of,
    bytes_per_series,
)
from anomaly_detector.plan import QueryPlan
from anomaly_detector.scoring.calendar import free_days
from anomaly_detector.scoring.learning import held, may_learn
from anomaly_detector.scoring.new_level import Since, at_new_level
from anomaly_detector.scoring.scoring import apply
from anomaly_detector.series_table import Labels, Rows, SeriesTable
from anomaly_detector.source.matrix import Matrix

BLOCK = 10_240  # series judged at once: their state and the temporaries stay in the cache
GAP_STEPS = 2  # a series not seen for longer has ended, and what returns is a new beginning
PARTIAL_PATIENCE_S = 3600.0  # for how long answers that lack what a store has end no series
NEVER = -np.inf
ARRAYS = tuple(name for name in Verdict.__struct_fields__ if name != "ahead")


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """One model's words about one instant.

    `rows` have a sample, and the arrays of `verdict` one entry for each of them; `ended` are the rows whose outputs
    end now, `warmed` those whose confidence has just become 1.
    """

    lane: str
    time_s: float
    rows: Rows
    verdict: Verdict
    ended: Rows
    warmed: Rows


class Lane:
    """One model over the series of a query, and its state."""

    def __init__(self, alias: str, model: Model, *, draining: Draining) -> None:
        self.alias = alias
        self.model = model
        self.draining = draining
        self.state: State = model.blank(0)
        self.warming: Mask = np.zeros(0, np.bool_)

    def grow(self, count: int) -> None:
        """Make room for `count` rows."""
        more = count - len(self.warming)
        if more > 0:
            blank = self.model.blank(more)
            self.state = {name: np.concatenate((array, blank[name]), axis=-1) for name, array in self.state.items()}
            self.warming = np.concatenate((self.warming, np.zeros(more, np.bool_)))
            self.draining.grow(count)

    def reset(self, rows: Rows) -> None:
        """Forget what was learnt about rows that get another series."""
        blank = self.model.blank(len(rows))
        for name, array in self.state.items():
            array[..., rows] = blank[name]
        self.warming[rows] = False
        self.draining.reset(rows)

    def bear(self, rows: Rows, live: Mask) -> None:
        """Let new series begin with what the living and warm ones teach, where the model knows how."""
        if isinstance(self.model, Heir):
            self.put(rows, self.model.newborn(self.state, live & ~self.warming, len(rows)))

    def put(self, rows: Rows, state: State) -> None:
        """Take over state for rows, in their order."""
        for name, array in self.state.items():
            array[..., rows] = state[name]

    def step(self, values: F64, learn: Mask, grid: Grid) -> Verdict:
        """Judge one value for each row (NaN where there is none), block by block."""
        blocks = [
            self.model.step(values[first:last], block_of(self.state, first, last), learn[first:last], grid)
            for first, last in _blocks(len(values))
        ]
        return blocks[0] if len(blocks) == 1 else _joined(blocks)


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


def judge(
    state: QueryState, plan: QueryPlan, rows: Rows, values: F64, time_s: float, *, still: Mask | None = None
) -> list[Judged]:
    """Judge one instant: `values` of `rows`, NaN where a series has no sample. The state moves on to `time_s`.

    `still` (one entry for each of `rows`): series that learn nothing from this instant, beside those in a pause.
    """
    count = len(state.table)
    dense = np.full(count, np.nan)
    dense[rows] = values
    fresh = np.isfinite(dense)
    seen_s, live = state.seen_s[:count], state.live[:count]
    absent = seen_s < time_s - GAP_STEPS * plan.step_s - 1e-6
    state.settled_s[:count][fresh & absent] = time_s + plan.settling_s
    settled = state.settled_s[:count] <= time_s
    state.pauses = plan.settings.learning_pauses
    paused = held(state.pauses, state.table.labels, time_s)
    learn = settled & ~paused if paused is not None else settled.copy()
    if still is not None:
        learn[rows[still]] = False
    instant = _Instant(
        values=dense,
        fresh=fresh,
        ended=live & ~fresh & absent,
        settled=settled,
        learn=learn,
        grid=state.grid(time_s),
    )
    seen_s[fresh] = time_s
    live |= fresh
    live &= ~instant.ended
    state.last_s = time_s
    return [_judge_lane(lane, plan, instant) for lane in state.lanes]


class _Instant(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about one instant that does not depend on the model; one entry for each row."""

    values: F64
    fresh: Mask
    ended: Mask
    settled: Mask
    learn: Mask
    grid: Grid


def _judge_lane(lane: Lane, plan: QueryPlan, instant: _Instant) -> Judged:
    settled = np.where(instant.settled, instant.values, np.nan)  # what is not settled is no sample to a model
    settled[lane.draining.at(settled, plan.step_s)] = np.nan
    verdict = apply(lane.step(settled, instant.learn, instant.grid), settled, plan.rules)
    lane.draining.follow(settled, verdict)
    fresh, young = instant.fresh, verdict.confidence < 1
    warming = lane.warming[: len(fresh)]
    warmed = warming & ((fresh & ~young) | instant.ended)
    warming |= fresh & young
    warming &= ~warmed
    rows = np.flatnonzero(fresh)
    return Judged(
        lane=lane.alias,
        time_s=instant.grid.time_s,
        rows=rows,
        verdict=_rows_of(verdict, rows),
        ended=np.flatnonzero(instant.ended),
        warmed=np.flatnonzero(warmed),
    )


def stored_labels(table: SeriesTable) -> tuple[Rows, list[Labels]]:
    """Return the rows that hold a series, and their labels."""
    held = [(row, labels) for row, labels in enumerate(table.labels) if labels is not None]
    return np.array([row for row, _ in held], np.intp), [labels for _, labels in held]


def _at_new_levels(values: F64, times_s: F64, labels: Sequence[Labels | None], since: Since) -> F64:
    """Return history (instants, series) with every accepted level of a series as if it had always been."""
    out = values.copy()
    for column, one in enumerate(labels):
        for since_s in since(one) if one is not None else ():
            out[:, column] = at_new_level(out[:, column], times_s, since_s)
    return out


def _blocks(count: int) -> list[tuple[int, int]]:
    return [(first, min(first + BLOCK, count)) for first in range(0, max(count, 1), BLOCK)]


def _rows_of(verdict: Verdict, rows: Rows) -> Verdict:
    if len(rows) == len(verdict.score):
        return verdict
    ahead = {key: array[rows] for key, array in verdict.ahead.items()}
    return Verdict(**{name: getattr(verdict, name)[..., rows] for name in ARRAYS}, ahead=ahead)


def _joined(blocks: list[Verdict]) -> Verdict:
    def join(name: str) -> Any:
        return np.concatenate([getattr(block, name) for block in blocks], axis=-1)

    ahead = {key: np.concatenate([block.ahead[key] for block in blocks]) for key in blocks[0].ahead}
    return Verdict(**{name: join(name) for name in ARRAYS}, ahead=ahead)
