"""Series outside their query's `data_range`: a limit that a person wrote, so that no budget is asked. No I/O."""

import numpy as np

from anomaly_detector.instant import Judged
from anomaly_detector.models.model import F32, F64
from anomaly_detector.scoring.scoring import Rules, outside

FIRST = np.float32(1000)  # what is added to a score outside: it is named before all that is only unusual


def outside_score(judged: Judged, values: F64, rules: Rules) -> F32:
    """Return `outside_score` for each row whose value the verdict calls outside of `data_range`, 0 for the others.

    `values` has one entry for each row of the table, NaN without a sample. One that is not settled has no score, and
    is not outside.
    """
    out, least = np.zeros(len(values), np.float32), np.float32(rules.outside_score)
    out[judged.rows[outside(values[judged.rows], rules) & (judged.verdict.score >= least)]] = least
    return out


def limits_first(score: F32, limits: F32) -> F32:
    """Return scores by which the worst series is found: those outside of a limit come before all others.

    >>> limits_first(np.array([5, 1.5], np.float32), np.array([0, 1.5], np.float32)).tolist()
    [5.0, 1001.5]
    """
    return np.where(limits > 1, score + FIRST, score).astype(np.float32)
