"""Per-series calibration: the threshold at which every series alarms equally often.

The tail of a statistic beyond its 98 % quantile is taken as exponential (the peaks-over-threshold view of Siffer et
al., "Anomaly detection in streams with extreme value theory", KDD 2017, with the shape fixed at 0, which needs two
numbers for each series). A `Tail` is those two numbers; `threshold` extrapolates them to the wanted alarm rate.
"""

import math

import msgspec
import numpy as np

from anomaly_detector.models.model import DAY_S, F32

TAIL_SHARE = 0.02  # the tail starts at the 98 % quantile
FAR_SHARE = 0.001
HEAVIEST = np.float32(2)
CLIP = np.float32(4)  # mean excesses: what one sample can teach at most
LN2 = math.log(2.0)  # the median of an exponential distribution is ln 2 times its mean
EXCESS_FLOOR = 0.15  # in robust scales: a tail that was never seen is not taken as empty
GAUSS_TAIL, GAUSS_EXCESS = 2.33, 0.37  # |z| of a Gaussian: its 98 % quantile and mean excess beyond it


class Tail(msgspec.Struct, frozen=True):
    """For each series: `start`, exceeded by 2 % of samples, and `excess`, the mean exceedance beyond it."""

    start: F32
    excess: F32


def sorted_quantile(ordered: F32, counts: np.ndarray, share: float) -> F32:
    """Return the `share` quantile (nearest rank) of columns sorted ascending with their `counts` finite values first.

    >>> sorted_quantile(np.array([[1.0], [2.0], [9.0], [np.nan]], np.float32), np.array([3]), 0.5)
    array([2.], dtype=float32)
    """
    index = np.rint(share * np.maximum(counts - 1, 0)).astype(np.intp)
    picked: F32 = np.take_along_axis(ordered, index[None, :], axis=0)[0]
    return picked


def column_quantiles(values: F32, shares: tuple[float, ...]) -> tuple[F32, ...]:
    """Return quantiles over axis 0, ignoring NaN; NaN for a column without a value."""
    ordered = np.sort(values, axis=0)
    counts = np.isfinite(ordered).sum(axis=0)
    return tuple(sorted_quantile(ordered, counts, share) for share in shares)


def fit_tail(statistic: F32) -> Tail:
    """Measure the tail of a non-negative statistic (instants, series), NaN where unknown.

    The mean excess comes from the median exceedance, so that a few faults in history do not raise it; where the
    99.9 % quantile tells of a tail heavier than exponential it may be up to HEAVIEST times that.
    """
    shares = (1 - TAIL_SHARE, 1 - TAIL_SHARE / 2, 1 - FAR_SHARE)
    start, middle, far = (np.nan_to_num(one, nan=GAUSS_TAIL) for one in column_quantiles(statistic, shares))
    excess = np.maximum((middle - start) / np.float32(LN2), np.float32(EXCESS_FLOOR))
    heavy = (far - start) / np.float32(math.log(TAIL_SHARE / FAR_SHARE))
    excess = np.clip(heavy, excess, HEAVIEST * excess)
    return Tail(start.astype(np.float32), excess.astype(np.float32))


def stretch(alarms_per_day: float, step_s: float) -> float:
    """Return how many mean excesses beyond the tail's start the threshold lies.

    `alarms_per_day` is what one series without faults may cost; one sample every `step_s` seconds.

    >>> round(stretch(alarms_per_day=0.01, step_s=60), 1)
    8.0
    """
    share = alarms_per_day * step_s / DAY_S
    return max(0.0, math.log(TAIL_SHARE / share))


def threshold(tail: Tail, stretch_by: float, *, least: float) -> F32:
    """Return the alarm threshold of each series, at least `least` robust scales."""
    return np.maximum(tail.start + tail.excess * np.float32(stretch_by), np.float32(least))


def follow_tail(tail: Tail, statistic: F32, *, rate: F32) -> None:
    """Move the tail towards a new value of the statistic, in place.

    `rate` is the share of a memory span that one sample covers, 0 where nothing is to be learnt. The start follows by
    the sign of the error (stochastic quantile tracking, Robbins and Monro 1951), the excess by clipped exceedances: no
    single value can move them far.
    """
    beyond = statistic > tail.start
    share = rate * np.float32(1 / TAIL_SHARE)
    exceedance = np.minimum(statistic - tail.start, CLIP * tail.excess)
    excess = tail.excess + share * np.where(beyond, exceedance - tail.excess, np.float32(0))
    tail.start[...] += tail.excess * share * (beyond - np.float32(TAIL_SHARE))
    np.maximum(excess, np.float32(EXCESS_FLOOR), out=tail.excess)
