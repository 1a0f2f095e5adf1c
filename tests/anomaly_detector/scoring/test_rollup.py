"""From signs to scores of devices and sites."""

import numpy as np
import pytest

from anomaly_detector.models.model import F32
from anomaly_detector.scoring.groups import FALL, RISE, SIGNS
from anomaly_detector.scoring.levelling import FEWEST_DAYS
from anomaly_detector.scoring.rollup import DAY_S, TOGETHER, RollUp
from anomaly_detector.scoring.sites import HELD

STEP_S = 1800.0
DEVICES, SITES = 60, 3
SITE = np.repeat(np.arange(SITES), DEVICES // SITES)
START_S = 20_000 * DAY_S
PER_DAY = round(DAY_S / STEP_S)
THERE = np.ones(DEVICES, bool)


class Fleet:
    """Devices with a quiet life, of which some show more at times."""

    def __init__(self) -> None:
        self.random = np.random.default_rng(3)
        self.roll_up = RollUp(SITE, SITES, step_s=STEP_S, threshold=4.0)
        self.time_s = START_S

    def signs(self) -> F32:
        return self.random.exponential(0.2, (len(SIGNS), DEVICES)).astype(np.float32)

    def live(self, instants: int, loud: tuple[int, ...] = (), size: float = 60.0) -> tuple[F32, F32]:
        """Return the highest scores of every device and site over some instants."""
        group, site = np.zeros(DEVICES, np.float32), np.zeros(SITES, np.float32)
        for _ in range(instants):
            signs = self.signs()
            signs[:, list(loud)] = size
            rolled = self.roll_up.at(signs, THERE, self.time_s)
            group, site = np.maximum(group, rolled.group), np.maximum(site, rolled.site)
            self.time_s += STEP_S
        return group, site


@pytest.fixture
def fleet() -> Fleet:
    fleet = Fleet()
    fleet.live(PER_DAY * 7)
    return fleet


def test_nothing_is_said_before_days_are_known() -> None:
    fleet = Fleet()
    group, site = fleet.live(PER_DAY * FEWEST_DAYS, loud=(5,))
    assert not group.any()
    assert not site.any()
    assert not fleet.roll_up.judged.any()


def test_a_quiet_fleet_stays_below_its_threshold_and_a_loud_device_passes_it(fleet: Fleet) -> None:
    group, site = fleet.live(PER_DAY)
    assert group.max() < 1
    group, site = fleet.live(4, loud=(5,))
    assert group[5] > 1
    assert np.delete(group, 5).max() < 1
    assert site.max() < 1


def test_what_a_site_shares_is_the_sites(fleet: Fleet) -> None:
    begun, _ = fleet.live(2, loud=tuple(range(TOGETHER - 1)))
    assert (begun[: TOGETHER - 1] > 1).all()
    group, site = fleet.live(3, loud=tuple(range(20)))
    assert group[TOGETHER:].max() <= HELD
    assert site[0] > 1
    assert site[1:].max() < 1


def test_the_next_day_the_same_is_known(fleet: Fleet) -> None:
    first, _ = fleet.live(PER_DAY, loud=(5,))
    again, _ = fleet.live(PER_DAY, loud=(5,))
    assert first[5] > 1
    assert again[5] < 1


def test_devices_that_come_later_are_judged_after_their_own_days(fleet: Fleet) -> None:
    fleet.roll_up.grow(np.append(SITE, -1), SITES)
    late = np.ones(DEVICES + 1, bool)
    for _ in range(3):
        signs = np.pad(fleet.signs(), ((0, 0), (0, 1)), constant_values=60.0)
        rolled = fleet.roll_up.at(signs, late, fleet.time_s)
        fleet.time_s += STEP_S
    assert rolled.group[-1] == 0
    assert not fleet.roll_up.judged[-1]
    assert fleet.roll_up.judged[:-1].all()


def test_a_device_that_is_let_be_scores_nothing_and_learns_nothing(fleet: Fleet) -> None:
    signs, held = fleet.signs(), THERE.copy()
    signs[:, 5], held[5] = 60, False
    rolled = fleet.roll_up.at(signs, held, fleet.time_s)
    assert rolled.group[5] == 0
    assert np.nanmax(fleet.roll_up.today[:, 5], initial=0) < 5


@pytest.mark.parametrize("sign", [FALL, RISE])
def test_a_jump_of_several_devices_of_a_site_at_once_is_that_of_none(fleet: Fleet, sign: int) -> None:
    together, alone = tuple(range(5)), 30
    most = np.zeros(DEVICES, np.float32)
    for _ in range(3):
        signs = fleet.signs()
        signs[[FALL, RISE]] = 0.001
        signs[sign, [*together, alone]] = 5.0
        features = fleet.roll_up._followed(signs, THERE)[[RISE, -1]].max(axis=0)
        most = np.maximum(most, features)
    assert most[alone] > 4
    assert most[list(together)].max() < 0.01
