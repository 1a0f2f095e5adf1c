"""What every way to take a device's series together promises: the suite runs over all that the configuration knows."""

from typing import get_args

import numpy as np
import pytest

from anomaly_detector.grouping.blocks import Groups
from anomaly_detector.scoring.groups import BREADTH, Grouped, GroupScore, Signs
from heronwatch.config import loads

STEP_S = 1800.0
DEVICES, SERIES = 4, 8
GROUP = np.repeat(np.arange(DEVICES), SERIES)
LEARN = np.ones(DEVICES, bool)
DAYS = 2


class Watched:
    """Some devices under one score; `breadth` goes on by an instant."""

    def __init__(self, score: GroupScore) -> None:
        self.signs = Signs(Grouped(GROUP, DEVICES), len(GROUP), STEP_S, score=score)
        self.random = np.random.default_rng(8)

    def breadth(self, trouble: float = 0.0) -> np.ndarray:
        """Scores as they are on quiet days; all series of the first device are off by `trouble`, to either side."""
        off = self.random.normal(0, 0.2, len(GROUP)).astype(np.float32)
        off[:SERIES] += trouble * np.where(np.arange(SERIES) % 3, 1, -1)
        values = 100 + off.astype(np.float64)
        return self.signs.take(np.abs(off), values, off, LEARN)[0][BREADTH]


@pytest.fixture(params=get_args(GroupScore))
def watched(request: pytest.FixtureRequest) -> Watched:
    """Devices that have lived through DAYS quiet days."""
    made = Watched(request.param)
    for _ in range(round(DAYS * 86_400 / STEP_S)):
        made.breadth()
    return made


@pytest.mark.parametrize("score", get_args(GroupScore))
def test_it_can_be_asked_for(score: GroupScore) -> None:
    assert loads(f"{{score: {score}}}", Groups, env={}).value.score == score


def test_trouble_of_a_device_stands_out_among_the_others(watched: Watched) -> None:
    quiet = np.array([watched.breadth() for _ in range(20)])
    first, *others = watched.breadth(2.0)
    assert first > 2 * quiet.max()
    assert max(others) <= 1.5 * quiet.max()


def test_trouble_that_grows_is_told_as_more(watched: Watched) -> None:
    told = [watched.breadth(size)[0] for size in (0.5, 1.5, 4.5)]
    assert told == sorted(told)
    assert told[-1] > 1.5 * told[0]


def test_a_device_without_a_sample_says_nothing_strange(watched: Watched) -> None:
    off = np.zeros(len(GROUP), np.float32)
    values = np.full(len(GROUP), np.nan)
    signs, there = watched.signs.take(off, values, off, LEARN)
    assert not there.any()
    assert not signs[BREADTH].any()


def test_devices_that_come_and_go_leave_the_others_what_they_know(watched: Watched) -> None:
    before = watched.signs.take(np.ones(len(GROUP), np.float32), np.ones(len(GROUP)), np.ones(len(GROUP)), LEARN)[0]
    more = np.append(GROUP, np.full(3, DEVICES))
    watched.signs.regroup(Grouped(more, DEVICES + 1), np.arange(len(GROUP), len(more)))
    after = watched.signs.take(
        np.ones(len(more), np.float32), np.ones(len(more)), np.ones(len(more)), np.append(LEARN, True)
    )
    np.testing.assert_allclose(after[0][BREADTH, :DEVICES], before[BREADTH], rtol=0.2)
    assert np.isfinite(after[0]).all()
