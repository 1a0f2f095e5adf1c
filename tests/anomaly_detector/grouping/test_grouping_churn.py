"""Devices that come and go for ever: they are forgotten like series, and take no more room than those of a time."""

import json
from pathlib import Path

import numpy as np
import pytest

from anomaly_detector.grouping.follow import QueryGroups, every_row, groups_of
from anomaly_detector.grouping.keeping import keep, restore
from anomaly_detector.instant import Judged
from anomaly_detector.models.model import Verdict
from anomaly_detector.query_state import QueryState
from anomaly_detector.source.matrix import Matrix
from tests.fakes.detector_plans import plan

STEP_S, RETENTION_S = 3600.0, 6 * 3600.0
START_S = 20_400 * 86_400.0
WATCHED = plan("expr: up, step: 1h", settings="{retention: 6h}")


class Life:
    """A query of devices whose names a test gives anew at each instant."""

    def __init__(self) -> None:
        self.state = QueryState(WATCHED, last_s=START_S)
        groups = groups_of(WATCHED)
        assert groups is not None
        self.groups: QueryGroups = groups
        self.random = np.random.default_rng(2)
        self.time_s = START_S

    def step(self, *names: str, score: float = 0.1) -> None:
        keys = [json.dumps({"instance": name, "site": f"at-{name[:4]}"}).encode() for name in names]
        values = self.random.normal(50, 1, (1, len(names)))
        rows = self.state.rows(Matrix(keys=keys, times_s=np.array([self.time_s]), values=values), max_series=10_000)
        numbers = np.zeros(len(rows))
        verdict = Verdict(
            score=self.random.exponential(score, len(rows)).astype(np.float32),
            expected=numbers,
            lower=numbers,
            upper=numbers,
            contribution=np.zeros((1, len(rows)), np.float32),
            confidence=np.ones(len(rows), np.float32),
        )
        none = np.zeros(0, np.intp)
        said = Judged(lane="default", time_s=self.time_s, rows=rows, verdict=verdict, ended=none, warmed=none)
        self.groups.at(self.state.table, said, *every_row(len(self.state.table), rows, values[0], None))
        self.state.seen_s[rows] = self.state.last_s = self.time_s
        self.state.forget_absent(RETENTION_S)
        self.time_s += STEP_S


@pytest.fixture(scope="module")
def churned() -> Life:
    """Two thousand and some names, twenty new ones every hour that live for two; two that stay."""
    life = Life()
    for hour in range(110):
        life.step("stay-1", "stay-2", *(f"{hour + age:04}-{one}" for age in range(2) for one in range(20)))
    return life


def test_thousands_of_names_take_the_room_of_those_of_a_time(churned: Life) -> None:
    most = 2 + 20 * (2 + RETENTION_S / STEP_S + 2)
    groups = churned.groups
    assert len(groups.devices) <= most
    assert len(groups.signing.places) <= most
    assert groups.roll_up.highest.shape[-1] == len(groups.signing.places) == len(groups.seen_s)
    assert len(groups.sites) <= groups.signing.places.site_places <= most / 20 + 2


def test_devices_that_stay_keep_what_they_know(churned: Life) -> None:
    days = np.isfinite(churned.groups.roll_up.highest[:, 0]).sum(axis=0)
    known = {name for name, place in churned.groups.devices.items() if days[place] >= 4}
    assert known == {"stay-1", "stay-2"}


def test_a_file_has_those_that_are_known(churned: Life, tmp_path: Path) -> None:
    keep(tmp_path / "q.npz", churned.groups, fingerprint="f", last_s=churned.time_s)
    other = groups_of(WATCHED)
    assert other is not None
    assert restore(tmp_path / "q.npz", other, fingerprint="f") == churned.time_s
    assert other.signing.places.known() == churned.groups.signing.places.known()
    stays, stayed = other.devices["stay-2"], churned.groups.devices["stay-2"]
    assert len(other.signing.places) == len(other.devices)
    assert np.array_equal(
        other.roll_up.highest[..., stays], churned.groups.roll_up.highest[..., stayed], equal_nan=True
    )


def test_devices_whose_series_made_room_for_others_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anomaly_detector.grouping.follow.SPARE", 10)
    life = Life()
    for hour in range(5):
        life.state.forget_learnt(life.state.table.forget(np.ones(len(life.state.table), np.bool_)))
        life.step(*(f"{hour}-{one}" for one in range(20)))
    assert len(life.groups.devices) == 40
    assert {name[0] for name in life.groups.devices} == {"3", "4"}


def test_a_device_is_remembered_for_retention_and_no_longer() -> None:
    life = Life()
    life.step("stay", "gone")
    for _ in range(6):
        life.step("stay")
    assert "gone" in life.groups.devices
    for _ in range(2):
        life.step("stay")
    assert life.groups.devices.keys() == {"stay"}


def test_who_gets_the_place_of_another_begins_with_nothing() -> None:
    life = Life()
    names = [f"sw-{one}" for one in range(30)]
    for _ in range(5 * 24):
        life.step(*names, score=0.5)
    place = life.groups.devices["sw-7"]
    assert life.groups.roll_up.judged[place]
    names.remove("sw-7")
    for _ in range(9):
        life.step(*names)
    life.step(*names, "new")
    roll_up = life.groups.roll_up
    assert life.groups.devices["new"] == place
    assert not roll_up.judged[place]
    assert not np.isfinite(roll_up.highest[..., place]).any()
    assert roll_up.best_s[place] == life.time_s - STEP_S
    assert roll_up.spans.means[-1, :, place].max() < roll_up.spans.means[-1].max()
