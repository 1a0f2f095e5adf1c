"""The last words about a query that nobody goes on with, or about series forgotten: stale markers. No I/O."""

import numpy as np

from anomaly_detector.instant import Judged
from anomaly_detector.models.model import Mask, Verdict
from anomaly_detector.query_state import QueryState

JUST_AFTER_S = 0.001  # after the last sample of every series, and before the server's now


def ending(state: QueryState, rows: Mask | None = None) -> list[Judged]:
    """Return one word of every lane that ends its series, or those in `rows` (one entry a row) alone.

    They stand a millisecond after the last instant.
    """
    count = len(state.table)
    meant: Mask = np.ones(count, np.bool_) if rows is None else rows
    none, numbers = np.zeros(0, np.float32), np.zeros(0)
    nothing = Verdict(
        score=none,
        expected=numbers,
        lower=numbers,
        upper=numbers,
        contribution=np.zeros((0, 0), np.float32),
        confidence=none,
    )
    return [
        Judged(
            lane=lane.alias,
            time_s=state.last_s + JUST_AFTER_S,
            rows=np.zeros(0, np.intp),
            verdict=nothing,
            ended=np.flatnonzero(state.live[:count] & meant),
            warmed=np.flatnonzero(lane.warming[:count] & meant),
        )
        for lane in state.lanes
    ]
