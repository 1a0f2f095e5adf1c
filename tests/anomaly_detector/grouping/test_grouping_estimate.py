"""`check --history`: what the past says about alarms, and what may not page."""

import argparse

import msgspec
import numpy as np
import pytest

from anomaly_detector.cli import COMMAND
from anomaly_detector.grouping.blocks import Share
from anomaly_detector.grouping.cli import refusal, text
from anomaly_detector.grouping.estimate import Estimate, chance, estimates
from anomaly_detector.grouping.tally import highest
from tests.fakes.detector_plans import NOWHERE, config
from tests.fakes.prom_api import FakePromApi, Series

NOW_S = 1_763_700_000.0
DAY_S = 86_400.0
HISTORY_S = 8 * DAY_S
READER = f"reader: {{datasource_url: '{NOWHERE}', sampling_period: 30m, queries: {{cpu: {{expr: cpu, page: true}}}}}}\n"


def life(seed: int, wild_after_s: float = np.inf) -> Series:
    """A device's value: calm, or jumping a little further every few hours from some time on."""
    noise = np.random.default_rng(seed).normal(0, 1, 2000)

    def at(time_s: float) -> float:
        step = int((time_s - (NOW_S - 20 * DAY_S)) / 1800) % 2000
        wild = time_s > wild_after_s and step % 12 < 3
        return 50 + float(noise[step]) + (0.5 * (step % 1000) if wild else 0.0)

    return at


def played(**devices: Series) -> Estimate:
    given = config(READER + "groups: {device: n}\n")
    source = FakePromApi(NOW_S, **devices)
    (one,) = estimates(given, lambda _plan: source, history_s=HISTORY_S, told=lambda _query, _share: None)
    assert source.closed
    return one


def test_a_calm_past_costs_nothing() -> None:
    one = played(**{f"sw{seed}": life(seed) for seed in range(30)})
    assert (one.devices, one.notifications, one.above) == (30, 0, False)
    assert one.weeks == pytest.approx(5 / 7, rel=0.25)
    assert one.allowed_per_week == 0.25  # the least that a budget allows


def test_a_past_with_new_troubles_every_day_is_above_the_budget() -> None:
    devices = {f"sw{seed}": life(seed) for seed in range(26)}
    wild = {f"wild{seed}": life(seed, NOW_S - (4.5 - seed) * DAY_S) for seed in range(4)}
    one = played(**devices, **wild)
    assert one.notifications >= 2
    assert one.above
    assert len(one.named) == one.notifications
    assert all(who.name.startswith("wild") and who.peak > 1 for who in highest(one.named))
    assert "Z wild" in text(one).splitlines()[1]


ONE = Estimate(query="cpu", page=True, team="everyone", devices=200, notifications=6, weeks=1.5, allowed_per_week=0.5)


def test_what_is_printed() -> None:
    assert text(ONE) == ("alarms  cpu: 4 a week expected for 200 devices (6 within 10.5 days), 0.5 allowed (everyone)")
    assert refusal(ONE) == (
        "reader.queries.cpu.page: 4 notifications a week are expected (6 within 10.5 days), its part of the budget of "
        "'everyone' is 0.5 (of 200 devices): put incidents of that time into settings.learning_pauses, raise "
        "min_dev_from_expected, write budget.per_week: 8.8 (a week for each 1,000 devices; then check again, as more "
        "is notified), or set page: false"
    )
    team = msgspec.structs.replace(ONE, team="facility", queries=3)
    assert "(of 200 devices, shared by 3 queries)" in refusal(team)
    assert "write budget.teams.facility.per_week: 27 " in refusal(team)


@pytest.mark.parametrize(("devices", "notifications", "queries"), [(6, 1, 10), (6, 4, 1), (3000, 50, 7)])
def test_the_budget_that_is_advised_is_enough(devices: int, notifications: int, queries: int) -> None:
    one = msgspec.structs.replace(ONE, devices=devices, notifications=notifications, queries=queries)
    enough = Share(team="everyone", per_week=one.enough_per_week, queries=queries).allowed(devices)
    assert not msgspec.structs.replace(one, allowed_per_week=enough).above
    assert msgspec.structs.replace(one, allowed_per_week=enough * 0.85).above


def test_what_cannot_be_said_is_no_leave_to_page() -> None:
    none = msgspec.structs.replace(ONE, notifications=0, weeks=0.1)
    assert not none.known
    assert not none.above
    assert text(none) == "alarms  cpu: not known, no device could be judged for a day (200 seen)"
    assert "how often it would page cannot be said" in refusal(none)


@pytest.mark.parametrize(("count", "mean", "expected"), [(0, 2.0, 1.0), (1, 2.0, 0.8647), (5, 2.0, 0.0527)])
def test_chance_of_so_many_or_more(count: int, mean: float, expected: float) -> None:
    assert chance(count, mean) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("history", ["2d", "soon", "100000d"])
def test_a_history_that_is_too_short_too_long_or_none_is_refused(
    history: str, capsys: pytest.CaptureFixture[str]
) -> None:
    parser = argparse.ArgumentParser()
    COMMAND.add_arguments(parser)
    given = parser.parse_args(["check", "--config.file", "/nonexistent.yml", "--history", history])
    assert COMMAND.run(given) == 2
    printed = capsys.readouterr()
    assert "--history" in printed.err
    assert printed.out == ""
