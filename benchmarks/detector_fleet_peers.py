"""The peers on the generated fleet: bands as promql-anomaly-detection draws them, and static thresholds.

Each gives a series a number that grows with the deviation, so that its sensitivity can be set afterwards: the factor by
which its band, or its threshold, would have to be widened for the sample to be inside; 0 where the deviation is in a
direction, or of a size, that the query does not ask for.
"""

import numpy as np

from anomaly_detector.scoring.scoring import Rules, matters
from benchmarks.detector_fleet_plan import DAY_S, F64, HOUR_S, Mask

MARGIN = 0.5  # of the mean: a band is never narrower than this share, as shipped
SPREADS = 2.0  # standard deviations of an hour, averaged over 26 hours, on each side
RESTLESS = 0.5  # an hour whose spread is above this share of its mean is left out of that average
LOOK_BACKS_S = (DAY_S, 7 * DAY_S)
TINY = 1e-9


def static(values: F64, fitted: int, rules: Rules) -> F64:
    """Return the deviation from the mean of the first `fitted` instants in their standard deviations."""
    known = values[:fitted]
    count = np.maximum(np.isfinite(known).sum(axis=0), 1)
    mean = np.nansum(known, axis=0) / count
    spread = np.sqrt(np.nansum((known - mean) ** 2, axis=0) / count)
    return _asked(values - mean, np.maximum(spread, 0.01 * np.abs(mean) + TINY), rules)


def adaptive(values: F64, step_s: float, rules: Rules) -> F64:
    """Return by how many half-widths of the adaptive band each sample is off its middle.

    The band: the hour's mean, plus and minus the larger of a margin and two averaged spreads, widened to what the same
    time of yesterday and last week was.
    """
    hour = round(HOUR_S / step_s)
    mean, spread = _rolling(values, hour)
    calm = np.where(spread <= RESTLESS * np.abs(mean), spread, np.nan)
    usual, _ = _rolling(calm, 26 * hour)
    half = np.fmax(SPREADS * usual, MARGIN * np.abs(mean))
    low, high = mean - half, mean + half
    for back_s in LOOK_BACKS_S:
        back = round(back_s / step_s)
        low[back:], high[back:] = np.fmin(low[back:], mean[:-back]), np.fmax(high[back:], mean[:-back])
    middle, wide = (low + high) / 2, np.maximum((high - low) / 2, TINY)
    return _asked(values - middle, wide, rules)


def worst(deviation: F64, devices: int, quiet: Mask) -> F64:
    """Return each device's number: that of its worst series, two samples in a row, 0 in announced maintenance."""
    held = np.minimum(deviation[1:], deviation[:-1])
    most = held.reshape(len(held), devices, -1).max(axis=2)
    return np.where(quiet[1:], 0.0, most)


def _asked(deviation: F64, size: F64, rules: Rules) -> F64:
    """Return deviations in multiples of a size, 0 where they are unknown or not asked for."""
    sized = np.nan_to_num(np.abs(deviation) / size, posinf=0.0, neginf=0.0)
    return np.asarray(np.where(matters(deviation, rules), sized, 0.0))


def _rolling(values: F64, width: int) -> tuple[F64, F64]:
    """Return mean and standard deviation of the last `width` instants, NaN left out."""
    known = np.isfinite(values)
    offset = np.nan_to_num(np.nanmean(np.where(known.any(axis=0), values, 0.0), axis=0))
    filled = np.where(known, values - offset, 0.0)
    count = np.maximum(_sums(known.astype(np.float64), width), 1)
    mean = _sums(filled, width) / count
    variance = np.maximum(_sums(filled * filled, width) / count - mean * mean, 0)
    return mean + offset, np.sqrt(variance)


def _sums(values: F64, width: int) -> F64:
    total = np.cumsum(values, axis=0)
    total[width:] = total[width:] - total[:-width]
    return total
