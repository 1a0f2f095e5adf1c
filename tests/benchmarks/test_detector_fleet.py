"""The fleet that detector_fleet generates, and how its notifications are counted."""

import numpy as np
import pytest

from anomaly_detector.scoring.scoring import Rules
from benchmarks.detector_fleet_device import Site, device
from benchmarks.detector_fleet_life import rhythm
from benchmarks.detector_fleet_notice import Notice, judge_notices, notices, with_as_many_false
from benchmarks.detector_fleet_peers import adaptive, static, worst
from benchmarks.detector_fleet_plan import (
    DAY_S,
    HOUR_S,
    JUDGED_FROM_S,
    KINDS,
    QUERIES,
    SERIES,
    Fault,
    Fleet,
    Kind,
    faults,
    maintenance,
    muted,
    site_of,
)
from benchmarks.detector_fleet_run import Block, query_plans

FLEET = Fleet(devices=80, seed=3, faults=16, history_days=7, judged_days=7)
TIMES_S = FLEET.times_s
SHOWS_IN: dict[Kind, str] = {
    "traffic_drop": "traffic_in",
    "storm": "packets_in",
    "leak": "memory",
    "overheating": "temperature",
    "bad_optics": "optics",
    "slow": "latency",
    "busy": "cpu",
    "frozen": "traffic_out",
}
COLUMNS = dict(zip(QUERIES, np.cumsum([0, *QUERIES.values()])[:-1].tolist(), strict=True))


def site(number: int = 0) -> Site:
    return Site(FLEET, number, maintenance(FLEET))


def made(number: int, fault: Fault | None = None) -> np.ndarray:
    return device(FLEET, number, site(), fault)


def of(values: np.ndarray, query: str) -> np.ndarray:
    return values[:, COLUMNS[query] : COLUMNS[query] + QUERIES[query]]


def test_the_full_fleet_has_100_000_series() -> None:
    assert Fleet().devices * SERIES == 100_000


def test_a_device_is_the_same_whoever_else_is_made() -> None:
    blocks = [Block(FLEET, 0, 3), Block(FLEET, 2, 4)]
    assert np.array_equal(blocks[0].values[:, 2], blocks[1].values[:, 0], equal_nan=True)


def test_another_seed_is_another_fleet() -> None:
    other = Fleet(devices=80, seed=4, faults=16, history_days=7, judged_days=7)
    assert faults(other) != faults(FLEET)
    assert not np.array_equal(device(other, 0, Site(other, 0, []), None), made(0), equal_nan=True)


def test_faults_are_of_every_kind_on_different_devices_and_not_in_maintenance() -> None:
    injected = faults(FLEET)
    assert {one.kind for one in injected} == set(KINDS)
    assert len({one.device for one in injected}) == len(injected) == FLEET.faults
    quiet = muted(FLEET, TIMES_S)
    for one in injected:
        assert JUDGED_FROM_S + DAY_S <= one.start_s < one.end_s <= FLEET.end_s - DAY_S
        assert not quiet[(one.start_s <= TIMES_S) & (one.end_s > TIMES_S), site_of(one.device)].any()


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_changes_its_device_while_it_lasts_and_not_before(kind: Kind) -> None:
    start_s = JUDGED_FROM_S + 2 * DAY_S
    fault = Fault(device=1, kind=kind, start_s=start_s, end_s=start_s + 6 * HOUR_S, size=0.5)
    plain, broken = np.nan_to_num(made(1)), np.nan_to_num(made(1, fault))
    before, during = start_s > TIMES_S, (start_s <= TIMES_S) & (fault.end_s > TIMES_S)
    touched, same = of(broken, SHOWS_IN[kind]), of(plain, SHOWS_IN[kind])
    assert (touched[during] != same[during]).mean() > 0.1
    assert np.array_equal(broken[before], plain[before])


def test_offices_are_busy_by_day_and_rest_at_weekends_and_holidays() -> None:
    vienna = Site(Fleet(devices=80), 1, []).calendar
    busy = rhythm("office", vienna, np.random.default_rng(1))
    noon, night = vienna.day_s // HOUR_S == 10, vienna.day_s // HOUR_S == 3
    holiday = (vienna.weekday == 0) & vienna.rest
    assert busy[noon & ~vienna.rest].mean() > 5 * busy[night].mean()
    assert busy[noon & holiday].mean() < 0.3 * busy[noon & ~vienna.rest].mean()


def test_summer_time_ends_within_the_judged_span() -> None:
    whole = Fleet(devices=40)
    calendar = Site(whole, 0, []).calendar
    offset = np.round((calendar.day_s - np.mod(whole.times_s, DAY_S)) / HOUR_S) % 24
    judged = whole.times_s >= JUDGED_FROM_S
    assert set(offset[~judged]) == {2}
    assert set(offset[judged]) == {2, 1}


def test_every_query_of_the_fleet_has_a_plan() -> None:
    assert set(query_plans(FLEET)) == set(QUERIES)


def test_a_notification_lasts_until_an_hour_of_quiet() -> None:
    above = np.zeros((60, 2), bool)
    above[[3, 4, 12, 40], 0] = True
    times_s = 300.0 * np.arange(60)
    assert notices(above, times_s) == [Notice(900.0, (0,)), Notice(12_000.0, (0,))]


def test_what_begins_together_at_one_site_is_one_notification() -> None:
    above = np.zeros((10, 80), bool)
    above[1, 3] = above[2, 4] = above[2, 60] = True
    assert notices(above, 300.0 * np.arange(10)) == [Notice(300.0, (3, 4)), Notice(600.0, (60,))]


def test_a_notification_finds_the_fault_of_its_device_while_it_lasts_and_an_hour_longer() -> None:
    fault = Fault(device=3, kind="busy", start_s=1000.0, end_s=2000.0, size=0.5)
    sent = [
        Notice(1600.0, (3, 4)),
        Notice(1900.0, (3,)),
        Notice(900.0, (3,)),
        Notice(5601.0, (3,)),
        Notice(1600.0, (4,)),
    ]
    told = judge_notices(sent, [fault])
    assert told.found == (fault,)
    assert told.minutes == (10.0,)
    assert len(told.false) == 3


def test_a_peer_gets_the_lowest_threshold_that_costs_no_more() -> None:
    def at(threshold: float) -> object:
        return judge_notices([Notice(0.0, (0,))] * sum(score > threshold for score in (1, 2, 3, 4)), [])

    limit, told = with_as_many_false(at, 2, 10.0)  # type: ignore[arg-type]
    assert abs(limit - 2) < 1e-6
    assert len(told.false) == 2


def test_peers_see_a_jump_and_no_more_in_what_is_steady() -> None:
    values = 100 + np.random.default_rng(1).normal(0, 1, (3000, 2))
    values[2900:2910, 1] = 400
    for deviation in (static(values, 2000, Rules()), adaptive(values, 300.0, Rules())):
        told = worst(deviation, 2, np.zeros((3000, 2), bool))
        assert told[2898:2910, 1].max() > 2 * told[2000:, 0].max()


def test_peers_are_asked_what_the_detector_is_asked() -> None:
    values = 100 + np.random.default_rng(1).normal(0, 1, (3000, 1))
    values[2900:2910] = 400
    for rules in (Rules(direction="below_expected"), Rules(min_dev_above=1000.0, min_dev_below=1000.0)):
        for deviation in (static(values, 2000, rules), adaptive(values, 300.0, rules)):
            assert not deviation[2900:2910].any()
