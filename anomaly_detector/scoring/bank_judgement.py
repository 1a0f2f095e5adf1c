"""How strange a sample is to the feature bank: the sizes of `shape`, `level` and `range`, and the score they make."""

import numpy as np

from anomaly_detector.models.model import F32, History, State
from anomaly_detector.scoring import bank_normaliser
from anomaly_detector.scoring.bank_features import FEATURES, REST
from anomaly_detector.scoring.calibration import column_quantiles
from anomaly_detector.scoring.daily import TINY, per_hour

GENERATIONS = 2  # of scales: the second remembers `memory`, as the centre does, the first `SLOWER` times that
SLOWER = 4
ROWS = tuple(slice(first * len(FEATURES), (first + 1) * len(FEATURES)) for first in range(GENERATIONS))
EXTREMES = ("least", "most")
ROUGHEST = 4.0  # how much rougher or calmer than the day one of its hours can be
RANGE_MARGIN = np.float32(0.1)  # of the range: so far outside of it `range` is 1
LEVEL_GAIN = np.float32(0.05)  # how far `level` alone can raise the score above 1: it is there to make the band true


def roughness(rest: F32, state: State, history: History) -> F32:
    """Return how much rougher each hour is than the whole day, drawn half way towards 1, as one hour knows little."""
    size = np.abs(rest)
    whole = np.nan_to_num(column_quantiles(size, (0.5,))[0])
    hours = per_hour(size, history.day_s)
    hours = np.where(np.isfinite(hours), hours, whole)
    floor = np.maximum(state["floor"], TINY)
    rough = (hours + whole + 2 * floor) / (2 * whole + 2 * floor)
    rough /= np.sqrt(np.square(rough).mean(axis=0))
    return np.asarray(np.clip(rough, 1 / ROUGHEST, ROUGHEST), np.float32)


def shape_of(state: State, features: F32, calm: F32) -> F32:
    """Return the size of `shape` in robust scales; also for a whole history (features, instants, series)."""
    sizes = [
        bank_normaliser.strangeness(features, state["centre"], state["scale"][rows], state["floor"], calm=calm)
        for rows in ROWS
    ]
    return np.asarray(np.minimum.reduce(sizes))


def together(shape: F32, surprise: F32) -> F32:
    """Return the root mean square of what the features say and of surprise.

    >>> together(np.array([1.0, 7.0], np.float32), np.array([7.0, 7.0], np.float32)).tolist()
    [5.0, 7.0]
    """
    return np.asarray(np.sqrt((np.square(shape) + np.square(surprise)) / 2), np.float32)


def level_of(state: State, rest: F32, calm: F32) -> F32:
    """Return the size of `level` in robust scales; also for a whole history (instants, series)."""
    return np.asarray(np.abs(rest - state["centre"][REST]) / np.maximum(state["scale"][REST] * calm, state["floor"]))


def outside(state: State, centred: F32) -> F32:
    """Return how far a value lies outside of all that was ever seen, in margins; 0 inside."""
    least, most = state["least"], state["most"]
    margin = np.maximum(RANGE_MARGIN * (most - least), state["floor"])
    return np.asarray(np.maximum(np.maximum(least - centred, centred - most), 0) / margin)


def joined(shape: F32, level: F32) -> F32:
    """Return the score of both features: `level` counts only once it is above 1.

    >>> joined(np.array([0.5, 0.5, 4.0], np.float32), np.array([0.9, 2.0, 2.0], np.float32)).tolist()
    [0.5, 1.024999976158142, 4.0]
    """
    alone = 1 + LEVEL_GAIN * (1 - 1 / np.maximum(level, np.float32(1)))
    return np.where(level > 1, np.maximum(shape, alone), shape)
