"""One instant of a query: values in, verdicts of every model out. No I/O."""

import msgspec
import numpy as np

from anomaly_detector.lane import ARRAYS, Lane
from anomaly_detector.models.model import F64, Grid, Mask, Verdict
from anomaly_detector.plan import QueryPlan
from anomaly_detector.query_state import QueryState
from anomaly_detector.scoring.learning import held
from anomaly_detector.scoring.scoring import apply
from anomaly_detector.series_table import Rows

GAP_STEPS = 2  # a series not seen for longer has ended, and what returns is a new beginning


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """One model's words about one instant.

    `rows` have a sample, and the arrays of `verdict` one entry for each of them; `ended` are the rows whose outputs
    end now, `warmed` those whose confidence has just become 1; `unsure` have a value that was no sample to the model: a
    rate whose window fills, or dips by itself.
    """

    lane: str
    time_s: float
    rows: Rows
    verdict: Verdict
    ended: Rows
    warmed: Rows
    unsure: Rows | None = None


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
        unsure=np.flatnonzero(fresh & np.isnan(settled)),
    )


def _rows_of(verdict: Verdict, rows: Rows) -> Verdict:
    if len(rows) == len(verdict.score):
        return verdict
    ahead = {key: array[rows] for key, array in verdict.ahead.items()}
    return Verdict(**{name: getattr(verdict, name)[..., rows] for name in ARRAYS}, ahead=ahead)
