"""Episodes, notifications, the sensitivity that meets a budget, what was found of known incidents."""

import numpy as np
import pytest

from anomaly_detector.backtest.alarms import (
    SENSITIVITIES,
    alarms_at,
    episodes,
    groups,
    meeting,
)


def found(text: str, *, least: int = 1, apart: int = 0) -> list[tuple[int, int, int]]:
    """`text`: a line for each series, # where the score is above 1."""
    above = np.array([[char == "#" for char in line] for line in text.split()])
    return list(zip(*(one.tolist() for one in episodes(above, least=least, apart=apart)), strict=True))


@pytest.mark.parametrize(
    ("text", "least", "apart", "want"),
    [
        ("....", 1, 0, []),
        ("####", 1, 0, [(0, 0, 3)]),
        ("#..#", 1, 0, [(0, 0, 0), (0, 3, 3)]),
        ("#..#", 1, 2, [(0, 0, 3)]),
        ("#..#", 1, 1, [(0, 0, 0), (0, 3, 3)]),
        ("#.##", 2, 5, [(0, 2, 3)]),
        ("..## ##..", 1, 9, [(0, 2, 3), (1, 0, 1)]),
    ],
)
def test_episodes(text: str, least: int, apart: int, want: list[tuple[int, int, int]]) -> None:
    assert found(text, least=least, apart=apart) == want


def test_no_series_no_episode() -> None:
    assert [len(one) for one in episodes(np.zeros((0, 5), bool), least=1, apart=0)] == [0, 0, 0]


def test_a_higher_sensitivity_never_alarms_later() -> None:
    scores = np.random.default_rng(1).gamma(2, 0.3, (20, 500)).astype(np.float32)
    found = [alarms_at(scores, one, least=1, apart=10)[:2] for one in (0.5, 1, 2)]
    firsts = [dict(reversed(list(zip(*one, strict=True)))) for one in found]
    assert all(firsts[1][series] <= first for series, first in firsts[0].items())
    assert all(firsts[2][series] <= first for series, first in firsts[1].items())


def test_alarms_of_one_host_close_together_are_one_notification() -> None:
    group, count = groups(np.array([0, 1, 0, 0]), np.array([500.0, 510.0, 100.0, 9000.0]), apart_s=3600.0)
    assert count == 3
    assert group[0] == group[2] != group[3]


def test_no_sensitivity_may_meet_a_budget() -> None:
    assert meeting(SENSITIVITIES, np.full(len(SENSITIVITIES), 9.0), 5.0) is None
    assert 1.0 in SENSITIVITIES
