"""What a first fit makes of an incident in history, and what becomes of a level that lasts."""

import numpy as np
import pytest

from anomaly_detector.models.model import DAY_S, F64, Grid, History, Model
from anomaly_detector.models.registry import models

STEP_S = 300.0
PAST = int(7 * DAY_S / STEP_S)
HOUR = int(3600 / STEP_S)
SERIES = 8
STRUCK = 2
MODELS = ("bank", "seasonal_robust", "holt_winters", "static_z")


def made(name: str, **options: float) -> Model:
    plugin = models().get(name)
    return plugin.make(plugin.options(**options))


def power(count: int) -> F64:
    """Power strips of about 300 W with the rhythm of a day."""
    times = np.arange(count)[:, None] * STEP_S
    noise = np.random.default_rng(9).normal(0, 6, (count, SERIES))
    return np.asarray(300 + 40 * np.sin(2 * np.pi * times / DAY_S) + noise)


def grid(place: int) -> Grid:
    return Grid(time_s=place * STEP_S, step_s=STEP_S, day_s=place * STEP_S % DAY_S)


def history(values: F64) -> History:
    day_s = np.arange(len(values)) * STEP_S % DAY_S
    return History(values=values, day_s=day_s, step_s=STEP_S, target_step_s=STEP_S)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("hours", [1, 3, 8])
def test_an_unmarked_incident_in_history_does_not_blind_its_series(name: str, hours: int) -> None:
    values, every = power(PAST + 1), np.ones(SERIES, bool)
    values[900 : 900 + hours * HOUR, STRUCK] += 900
    model = made(name)
    state = model.fit(history(values[:PAST]), np.ones((PAST, SERIES), bool))
    verdict = model.step(values[PAST], state, every, grid(PAST))
    width = verdict.upper - verdict.lower
    assert width[STRUCK] < 1.5 * np.median(width)
    assert (model.step(values[PAST] + 300, state, every, grid(PAST + 1)).score > 1).all()  # a third of the incident


@pytest.mark.parametrize("name", MODELS)
def test_a_level_that_lasts_is_accepted_lost_samples_or_not_and_one_that_was_well_is_not(name: str) -> None:
    values, every = power(PAST + 14 * HOUR), np.ones(SERIES, bool)
    model = made(name, accept_after=6 * 3600.0)
    state = model.fit(history(values[:PAST]), np.ones((PAST, SERIES), bool))
    values[PAST:] += 900
    values[PAST + HOUR : PAST + 7 * HOUR, 0] -= 900  # well again, so that its six hours begin anew
    values[PAST + 1 :: 9, 1] = np.nan
    above = np.array([model.step(row, state, every, grid(PAST + at)).score for at, row in enumerate(values[PAST:])]) > 1
    assert above[: 6 * HOUR, 2:].all()
    assert not above[13 * HOUR :, 1:].any()
    assert above[7 * HOUR : 13 * HOUR, 0].all()
