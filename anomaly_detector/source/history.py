"""History of a query: read backwards in chunks that fit the server's limits and the memory budget, then learnt."""

import threading

import numpy as np

from anomaly_detector.errors import QueryRejectedError, ResponseTooLargeError
from anomaly_detector.grid import chunks, history_step
from anomaly_detector.models.model import F64
from anomaly_detector.plan import QueryPlan
from anomaly_detector.query_state import QueryState
from anomaly_detector.scoring.learning import may_learn
from anomaly_detector.series_table import Rows
from anomaly_detector.source.matrix import Matrix, grid_times
from anomaly_detector.source.narrowed import Narrowed, common_labels
from anomaly_detector.source.prom_api import MAX_POINTS
from anomaly_detector.source.reading import Source

RECENT_S, RECENT_INSTANTS = 3600.0, 12
SAMPLES_PER_ANSWER = 1_000_000  # decoded at once: some hundred MB of JSON and numbers


def instants_per_answer(series: int) -> int:
    """Return how many instants of `series` series may be asked for at once."""
    return min(MAX_POINTS, max(1, SAMPLES_PER_ANSWER // max(1, series)))


def learn_history(api: Source, plan: QueryPlan, state: QueryState, *, max_series: int) -> int:
    """Fit every model on its window of history before `state.last_s`; return the number of instants learnt from.

    Only series that were alive in the last hour of history are learnt: what is away for a moment while we start
    counts, what is long gone does not. Raises as `Source.query_range` does.
    """
    recent_s, apart_s = _recent(state.last_s, plan.step_s)
    alive = api.query_range(plan.query.expr, recent_s, step_s=apart_s, max_series=max_series)
    times_s, step_s = _window(plan, state.last_s, series=len(alive.keys))
    if not alive.keys or not len(times_s):
        return 0
    rows = state.rows(alive, max_series=max_series)
    values = _read(api, plan, state, rows, times_s, step_s, among=state.table.series)
    _fit(plan, state, rows, values, times_s, step_s)
    state.unlearnt.clear()
    return len(times_s)


def learn_late(api: Source, plan: QueryPlan, state: QueryState, stop: threading.Event) -> int:
    """Fit the series met since history was last read, as far as the server knows them from before; return how many.

    The others keep what they learnt since. Raises as `Source.query_range` does; then, and when `stop` is set
    meanwhile, the state is left alone.
    """
    rows = np.array(sorted(state.unlearnt), np.intp)
    times_s, step_s = _window(plan, state.last_s, series=state.table.series)
    if not len(rows) or not len(times_s):
        return 0
    values = _read(api, plan, state, rows, times_s, step_s, among=state.table.series)
    if stop.is_set():
        return 0
    met_s = np.array([state.unlearnt[row] for row in rows.tolist()])
    older = (np.isfinite(values) & (times_s[:, None] <= met_s)).any(axis=0)
    if older.any():
        _fit(plan, state, rows[older], values[:, older], times_s, step_s)
    state.unlearnt.clear()
    return int(older.sum())


def learn_again(api: Source, plan: QueryPlan, state: QueryState, rows: Rows, stop: threading.Event) -> int:
    """Fit some series anew from history of their own; return of how many there is something to learn from.

    Only what their labels have in common is asked for. The others, and series of which nothing is known where
    `state.pauses` lets them learn, keep what they have. Raises as `Source.query_range` does; then, and when `stop` is
    set meanwhile, the state is left alone.
    """
    labels = [state.table.labels[row] or () for row in rows.tolist()]
    times_s, step_s = _window(plan, state.last_s, series=len(rows))
    only = Narrowed(api, common_labels(labels))
    values = _read(only, plan, state, rows, times_s, step_s, among=len(rows))
    if stop.is_set():
        return 0
    known = (np.isfinite(values) & may_learn(state.pauses, labels, times_s)).any(axis=0)
    if known.any():
        _fit(plan, state, rows[known], values[:, known], times_s, step_s)
    return int(known.sum())


def _window(plan: QueryPlan, last_s: float, *, series: int) -> tuple[F64, float]:
    """Return the instants of history up to `last_s` and their distance, within the budget for so many series."""
    window_s = plan.history_s
    step_s = history_step(plan.step_s, window_s, series=series, max_points=plan.reader.max_history_points)
    return grid_times(np.ceil((last_s - window_s) / step_s) * step_s, last_s, step_s), step_s


def _fit(plan: QueryPlan, state: QueryState, rows: Rows, values: F64, times_s: F64, step_s: float) -> None:
    for lane, lane_plan in zip(state.lanes, plan.lanes, strict=True):
        wanted = times_s >= state.last_s - lane_plan.options.history_s
        state.fit(lane, rows, values[wanted], times_s[wanted], step_s)


def _recent(last_s: float, step_s: float) -> tuple[F64, float]:
    """Return some instants of the last hour, on the grid, and their distance."""
    apart_s = step_s * max(1.0, np.floor(RECENT_S / RECENT_INSTANTS / step_s))
    return last_s - apart_s * np.arange(RECENT_INSTANTS - 1, -1, -1), apart_s


def _read(
    api: Source, plan: QueryPlan, state: QueryState, rows: Rows, times_s: F64, step_s: float, *, among: int
) -> F64:
    """Return the values of `rows`: (instants, rows). An answer holds about `among` series."""
    values = np.full((len(times_s), len(rows)), np.nan)
    columns = np.full(len(state.table) + 1, -1, np.intp)  # of each row; the last entry is for series without a row
    columns[rows] = np.arange(len(rows))
    place = 0
    for times in chunks(times_s, instants_per_answer(among)):
        for part in _split(api, plan, times, step_s):
            column = columns[state.table.find(part.keys)]
            known = column >= 0
            values[place : place + len(part.times_s), column[known]] = part.values[:, known]
            place += len(part.times_s)
    return values


def _split(api: Source, plan: QueryPlan, times_s: F64, step_s: float) -> list[Matrix]:
    """Read instants; where the server or the budget finds that too much, read halves."""
    try:
        limit = max(plan.max_series, SAMPLES_PER_ANSWER)  # series of the past count for nothing, if the answer fits
        return [api.query_range(plan.query.expr, times_s, step_s=step_s, max_series=limit)]
    except (QueryRejectedError, ResponseTooLargeError):
        if len(times_s) == 1:
            raise
        middle = len(times_s) // 2
        return _split(api, plan, times_s[:middle], step_s) + _split(api, plan, times_s[middle:], step_s)
