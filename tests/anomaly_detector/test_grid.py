"""Instants, chunks of history, time of day."""

from zoneinfo import ZoneInfo

import numpy as np
import pytest

from anomaly_detector.grid import chunks, day_seconds, history_step, instants_due, newest_instant


@pytest.mark.parametrize(
    ("now", "step", "offset", "newest"),
    [
        (1000.0, 60, 0, 960),
        (1020.0, 60, 0, 1020),
        (1020.0, 60, 2, 960),
        (1022.0, 60, 2, 1020),
        (1763700007.9, 15, 2, 1763700000),
    ],
)
def test_newest_instant(now: float, step: float, offset: float, newest: float) -> None:
    assert newest_instant(now, step, offset) == newest


@pytest.mark.parametrize(
    ("last", "newest", "most", "reach", "due"),
    [
        (960, 1020, 10, 3600, [1020]),
        (1020, 1020, 10, 3600, []),
        (1080, 1020, 10, 3600, []),  # the clock went back
        (900, 1080, 2, 3600, [960, 1020]),
        (0, 1080, 10, 120, [960, 1020, 1080]),  # what is too old is given up
    ],
)
def test_instants_due(last: float, newest: float, most: int, reach: float, due: list[float]) -> None:
    assert instants_due(last, newest, 60.0, most=most, reach_s=reach).tolist() == due


@pytest.mark.parametrize(("series", "step"), [(1, 60.0), (1000, 120.0), (100_000, 7560.0), (0, 60.0)])
def test_history_is_coarser_the_more_series_there_are(series: int, step: float) -> None:
    assert history_step(60.0, 604_800.0, series=series, max_points=8_000_000) == step


def test_history_of_few_series_is_not_endless() -> None:
    assert history_step(1.0, 604_800.0, series=2, max_points=8_000_000) == 13.0


def test_chunks_cover_everything_once() -> None:
    times = np.arange(25.0)
    parts = list(chunks(times, 10))
    assert [len(part) for part in parts] == [10, 10, 5]
    assert np.concatenate(parts).tolist() == times.tolist()


def test_the_day_follows_the_timezone_through_a_change_to_summer_time() -> None:
    berlin = ZoneInfo("Europe/Berlin")  # 2026-03-29 01:00 UTC: 02:00 becomes 03:00
    change = 1_774_746_000.0
    times = np.array([change - 1, change, change + 3600])
    assert day_seconds(times, berlin).tolist() == [7199.0, 3 * 3600.0, 4 * 3600.0]


def test_no_instants_no_days() -> None:
    assert day_seconds(np.zeros(0), ZoneInfo("UTC")).tolist() == []
