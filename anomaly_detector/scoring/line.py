"""A straight line through a window, by the median slope of pairs half a window apart, or least squares.

The median slope (Theil, 1950; Sen, 1968, here over the pairs half a window apart only, which one median finds for all
series at once) shrugs off up to a quarter of spikes: temporary files do not fill a disk.

Whether a slope is more than chance is asked of the window's PARTS, as neighbouring samples are no independent
witnesses: of the week that `trend` looks back on each part is a day, so that a rhythm of the day says nothing, and that
of the week is scatter. It is believed from STUDENT standard errors on, which 1 in 200 flat series reaches by chance.
"""

import math
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from anomaly_detector.models.model import F64
from anomaly_detector.scoring.forecast import Forecast

MAD_TO_SIGMA = 1.4826
FEWEST = 8  # samples: fewer make no line
PARTS = 7
# Student's t, the quantile 0.9975, by degrees of freedom: the known parts less two; with none left nothing is believed
STUDENT = np.array([math.inf, math.inf, math.inf, 127.32, 14.089, 7.453, 5.598, 4.773])


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """The forecaster; `robust: false` takes least squares. `width` is the band's half in standard deviations."""

    robust: bool = True
    width: float = 3.0

    def forecast(self, values: F64, *, step_s: float, horizons_s: tuple[float, ...]) -> Forecast:
        """Return the line's values at the horizons; see `Forecaster.forecast`."""
        if not len(values):
            return _nothing(values.shape[1], len(horizons_s))
        values = np.where(np.isfinite(values), values, np.nan)
        times = step_s * np.arange(1.0 - len(values), 1.0)
        slope = median_slope(values, step_s) if self.robust else least_squares_slope(values, times)
        enough = np.isfinite(values).sum(axis=0) >= FEWEST
        slope = np.where(enough, slope, np.nan)
        rest = values - slope * times[:, None]
        now = _median(rest) if self.robust else _mean(rest)
        spread = MAD_TO_SIGMA * _median(np.abs(rest - now))
        ahead = np.array(horizons_s)[:, None]
        expected = now + slope * ahead
        window = max(step_s, -float(times[0]))
        half = self.width * spread * np.sqrt(1 + np.square(ahead / window) * 12 / len(values))
        return Forecast(
            expected=expected,
            lower=expected - half,
            upper=expected + half,
            now=now,
            slope=slope,
            uncertainty=uncertainty(rest, step_s),
        )


def median_slope(values: F64, step_s: float) -> F64:
    """Return the median slope of pairs half a window apart, in units a second; NaN where there is no pair.

    >>> median_slope(np.array([[0.0], [1.0], [90.0], [3.0], [4.0], [5.0]]), 1.0).tolist()
    [1.0]
    """
    half = max(1, len(values) // 2)
    return _median((values[half:] - values[: len(values) - half]) / (half * step_s))


def uncertainty(rest: F64, step_s: float) -> F64:
    """Return up to which size a line's slope may be chance, by what is left beside the line; +Inf where nobody knows.

    A part counts by its median, where at least half of its samples are known.

    >>> uncertainty(np.tile([[1.0], [-1.0]], (7, 1)), 60.0).tolist()  # up and down within each part
    [0.0]
    """
    length = len(rest) // PARTS
    if not length:
        return np.full(rest.shape[1], math.inf)
    parts = rest[len(rest) - PARTS * length :].reshape(PARTS, length, -1)
    middle = np.where(2 * np.isfinite(parts).sum(axis=1) >= length, _median(parts.swapaxes(0, 1)), math.nan)
    known = np.isfinite(middle)
    count = known.sum(axis=0)
    times = np.where(known, step_s * length * np.arange(PARTS)[:, None], math.nan)
    power = np.where(known, np.square(times - _mean(times)), 0).sum(axis=0)
    scatter = np.where(known, np.square(middle - _mean(middle)), 0).sum(axis=0)
    error = np.sqrt(scatter / np.maximum(count - 2, 1) / np.where(power > 0, power, 1))
    return np.asarray(np.where(count > 2, error * np.where(count > 2, STUDENT[count], 0), math.inf))


def least_squares_slope(values: F64, times_s: npt.NDArray[np.floating[Any]]) -> F64:
    """Return the slope of least squares, in units a second; NaN where fewer than two instants are known."""
    known = np.isfinite(values)
    count = known.sum(axis=0)
    times = np.where(known, times_s[:, None], 0.0)
    centred = np.where(known, times - times.sum(axis=0) / np.maximum(count, 1), 0.0)
    power = np.square(centred).sum(axis=0)
    shared = (centred * np.where(known, values, 0.0)).sum(axis=0)
    return np.asarray(np.divide(shared, power, out=np.full(values.shape[1], math.nan), where=power > 0))


def _median(values: F64) -> F64:
    """Return the median of the known values along the first axis, NaN where there is none."""
    ordered = np.sort(values, axis=0)
    count = np.isfinite(ordered).sum(axis=0)
    low, high = np.maximum(count - 1, 0) // 2, np.minimum(count // 2, max(0, len(values) - 1))
    return np.asarray((_row(ordered, low) + _row(ordered, high)) / 2)


def _row(ordered: F64, place: npt.NDArray[np.intp]) -> F64:
    return np.asarray(np.take_along_axis(ordered, place[None, :], axis=0)[0])


def _mean(values: F64) -> F64:
    known = np.isfinite(values)
    count = known.sum(axis=0)
    total = np.where(known, values, 0.0).sum(axis=0)
    return np.asarray(np.divide(total, count, out=np.full(values.shape[1], math.nan), where=count > 0))


def _nothing(series: int, horizons: int) -> Forecast:
    ahead, one = np.full((horizons, series), math.nan), np.full(series, math.nan)
    return Forecast(expected=ahead, lower=ahead, upper=ahead, now=one, slope=one, uncertainty=one)
