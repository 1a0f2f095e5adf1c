"""After a first fit: which series have a band so much wider than their siblings' that they may be blind. No I/O.

An incident in the history that is learnt at the start widens the band of its series, which then sees no other.
"""

import msgspec
import numpy as np

from anomaly_detector.lane import BLOCK, Lane
from anomaly_detector.models.model import F64, Pooled, State, Verdict, block_of
from anomaly_detector.query_state import QueryState
from anomaly_detector.series_table import Labels

FACTOR = 30.0  # times the median width of the query; and so that a series that is but larger is not meant
FACTOR_OF_LEVEL = 3.0  # times the median of width by level
FEWEST = 3  # series, before there is anything to compare with


class WideBand(msgspec.Struct, frozen=True, kw_only=True):
    """A series whose band is `times` as wide as the median of its query."""

    labels: Labels
    lower: float
    upper: float
    times: float


def wide_bands(state: QueryState, step_s: float) -> list[WideBand]:
    """Return the series whose band after a fit is far wider than is usual in the query, the widest first.

    The first model that knows each series on its own is asked, of a copy of what it has learnt.
    """
    lane = next((one for one in state.lanes if not isinstance(one.model, Pooled)), None)
    count = len(state.table)
    if lane is None or count < FEWEST:
        return []
    expected, lower, upper = _bands(state, lane, count, step_s)
    width, level = upper - lower, np.maximum(np.abs(expected), 1e-12)
    known = np.isfinite(width) & (width > 0) & np.array([one is not None for one in state.table.labels])
    if known.sum() < FEWEST:
        return []
    usual, by_level = float(np.median(width[known])), float(np.median((width / level)[known]))
    wide = np.flatnonzero(known & (width > FACTOR * usual) & (width / level > FACTOR_OF_LEVEL * by_level))
    rows = sorted(wide.tolist(), key=lambda row: -float(width[row]))
    return [
        WideBand(
            labels=state.table.labels[row] or (),
            lower=float(lower[row]),
            upper=float(upper[row]),
            times=float(width[row] / usual),
        )
        for row in rows
    ]


def _bands(state: QueryState, lane: Lane, count: int, step_s: float) -> tuple[F64, F64, F64]:
    """Return what is expected of each row at the next instant, and the band."""
    out = np.full((3, count), np.nan)
    for first in range(0, count, BLOCK):
        last = min(first + BLOCK, count)
        said = next_band(state, lane, slice(first, last), step_s)
        out[:, first:last] = said.expected, said.lower, said.upper
    return out[0], out[1], out[2]


def next_band(state: QueryState, lane: Lane, rows: slice, step_s: float) -> Verdict:
    """Return what a model says of 0 at the next instant, asked of a copy: what is expected, and the band."""
    known, count = copy_of(lane, rows), rows.stop - rows.start
    return lane.model.step(np.zeros(count), known, np.zeros(count, np.bool_), state.grid(state.last_s + step_s))


def copy_of(lane: Lane, rows: slice) -> State:
    """Return a copy of what a model has learnt of some rows, to be asked without consequences."""
    return {name: array.copy() for name, array in block_of(lane.state, rows.start, rows.stop).items()}
