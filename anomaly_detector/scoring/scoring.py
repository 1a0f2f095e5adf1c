"""What a query asks of a verdict, whichever model gave it: direction, smallest deviation, allowed range."""

from typing import Literal

import msgspec
import numpy as np

from anomaly_detector.models.model import F64, Mask, Verdict

Direction = Literal["both", "above_expected", "below_expected"]
INFINITY = float("inf")
SCORE_OUTSIDE_DATA_RANGE = 1.01


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """The demands of one query, in the unit of its series.

    `min_dev_below` and `min_dev_above`: smaller deviations from the expected value never alarm.
    `data_range`: values outside alarm at once, warm-up or not, with at least `outside_score`.
    """

    direction: Direction = "both"
    min_dev_below: float = 0.0
    min_dev_above: float = 0.0
    data_range: tuple[float, float] = (-INFINITY, INFINITY)
    outside_score: float = SCORE_OUTSIDE_DATA_RANGE


def apply(verdict: Verdict, values: F64, rules: Rules) -> Verdict:
    """Return the verdict as the query wants it published; the band is widened so that it agrees with the score."""
    deviation = values - verdict.expected
    score = np.where(matters(deviation, rules), verdict.score, np.float32(0))
    low, high = rules.data_range
    score = np.where(outside(values, rules), np.maximum(score, np.float32(rules.outside_score)), score)
    return msgspec.structs.replace(
        verdict,
        score=score.astype(np.float32),
        expected=np.clip(verdict.expected, low, high),
        lower=np.clip(np.minimum(verdict.lower, verdict.expected - rules.min_dev_below), low, high),
        upper=np.clip(np.maximum(verdict.upper, verdict.expected + rules.min_dev_above), low, high),
    )


def outside(values: F64, rules: Rules) -> Mask:
    """Return which values are outside of `data_range`; a missing one (NaN) is not."""
    low, high = rules.data_range
    return np.asarray((values < low) | (values > high), np.bool_)


def matters(deviation: F64, rules: Rules) -> Mask:
    """Return which deviations from what is expected are in a direction, and of a size, that the query asks for."""
    above = (deviation >= rules.min_dev_above) & (rules.direction != "below_expected")
    below = (-deviation >= rules.min_dev_below) & (rules.direction != "above_expected")
    return np.asarray(above | below, np.bool_)
