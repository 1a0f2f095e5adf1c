"""The trend: where a line leads, when it meets a threshold, and what does not bend it."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from anomaly_detector.models.model import DAY_S, Grid, History, State, Verdict
from anomaly_detector.models.trend import BINS, Horizon, Threshold, Trend, TrendOptions
from heronwatch.values import Duration
from tests.fakes.detector_plans import plan

STEP_S = 600.0
SLOPE = 1.0 / 3600  # a second
HORIZONS = (Horizon.parse("4h"), Horizon.parse("1d"))


def filled(times: np.ndarray, *, seed: int = 1, series: int = 3) -> np.ndarray:
    """Disks that fill by one an hour, from 100 at time 0."""
    return 100 + SLOPE * times[:, None] + np.random.default_rng(seed).normal(0, 0.5, (len(times), series))


def fitted(**options: object) -> tuple[Trend, State]:
    return learnt(np.arange(0, 7 * DAY_S, STEP_S), filled, **options)


def learnt(times: np.ndarray, life: Callable[[np.ndarray], np.ndarray], **options: object) -> tuple[Trend, State]:
    model, values = Trend(TrendOptions(horizons=HORIZONS, **options)), life(times)
    history = History(values=values, day_s=times % DAY_S, step_s=STEP_S, target_step_s=STEP_S)
    return model, model.fit(history, np.ones(values.shape, bool))


def warmer_on_workdays(times: np.ndarray) -> np.ndarray:
    """Thirty temperatures around 31 that lead nowhere: 2.4 less on two days of seven, and a rhythm of the day."""
    workday = (times // DAY_S % 7 < 5)[:, None]
    day = np.sin(2 * np.pi * times / DAY_S)[:, None]
    return 31 + 2.4 * workday + 1.5 * day + np.random.default_rng(3).normal(0, 0.3, (len(times), 30))


def left_s(model: Trend, state: State, life: Callable[[np.ndarray], np.ndarray], time_s: float) -> np.ndarray:
    """Return what is told of the time to the threshold at an instant."""
    values = life(np.array([time_s]))[0]
    return np.asarray(see(model, state, values, time_s).ahead["forecast_time_to_threshold_seconds", ""])


def see(model: Trend, state: State, values: np.ndarray, time_s: float) -> Verdict:
    grid = Grid(time_s=time_s, step_s=STEP_S, day_s=time_s % DAY_S)
    return model.step(values, state, np.ones(len(values), bool), grid)


def follow(model: Trend, state: State, *, first_s: float, days: float, spike: float = 0.0) -> Verdict:
    times = np.arange(first_s, first_s + days * DAY_S, STEP_S)
    for time_s, values in zip(times.tolist(), filled(times, seed=2), strict=True):
        now = values + (spike if time_s % DAY_S < 7200 else 0)
        verdict = see(model, state, now, time_s)
    return verdict


@pytest.mark.parametrize("robust", [True, False])
def test_the_line_leads_where_the_series_goes(robust: bool) -> None:
    model, state = fitted(robust=robust)
    verdict = follow(model, state, first_s=7 * DAY_S, days=2)
    for horizon, ahead_s in (("4h", 14_400), ("1d", DAY_S)):
        truth = 100 + SLOPE * (9 * DAY_S - STEP_S + ahead_s)
        assert verdict.ahead["forecast", horizon] == pytest.approx(truth, abs=1.5)
        assert (verdict.ahead["forecast_lower", horizon] < truth).all()
        assert (verdict.ahead["forecast_upper", horizon] > truth).all()


def test_a_horizon_is_called_what_the_configuration_calls_it() -> None:
    query = plan(models="{m: {class: trend, horizons: [24h, 7d]}, n: {class: trend}}")
    usual, day = query.lanes[1].make(), query.lanes[0].make()
    for model, names in ((day, {"24h", "7d"}), (usual, {"4h", "1d", "7d"})):
        verdict = see(model, model.blank(1), np.ones(1), 0.0)
        assert {horizon for name, horizon in verdict.ahead if name == "forecast"} == names
    assert "Duration('1w')" in dict(query.lanes[0].told()[2])["horizons"]  # snapshots of old still fit


def test_temporary_files_do_not_bend_it() -> None:
    model, state = fitted()
    verdict = follow(model, state, first_s=7 * DAY_S, days=3, spike=60)
    assert verdict.ahead["forecast", "1d"] == pytest.approx(100 + SLOPE * 11 * DAY_S, abs=3)


def test_a_threshold_is_met_when_the_line_says() -> None:
    model, state = fitted(threshold=Threshold(type="ge", value=100 + SLOPE * 10 * DAY_S))
    verdict = see(model, state, filled(np.array([7 * DAY_S]))[0], 7 * DAY_S)
    assert verdict.ahead["forecast_time_to_threshold_seconds", ""] == pytest.approx(3 * DAY_S, rel=0.05)


@pytest.mark.parametrize(("kind", "value", "seconds"), [("le", 0, math.inf), ("ge", 1e6, math.inf), ("ge", 50, 0)])
def test_what_it_is_not_heading_for_is_never(kind: str, value: float, seconds: float) -> None:
    model, state = fitted(threshold=Threshold(type=kind, value=value))
    verdict = see(model, state, filled(np.array([7 * DAY_S]))[0], 7 * DAY_S)
    assert set(verdict.ahead["forecast_time_to_threshold_seconds", ""].tolist()) == {seconds}


@pytest.mark.parametrize("robust", [True, False])
@pytest.mark.parametrize("weekday", range(7))
@pytest.mark.parametrize("hour", [0, 16])
def test_the_rhythm_of_a_week_heads_nowhere(weekday: int, hour: int, robust: bool) -> None:
    ends_s = (7 + weekday) * DAY_S + hour * 3600
    times = np.arange(ends_s - 7 * DAY_S, ends_s, STEP_S)
    for kind, value in (("ge", 60.0), ("le", 5.0)):
        model, state = learnt(times, warmer_on_workdays, robust=robust, threshold=Threshold(type=kind, value=value))
        assert np.isinf(left_s(model, state, warmer_on_workdays, ends_s)).all()


@pytest.mark.parametrize("robust", [True, False])
@pytest.mark.parametrize("weekday", range(7))
def test_a_growth_keeps_its_time_beside_the_rhythm(weekday: int, robust: bool) -> None:
    """Two a day, with a week whose rhythm is more than that of a day."""

    def life(times: np.ndarray) -> np.ndarray:
        return warmer_on_workdays(times) + 2 / DAY_S * (times[:, None] - ends_s)

    ends_s = (7 + weekday) * DAY_S
    threshold = Threshold(type="ge", value=31 + 60.0)
    model, state = learnt(np.arange(ends_s - 7 * DAY_S, ends_s, STEP_S), life, robust=robust, threshold=threshold)
    left = left_s(model, state, life, ends_s)
    assert left == pytest.approx(30 * DAY_S, rel=0.4)


def test_growth_that_lasts_a_day_is_not_believed_yet() -> None:
    model, state = learnt(np.arange(6 * DAY_S, 7 * DAY_S, STEP_S), filled, threshold=Threshold(type="ge", value=1e3))
    said = {}
    for time_s in np.arange(7 * DAY_S, 11 * DAY_S, STEP_S).tolist():
        said[time_s / DAY_S] = left_s(model, state, filled, time_s)
    believed = min(day for day, left in said.items() if np.isfinite(left).all())
    assert 8 < believed <= 9.7
    assert said[max(said)] == pytest.approx((1e3 - 100) / SLOPE - 11 * DAY_S, rel=0.1)


def test_without_history_it_says_nothing_until_it_has_learnt() -> None:
    model = Trend(TrendOptions(horizons=HORIZONS))
    state = model.blank(3)
    first = see(model, state, np.full(3, 100.0), 0.0)
    assert all(np.isnan(values).all() for values in first.ahead.values())
    verdict = follow(model, state, first_s=STEP_S, days=8)
    assert verdict.ahead["forecast", "1d"] == pytest.approx(100 + SLOPE * 9 * DAY_S, abs=4)


def test_a_gap_longer_than_the_window_leaves_nothing_old() -> None:
    model, state = fitted()
    before = filled(np.array([7 * DAY_S]))[0]
    see(model, state, before, 7 * DAY_S)
    see(model, state, np.full(3, 7.0), 30 * DAY_S)
    assert np.isfinite(state["means"]).sum(axis=0).tolist() == [1] * 3  # the bin that was open when the gap began
    assert state["means"].shape == (BINS, 3)
    assert not state["slope"].any()


def test_a_horizon_twice_is_a_fault_of_the_configuration() -> None:
    options = TrendOptions(horizons=(HORIZONS[0], HORIZONS[0]), window=Duration(60))
    assert [place for place, _ in options.config_faults()] == ["window", "horizons[1]"]
