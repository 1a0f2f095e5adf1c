"""What a site has in common, and what a device shows beyond it."""

import numpy as np
import pytest

from anomaly_detector.scoring.sites import PEERS, SHARED, THIRD, Apart, beyond_sites

STEP_S = 300.0


def test_a_device_counts_by_what_it_shows_beyond_its_site() -> None:
    site = np.array([0] * PEERS + [1] * (PEERS - 1) + [-1])
    score = np.full(len(site), 0.8, np.float32)
    score[[0, PEERS, -1]] = 1.5
    expected = score.copy()
    expected[0] = 0.7
    np.testing.assert_allclose(beyond_sites(score, site), expected, atol=1e-6)


@pytest.mark.parametrize("others", range(6))
def test_what_a_third_of_the_others_shows_is_the_sites(others: int) -> None:
    site = np.array([7, 0, 7, 7, -1, 7, 7, 0, 7, 7])
    shown = np.zeros(len(site), np.float32)
    at_site = np.flatnonzero(site == 7)
    shown[at_site[: others + 1]] = 1.0
    shown[[1, 4]] = 1.0
    apart = Apart(site, STEP_S).of(shown)
    assert (apart[at_site[: others + 1]] == (1 if others < THIRD else 0)).all()
    assert apart[[1, 4]].tolist() == [1, 1]
    assert not apart[np.setdiff1d(np.arange(len(site)), [*at_site, 1, 4])].any()


def test_what_goes_far_beyond_the_others_is_left_of_it() -> None:
    apart = Apart(np.zeros(5, np.intp), STEP_S)
    shown = np.array([5.0, 1.0, 1.0, 1.0, 1.0], np.float32)
    assert apart.of(shown).tolist() == [5 - float(SHARED), 0, 0, 0, 0]


def test_others_may_have_shown_it_a_sample_ago_and_not_for_ever() -> None:
    apart, site = Apart(np.zeros(6, np.intp), STEP_S), np.arange(6)
    assert not apart.of((site < 5).astype(np.float32))[:5].any()
    late = (site == 5).astype(np.float32)
    assert apart.of(late)[5] < 0.1
    for _ in range(12):
        apart.of(np.zeros(6, np.float32))
    assert apart.of(late)[5] > 0.9


def test_devices_that_come_later_have_shown_nothing_yet() -> None:
    apart = Apart(np.zeros(0, np.intp), STEP_S)
    assert apart.of(np.zeros(0, np.float32)).shape == (0,)
    apart.grow(np.array([3, 3, -1]))
    assert apart.of(np.ones(3, np.float32)).tolist() == [1, 1, 1]
    apart.grow(np.array([3, 3, -1, 3, 3, 3]))
    assert apart.recent.tolist() == [1, 1, 1, 0, 0, 0]
