"""Free days: weekends and holidays by the local clock, and the models that know them."""

from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomaly_detector.grid import local_seconds
from anomaly_detector.models.model import DAY_S, Grid, History
from anomaly_detector.models.registry import models
from anomaly_detector.scoring.calendar import WEEKDAYS, Calendar, free_days

AUCKLAND = ZoneInfo("Pacific/Auckland")  # 12 or 13 hours ahead of UTC
STEP_S = 600.0


@given(st.floats(0, 4e9), st.sampled_from(["Pacific/Auckland", "Europe/Berlin", "America/Los_Angeles", "UTC"]))
def test_the_weekday_is_that_of_the_local_clock(time_s: float, zone: str) -> None:
    local = datetime.fromtimestamp(time_s, ZoneInfo(zone))
    calendar = Calendar(free_weekdays=(WEEKDAYS[local.weekday()],))
    assert free_days(local_seconds(np.array([time_s]), ZoneInfo(zone)), calendar).tolist() == [True]


def test_a_holiday_lasts_from_midnight_to_midnight_over_a_change_of_the_clock() -> None:
    first = datetime(2026, 10, 25, tzinfo=ZoneInfo("Europe/Berlin")).timestamp()  # 25 hours long
    times = first + 3600.0 * np.arange(-1, 27)
    calendar = Calendar(free_weekdays=(), holidays=("2026-10-25",))
    free = free_days(local_seconds(times, ZoneInfo("Europe/Berlin")), calendar)
    assert free.tolist() == [False] + [True] * 25 + [False] * 2


def test_a_date_without_year_comes_every_year() -> None:
    times = np.array([datetime(year, 12, 25, 12, tzinfo=AUCKLAND).timestamp() for year in (2025, 2026, 2027)])
    assert free_days(local_seconds(times, AUCKLAND), Calendar(free_weekdays=(), holidays=("12-25",))).all()


@pytest.mark.parametrize("text", ["2026-02-30", "13-01", "easter", ""])
def test_what_is_no_date_is_a_fault(text: str) -> None:
    assert [place for place, _ in Calendar(holidays=(text,)).config_faults()] == ["holidays[0]"]


def office(days: int, calendar: Calendar | None) -> tuple[History, np.ndarray]:
    """A load that rises by day, but not on Saturdays and Sundays; the first day is a Thursday."""
    times = np.arange(0, days * DAY_S, STEP_S)
    weekend = free_days(times, Calendar())
    work = 80 * np.maximum(0, np.sin(2 * np.pi * times / DAY_S)) * ~weekend
    values = 100 + work[:, None] + np.random.default_rng(1).normal(0, 2, (len(times), 4))
    free = free_days(times, calendar)
    return History(values=values, day_s=times % DAY_S, step_s=STEP_S, target_step_s=STEP_S, free=free), times


def judged(name: str, calendar: Calendar | None) -> tuple[float, float]:
    """The highest score of a week as it should be, and that of a Tuesday on which nobody comes to work."""
    plugin = models().get(name)
    model = plugin.make(plugin.options())
    past, _ = office(14, calendar)
    state = model.fit(past, np.ones(past.values.shape, bool))
    now, times = office(21, calendar)
    quiet, strike = [0.0], [0.0]
    for place in np.flatnonzero(times >= 14 * DAY_S).tolist():
        time_s = float(times[place])
        free = bool(now.free is not None and now.free[place])
        grid = Grid(time_s=time_s, step_s=STEP_S, day_s=time_s % DAY_S, free=free)
        is_tuesday = times[place] // DAY_S == 19
        values = np.full(4, 100.0) if is_tuesday else now.values[place]
        score = float(model.step(values, state, np.ones(4, bool), grid).score.max())
        (strike if is_tuesday else quiet).append(score)
    return max(quiet), max(strike)


@pytest.mark.parametrize("name", ["bank", "seasonal_robust"])
def test_with_a_calendar_weekends_do_not_hide_what_is_missing_on_a_workday(name: str) -> None:
    _, blunt_strike = judged(name, None)
    quiet, strike = judged(name, Calendar())
    assert quiet <= 1
    assert strike > 1
    assert strike > 2 * blunt_strike


@pytest.mark.parametrize("name", ["bank", "seasonal_robust"])
def test_a_history_of_free_days_alone_is_learnt_as_any_other(name: str) -> None:
    plugin = models().get(name)
    past, _ = office(3, None)
    free = msgspec.structs.replace(past, free=np.ones(len(past.values), bool))
    state = plugin.make(plugin.options()).fit(free, np.ones(past.values.shape, bool))
    assert all(np.isfinite(array).all() for array in state.values())
