"""A value outside `data_range`: a person wrote that limit, so that its device is above 1 at once, whatever is usual."""

from pathlib import Path

import numpy as np
import pytest

from anomaly_detector.grouping.estimate import estimates
from anomaly_detector.grouping.follow import QueryGroups, every_row
from anomaly_detector.grouping.names import GROUP, SITE, WORST
from anomaly_detector.plan import QueryPlan
from anomaly_detector.sink.wire import STALE
from tests.anomaly_detector.grouping.test_grouping_estimate import DAY_S, NOW_S, life
from tests.anomaly_detector.grouping.test_grouping_running import DEVICES, STEP_S, Query, line, score
from tests.fakes.detector_plans import NOWHERE, config, plan
from tests.fakes.prom_api import FakePromApi

HOT = {10: 96.0}  # port 1 of sw-3
PORT_1 = line(WORST, instance="sw-3", site="site-1", ifName="Gi0/1")
PORT_2 = line(WORST, instance="sw-3", site="site-1", ifName="Gi0/2")


def watched(settings: str = "{}", query: str = "data_range: [0, 95]") -> QueryPlan:
    return plan(f"expr: up, step: 1h, {query}", settings=settings, budget="{per_week: 100}")


def known(settings: str = "{}", query: str = "data_range: [0, 95]") -> Query:
    one = Query(watched(settings, query))
    one.live(5)
    return one


def groups_of(query: Query) -> QueryGroups:
    groups = query.groups._groups
    assert groups is not None
    return groups


def test_a_device_is_above_1_as_long_as_a_series_of_it_is_outside() -> None:
    query, without = known(), known(query="page: false")
    for _ in range(60):  # from the second day on it is no news
        query.step(values_of=HOT)
        without.step({10: 1.01}, values_of=HOT)
        assert score(query) >= np.float32(1.01)
        assert query.shown()[PORT_1] == pytest.approx(1.01)
    assert [one for one in query.shown() if one.startswith(WORST)] == [PORT_1]
    assert score(without) < 1
    query.step()
    assert score(query) < 1


def test_the_score_is_the_configured_one() -> None:
    query = known("{score_outside_data_range: 3}")
    query.step(values_of=HOT)
    assert score(query) == 3


def test_a_score_up_to_1_notifies_nobody() -> None:
    query = known("{score_outside_data_range: 0.5}")
    query.step(values_of=HOT)
    assert score(query) < 1


def test_the_series_outside_is_named_before_one_that_is_only_unusual() -> None:
    query = known()
    query.step({11: 4.0}, values_of=HOT)
    assert PORT_1 in query.shown()
    assert PORT_2 not in query.shown()


def test_a_site_that_speaks_for_its_devices_does_not_hide_it() -> None:
    query = known()
    loud = {row: 5.0 for device in (1, 5, 7, 9) for row in range(3 * device, 3 * device + 3)}
    for _ in range(3):
        query.step(loud)
    assert query.shown()[line(SITE, site="site-1")] > 1
    assert score(query, "sw-5") < 1
    query.step(loud, values_of=HOT | {15: 97.0})
    assert score(query) > 1
    assert score(query, "sw-5") > 1


def test_levels_learn_nothing_of_it() -> None:
    limited, without = known(), known()
    for _ in range(50):  # hours, so that a whole day is among them
        limited.step(values_of=HOT)
        without.step()
    one, other = groups_of(limited).roll_up, groups_of(without).roll_up
    place = groups_of(limited).signing.places.devices["sw-3"]
    assert np.isnan(one.highest[-1, :, place]).all()
    assert np.isfinite(other.highest[-1, :, place]).all()
    assert not one.loud[:, place].any()


def test_a_device_that_is_not_known_yet_is_above_1_and_its_score_ends_afterwards() -> None:
    query = Query(watched())
    assert not len(query.step())
    query.step(values_of=HOT)
    assert score(query) == pytest.approx(1.01)
    assert [one for one in query.shown() if one.startswith(GROUP)] == [line(GROUP, instance="sw-3", site="site-1")]
    batch = query.step()
    assert len(batch) == 3  # the device, its site, its worst series
    assert batch.body.count(STALE.tobytes()) == 3
    assert not len(query.step())


def test_a_device_that_is_let_be_stays_so_unless_its_own_alarm_holds_it() -> None:
    query = known()
    query.step(values_of=HOT, held="sw-3")
    assert score(query) == 0
    query.step(values_of=HOT)
    for _ in range(5):
        query.step(values_of=HOT, held="sw-3")
        assert score(query) > 1


def test_a_value_that_is_not_settled_is_not_outside() -> None:
    """What falls because a counter began anew has no score, and breaks no limit."""
    query = known()
    query.step(values_of={10: -5.0})
    assert score(query) > 1
    query.said.verdict.score[10] = 0
    values, held = every_row(len(query.state.table), query.said.rows, np.full(len(query.said.rows), -5.0), None)
    told = groups_of(query).at(query.state.table, query.said, values, held)
    assert told is not None
    assert told.group[groups_of(query).devices["sw-3"]] < 1


def hot_for_two_hours(time_s: float) -> float | None:
    return 55.5 if time_s > NOW_S - 10 * STEP_S and time_s <= NOW_S - 8 * STEP_S else life(3)(time_s)


def test_check_counts_it_as_a_notification() -> None:
    query = "{expr: cpu, step: 1h, data_range: [0, 55]}"
    given = config(
        f"reader: {{datasource_url: '{NOWHERE}', queries: {{q: {query}}}}}\n"
        "groups: {device: n}\nbudget: {per_week: 0.1}\nmodels: {m: {class: static_z, fit_window: 2d}}\n"
    )
    source = FakePromApi(NOW_S, **{f"sw{seed}": life(seed) for seed in range(8)}, hot=hot_for_two_hours)
    (found,) = estimates(given, lambda _plan: source, history_s=5 * DAY_S, told=lambda _query, _share: None)
    assert found.notifications == 1
    assert [(one.name, round(one.peak, 2)) for one in found.named] == [("hot", 1.01)]


def test_a_restart_says_it_again_at_once(tmp_path: Path) -> None:
    before = known(f"{{state_dir: {tmp_path}}}")
    before.step(values_of=HOT)
    before.groups.keep()
    after = Query(watched(f"{{state_dir: {tmp_path}}}"))
    after.time_s = before.time_s
    assert len(after.step(values_of=HOT, held="sw-3")) == DEVICES + 3
    assert score(after) > 1
