"""What a day looks like: a knot at the middle of every hour, lines between; and the smallest believable spread.

Shared by the models that know the hour of day. Knots have the shape (24, series).
"""

import numpy as np

from anomaly_detector.models.model import DAY_S, F32, F64, History
from anomaly_detector.scoring.calibration import column_quantiles

KNOTS = 24
KNOT_S = DAY_S / KNOTS
TINY = np.float32(1e-9)
RELATIVE_FLOOR = np.float32(1e-3)  # of the typical magnitude: below is rounding, not behaviour
MAD_TO_SIGMA = np.float32(1.4826)  # standard deviation of a Gaussian over its median absolute deviation
QUANTUM_JUMPS = 10  # fewer changes than this say nothing about the smallest possible one


def knots_at(day_s: float) -> tuple[int, int, np.float32]:
    """Return the two knots around a time of day and the weight of the second."""
    position = day_s / KNOT_S - 0.5
    low = int(np.floor(position))
    return low % KNOTS, (low + 1) % KNOTS, np.float32(position - low)


def between(knots: F32, low: int, high: int, share: np.float32) -> F32:
    """Return the line between two knots: (series)."""
    return np.asarray(knots[low] * (1 - share) + knots[high] * share)


def along(knots: F32, day_s: F64) -> F32:
    """Return knots (24, series) interpolated at each instant: (instants, series)."""
    position = day_s / KNOT_S - 0.5
    low = np.floor(position).astype(np.intp)
    share = (position - low).astype(np.float32)[:, None]
    return np.asarray(knots[low % KNOTS] * (1 - share) + knots[(low + 1) % KNOTS] * share)


def daily_profile(centred: F32, history: History) -> F32:
    """Return the hour-of-day medians, as far as they explain the series.

    With less than two days, or when the medians calm the series by less than a tenth, the profile is flat: a profile
    of noise would only add its own.
    """
    profile = np.nan_to_num(per_hour(centred, history.day_s))
    before = column_quantiles(np.abs(centred), (0.5,))[0]
    after = column_quantiles(np.abs(centred - along(profile, history.day_s)), (0.5,))[0]
    gain = 1 - np.nan_to_num(after / np.maximum(before, TINY), nan=1.0)
    days = len(history.day_s) * history.step_s / DAY_S
    return np.asarray(profile * np.clip(gain * 10, 0, 1) * np.clip(np.float32(days - 1), 0, 1), np.float32)


def per_hour(values: F32, day_s: F64) -> F32:
    """Return the median of each hour of the day: (24, series), NaN where an hour has no value."""
    hours = (day_s // KNOT_S).astype(np.intp) % KNOTS
    medians = np.full((KNOTS, values.shape[1]), np.nan, np.float32)
    for hour in np.unique(hours):
        medians[hour] = column_quantiles(values[hours == hour], (0.5,))[0]
    return medians


def least_spread(values: F64, deviation: F32) -> F32:
    """Return the smallest believable spread: a tenth of the deviation, half a quantum, a thousandth of the size."""
    known = np.isfinite(deviation)
    count = np.maximum(known.sum(axis=0), 1)
    rms = np.sqrt(np.where(known, deviation, 0).astype(np.float64).__pow__(2).sum(axis=0) / count)
    size = np.where(known, np.abs(values), 0).sum(axis=0) / count
    jumps = np.abs(np.diff(values, axis=0))
    quantum = np.where(jumps > 0, jumps, np.inf).min(axis=0, initial=np.inf)
    quantum = np.where((jumps > 0).sum(axis=0) >= QUANTUM_JUMPS, quantum, 0)
    floors = np.maximum.reduce([0.1 * rms, quantum / 2, RELATIVE_FLOOR * size, np.full_like(rms, TINY)])
    return np.asarray(floors, np.float32)


def hourly_spread(deviation: F32, day_s: F64) -> F32:
    """Return the robust spread of each hour, a quarter of it from the whole day, as one hour knows little."""
    size = np.abs(deviation)
    whole = np.nan_to_num(column_quantiles(size, (0.5,))[0])
    hours = per_hour(size, day_s)
    hours = np.where(np.isfinite(hours), hours, whole)
    return np.asarray(MAD_TO_SIGMA * (np.float32(0.75) * hours + np.float32(0.25) * whole), np.float32)
