"""The one incident of a history is left out; whatever recurs, lasts or goes on is not."""

from collections.abc import Callable

import numpy as np
import pytest

from anomaly_detector.models.model import DAY_S, F64, History
from anomaly_detector.scoring.incidents import without_incident

STEP_S = 300.0
HOUR = int(3600 / STEP_S)
DAY = 24 * HOUR
SERIES = 3
Shape = Callable[[F64], None]


def past(shape: Shape, *, days: int = 7) -> F64:
    """Days of 300 W with a rhythm and noise, of which `shape` changes the second series."""
    times = np.arange(days * DAY) * STEP_S
    noise = np.random.default_rng(7).normal(0, 6, (len(times), SERIES))
    values = 300 + 40 * np.sin(2 * np.pi * times[:, None] / DAY_S) + noise
    shape(values[:, 1])
    return values


def left(values: F64) -> F64:
    day_s = np.arange(len(values)) * STEP_S % DAY_S
    return without_incident(values, History(values=values, day_s=day_s, step_s=STEP_S, target_step_s=STEP_S))


def added(*spans: tuple[float, float], watts: float = 900.0) -> Shape:
    """So many watts more from an hour of history on, for hours."""

    def shape(series: F64) -> None:
        for begins, hours in spans:
            series[int(begins * HOUR) : int((begins + hours) * HOUR)] += watts

    return shape


def bursts(series: F64) -> None:
    random = np.random.default_rng(8)
    for begins in random.integers(0, len(series), 14):
        series[begins : begins + random.integers(3, 24)] += random.uniform(300, 900)


def idle(series: F64) -> None:
    series[:] = 0
    series[60 * HOUR : 63 * HOUR] = 900


def closed_one_day(series: F64) -> None:
    for day in range(6):
        series[day * DAY + 8 * HOUR : day * DAY + 18 * HOUR] += 400


def one_night_without(series: F64) -> None:
    added(*((24.0 * day + 2, 3.0) for day in range(7) if day != 3))(series)


@pytest.mark.parametrize(("begins", "hours"), [(0, 3), (60, 1), (60, 3), (60, 10), (162, 3)])
@pytest.mark.parametrize("watts", [900.0, -250.0])
def test_an_incident_is_left_out_whole_and_nothing_else(begins: int, hours: int, watts: float) -> None:
    values = past(added((begins, hours), watts=watts))
    gone = np.isnan(left(values))
    assert gone[begins * HOUR : (begins + hours) * HOUR, 1].all()
    assert gone[:, 1].sum() <= (hours + 1) * HOUR
    assert not gone[:, [0, 2]].any()


@pytest.mark.parametrize(
    "shape",
    [
        pytest.param(added(*((24.0 * day + 2, 3.0) for day in range(7))), id="every night"),
        pytest.param(added((30.0, 3.0), (110.0, 3.0)), id="twice"),
        pytest.param(bursts, id="bursts"),
        pytest.param(closed_one_day, id="one day off"),
        pytest.param(one_night_without, id="one night without its job"),
        pytest.param(added((60.0, 20.0)), id="most of a day"),
        pytest.param(added((100.0, 68.0)), id="a new level"),
        pytest.param(added((165.0, 3.0)), id="goes on"),
        pytest.param(added((60.0, 0.25)), id="too short to matter"),
        pytest.param(added((60.0, 3.0), watts=10.0), id="near"),
        pytest.param(idle, id="otherwise idle"),
    ],
)
def test_what_is_no_incident_stays(shape: Shape) -> None:
    values = past(shape)
    assert np.array_equal(left(values), values)


def test_two_days_tell_nothing() -> None:
    values = past(added((20.0, 2.0)), days=2)
    assert np.array_equal(left(values), values)


def test_a_series_of_which_little_is_known_stays() -> None:
    values = past(added((130.0, 2.0)))
    values[: 5 * DAY, 1] = np.nan
    assert np.array_equal(left(values), values, equal_nan=True)
