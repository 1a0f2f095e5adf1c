"""The forecasting seam: where a series is heading, at named horizons, and when it meets a threshold.

Forecasters are pure and vectorised, as models are: history in, values out, one column for each series.
"""

from typing import Literal, Protocol

import msgspec
import numpy as np

from anomaly_detector.models.model import F64

FORECAST, LOWER, UPPER = "forecast", "forecast_lower", "forecast_upper"  # each with a label `horizon`
TO_THRESHOLD = "forecast_time_to_threshold_seconds"


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """What is expected at each horizon, with its band; arrays (horizons, series), NaN for a series without history.

    `now` and `slope` (a second) are of the line behind it, for `time_to_threshold`; a slope up to `uncertainty` may be
    chance, +Inf or NaN where that is not known.
    """

    expected: F64
    lower: F64
    upper: F64
    now: F64
    slope: F64
    uncertainty: F64


class Forecaster(Protocol):
    """Says where series are heading."""

    def forecast(self, values: F64, *, step_s: float, horizons_s: tuple[float, ...]) -> Forecast:
        """Return the forecast from `values` (instants, series), oldest first, NaN where there was no sample.

        Horizons are seconds after the last instant.
        """
        ...


def time_to_threshold(forecast: Forecast, value: float, kind: Literal["ge", "le"]) -> F64:
    """Return the seconds until the line is at or above (`ge`) or at or below (`le`) a value.

    0 where it already is, +Inf where it is not heading there, where its slope may be chance, or nothing is known.

    >>> line = dict.fromkeys(("expected", "lower", "upper"), np.zeros((0, 4)))
    >>> sure = {"now": np.array([10.0, 10.0, 10.0, 1.0]), "uncertainty": np.array([0.1, 0.6, 0.1, 0.1])}
    >>> heading = Forecast(slope=np.array([-0.5, -0.5, 0.5, 0.0]), **sure, **line)
    >>> time_to_threshold(heading, 2.0, "le").tolist()
    [16.0, inf, inf, 0.0]
    """
    sign = 1.0 if kind == "ge" else -1.0
    gap, speed = sign * (value - forecast.now), sign * forecast.slope
    known = np.isfinite(gap) & np.isfinite(speed)
    moving = known & (speed > forecast.uncertainty)
    ahead = np.divide(gap, speed, out=np.full(gap.shape, np.inf), where=moving)
    return np.where(known & (gap <= 0), 0.0, np.maximum(ahead, 0))
