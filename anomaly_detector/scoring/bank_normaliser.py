"""Where each feature of the bank usually is and how far it strays: robust, slow, in several generations.

Each feature has a `centre` and, for each generation, a `scale` learnt over a memory of its own: the 98 % quantile of
the distance from the centre, as a Gaussian of that scale would have it. A sample is as strange as the generation that
knows it best says: what one remembers as normal does not alarm.
"""

from collections.abc import Sequence

import numpy as np

from anomaly_detector.models.model import F32
from anomaly_detector.scoring.calibration import GAUSS_TAIL, TAIL_SHARE, column_quantiles
from anomaly_detector.scoring.daily import TINY

GAUSS_Q98 = np.float32(GAUSS_TAIL)
SOFT = np.float32(8)  # scales: beyond this a feature counts by its logarithm, so that no single one outvotes the rest
SCALE_FLOOR = 0.1  # of the standard deviation
CLIP = np.float32(4)  # scales: what a single sample can teach the centre at most
UP, DOWN = np.float32((1 - TAIL_SHARE) / TAIL_SHARE), np.float32(-1)  # balanced where 2 % lie beyond
MEAN_ABS_TO_SIGMA = np.float32(1.2533)  # of a Gaussian: sqrt(pi / 2)
LARGEST_STEP = np.float32(0.2)  # of the scale: what a single sample can teach it at most


def strangeness(features: F32, centre: F32, scale: F32, floor: F32, *, calm: F32) -> F32:
    """Return the root mean square over features (axis 0) of their softened distances in scales.

    `calm` widens the scales at a rough hour and narrows them at a calm one; the smallest scale is `floor`.
    """
    total = np.zeros(features.shape[1:], np.float32)
    for feature, middle, size in zip(features, centre, scale, strict=True):
        distance = np.abs(feature - middle)
        distance /= np.maximum(size * calm, floor)
        total += np.square(soften(distance))
    total /= np.float32(len(features))
    return np.asarray(np.sqrt(total))


def soften(distance: F32) -> F32:
    """Return a distance that grows by its logarithm beyond `SOFT`.

    >>> soften(np.array([1.0, 8.0, 8.0 * np.e], np.float32)).round(3).tolist()
    [1.0, 8.0, 16.0]
    """
    beyond = distance > SOFT
    if beyond.any():
        distance[beyond] = SOFT * (1 + np.log(distance[beyond] / SOFT))
    return distance


def fit(feature: F32, calm: F32) -> tuple[F32, F32]:
    """Return centre and scale of one feature (instants, series), NaN where unknown; 0 and tiny without a value."""
    centre = np.nan_to_num(column_quantiles(feature, (0.5,))[0])
    distance = np.abs(feature - centre) / calm
    known = np.isfinite(distance)
    power = np.where(known, distance, 0).astype(np.float64)
    spread = np.sqrt(np.square(power).sum(axis=0) / np.maximum(known.sum(axis=0), 1))
    far = np.nan_to_num(column_quantiles(distance, (1 - TAIL_SHARE,))[0]) / GAUSS_Q98
    return centre, np.maximum(far, np.maximum(SCALE_FLOOR * spread, TINY)).astype(np.float32)


def follow(
    feature: F32, centre: F32, scales: Sequence[F32], *, calm: F32, rates: Sequence[F32], young: F32 | None
) -> None:
    """Move the centre and the scale of each generation towards a feature's value, in place.

    `rates` are the share of each generation's memory that one sample covers, 0 where nothing is to be learnt; the
    centre moves with the last. A scale follows the 98 % quantile by the sign of the error, in steps relative to
    itself. `young` is 1 / n for the n-th of a series' first samples and 0 later (None where none is young): then
    centre and scale are plain means.
    """
    gap = feature - centre
    bound = CLIP * scales[-1]
    taught = np.clip(gap, -bound, bound)
    taught *= rates[-1]
    distance = np.abs(gap) / calm
    for size, rate in zip(scales, rates, strict=True):
        beyond = np.where(distance > GAUSS_Q98 * size, UP, DOWN)
        beyond *= rate
        np.clip(beyond, -LARGEST_STEP, LARGEST_STEP, out=beyond)
        if young is not None:
            beyond = np.where(young > 0, young * (MEAN_ABS_TO_SIGMA * distance - size) / size, beyond)
        beyond += 1
        np.multiply(size, beyond, out=size)
        np.maximum(size, TINY, out=size)
    centre += taught if young is None else np.where(young > 0, gap * young, taught)
