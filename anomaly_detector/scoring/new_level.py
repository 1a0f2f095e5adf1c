"""History as if a series' new level had always been, for levels that people accept as normal. No I/O."""

from collections.abc import Callable, Sequence

import numpy as np

from anomaly_detector.models.model import DAY_S, F64
from anomaly_detector.scoring.learning import Labels

Since = Callable[[Labels], Sequence[float]]  # of a series: the times from which on its level is a new one, in order
BLUR_S = 3600.0  # an alarm comes somewhat later than the change: what lies so far before is neither old nor new


def at_new_level(values: F64, times_s: F64, since_s: float) -> F64:
    """Return history of one series as if its level since `since_s` had always been.

    What was before is moved by the median distance at the same times of day, so that a rhythm is not taken for a
    level; the hour before `since_s` is left out. History that has nothing before or nothing after stays as it is.

    >>> at_new_level(np.array([1.0, 2.0, 3.0, 9.0]), np.array([0.0, 60.0, 7000.0, 7200.0]), 7200.0).tolist()
    [8.5, 9.5, nan, 9.0]
    """
    before, after = times_s < since_s - BLUR_S, times_s >= since_s
    same = before & np.isin(np.mod(times_s, DAY_S), np.mod(times_s[after], DAY_S))
    old = values[same] if np.isfinite(values[same]).any() else values[before]
    gap = _median(values[after]) - _median(old)
    return np.where(before, values + gap, np.where(after, values, np.nan)) if np.isfinite(gap) else values


def _median(values: F64) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else float("nan")
