"""A fresh start plays the past again, so that devices and sites have scores at once and not after three days."""

import threading
from collections.abc import Iterator

import numpy as np
import pytest

from anomaly_detector.circumstances import Circumstances
from anomaly_detector.errors import ResponseTooLargeError
from anomaly_detector.grouping.estimate import estimates
from anomaly_detector.grouping.follow import QueryGroups, groups_of
from anomaly_detector.grouping.metrics import past_metrics
from anomaly_detector.grouping.rehearsal import Rehearsal
from anomaly_detector.marks.matching import MarkedPause
from anomaly_detector.plan import QueryPlan, plans
from anomaly_detector.scoring.learning import Instant
from anomaly_detector.series_table import SeriesTable
from anomaly_detector.sink.wire import STALE
from heronwatch.go_regex import AnchoredRegex
from tests.anomaly_detector.grouping.test_grouping_estimate import DAY_S, NOW_S, life
from tests.fakes.daemons import wait_until
from tests.fakes.detector_plans import NOWHERE, config
from tests.fakes.detector_query import Query
from tests.fakes.prom_api import FakePromApi, Series

STEP_S = 3600.0
SWITCHES: dict[str, Series] = {f"sw{seed}": life(seed) for seed in range(24)}


def watched(groups: str = "{device: n, history: 5d}", settings: str = "{}") -> QueryPlan:
    reader = f"reader: {{datasource_url: '{NOWHERE}', queries: {{q: {{expr: cpu, step: 1h}}}}}}\n"
    (only,) = plans(config(f"{reader}groups: {groups}\nsettings: {settings}\nmodels: {{m: {{fit_window: 4d}}}}\n"))
    return only


def query(plan: QueryPlan, past: FakePromApi | None, **given: object) -> Query:
    opened = None if past is None else lambda: past
    return Query(FakePromApi(NOW_S, **SWITCHES), the_plan=plan, given=Circumstances(past=opened, **given))


def written(one: Query, name: str) -> int:
    return one.box.batches[-1].body.count(name.encode())


def past_played(one: Query) -> bool:
    beside = one.runner._groups._rehearsing
    return beside is not None and not beside._running.thread.is_alive()


def cycled_until_told(one: Query) -> None:
    wait_until(lambda: past_played(one), 30, "the past to be played")
    one.cycle(after_s=STEP_S)


@pytest.fixture
def started() -> Iterator[Query]:
    past = FakePromApi(NOW_S, **SWITCHES)
    one = query(watched(), past)
    one.cycle()
    yield one
    one.end()
    assert past.closed


def test_devices_have_scores_as_soon_as_their_past_was_played(started: Query) -> None:
    assert written(started, "anomaly_score") == len(SWITCHES)
    cycled_until_told(started)
    assert written(started, "anomaly_group_score") == len(SWITCHES)


def gauges(one: Query) -> dict[str, float]:
    """Return what the metrics say of the past."""
    status = one.runner.status().past
    found = past_metrics([status] if status is not None else [])
    samples = [sample for family in found for sample in family.samples]
    return {
        " ".join((s.name.removeprefix("heronwatch_detector_past_"), s.labels.get("state", ""))).strip(): s.value
        for s in samples
        if s.value
    }


def test_metrics_say_how_far_the_past_is_and_what_it_found(started: Query) -> None:
    cycled_until_told(started)
    said = gauges(started)
    assert said.keys() - {"duration_seconds"} == {"played_ratio", "state played", "notifications_allowed_per_week"}
    assert said["played_ratio"] == said["state played"] == 1
    assert said["notifications_allowed_per_week"] == 0.25  # none were found


def test_the_past_is_played_once(started: Query) -> None:
    cycled_until_told(started)
    threads = threading.active_count()
    for _ in range(3):
        started.cycle(after_s=STEP_S)
    assert threading.active_count() <= threads


def test_without_another_connection_or_with_no_history_devices_are_learnt_as_they_live() -> None:
    for one in (query(watched(), None), query(watched("{device: n, history: 0s}"), FakePromApi(NOW_S, **SWITCHES))):
        threads = threading.active_count()
        one.cycle()
        assert threading.active_count() == threads
        one.end()


def test_it_ends_with_the_query_however_far_it_is() -> None:
    turn = threading.Semaphore(0)  # another query has the turn
    one = query(watched(), FakePromApi(NOW_S, **SWITCHES), turn=turn)
    threads = threading.active_count()
    one.cycle()
    assert threading.active_count() == threads + 1
    assert gauges(one).keys() == {"state waiting"}
    one.end()
    assert threading.active_count() == threads


def test_a_server_that_is_away_costs_live_queries_nothing() -> None:
    past = FakePromApi(NOW_S, **SWITCHES)
    past.most_instants = 0
    one = query(watched(), past)
    one.cycle()
    wait_until(lambda: "state failed" in gauges(one), 10, "the failure")
    assert past.closed
    one.cycle(after_s=STEP_S)
    assert one.runner.trouble == ""
    assert written(one, "anomaly_score") == len(SWITCHES)
    one.end()


def test_a_memory_budget_that_leaves_no_room_for_a_second_state_is_kept() -> None:
    past = FakePromApi(NOW_S, **SWITCHES)
    one = query(watched(settings="{max_state_bytes: 1MiB}"), past)
    one.room = len(SWITCHES) + 3
    one.cycle()
    wait_until(lambda: past_played(one), 10, "the refusal")
    assert gauges(one).keys() == {"state no_room"}
    assert past.asked == []
    one.end()


def played(until_s: float, groups: QueryGroups | None = None) -> tuple[Rehearsal, QueryGroups]:
    plan = watched()
    groups = groups or groups_of(plan)
    assert groups is not None
    rehearsal = Rehearsal(plan, groups, FakePromApi(NOW_S, **SWITCHES))
    for _ in rehearsal.run(NOW_S - 5 * DAY_S, until_s):
        pass
    return rehearsal, groups


def test_who_takes_over_says_what_the_other_would_have_said() -> None:
    rehearsal, past = played(NOW_S - 10 * STEP_S)
    heir = groups_of(watched())
    assert heir is not None
    heir.meet([("sw7", ""), ("elsewhere", "attic"), ("sw3", "")])  # in another order, and one that the past never saw
    table = SeriesTable()
    assert rehearsal._state is not None
    table.extend([(("n", name),) for name in ("elsewhere", *reversed(SWITCHES))])
    heir.signing.follow(table)
    heir.take_over(past)
    for name, place in past.devices.items():
        own = heir.devices[name]
        assert np.array_equal(heir.roll_up.highest[..., own], past.roll_up.highest[..., place], equal_nan=True)
        assert np.array_equal(heir.roll_up.spans.means[..., own], past.roll_up.spans.means[..., place])
    row = [list(labels or ()) for labels in table.labels].index([("n", "sw5")])
    was = [list(labels or ()) for labels in rehearsal._state.table.labels].index([("n", "sw5")])
    assert heir.signing._signs.wide[row] == past.signing._signs.wide[was] > 0
    assert heir.roll_up.levels is not None
    assert not heir.roll_up.judged[heir.devices["elsewhere"]]
    assert heir.roll_up.judged[heir.devices["sw7"]]


def test_what_is_paused_is_neither_scored_nor_remembered() -> None:
    pause = '{from: "2025-11-16T00:00:00Z", to: "2025-11-21T12:00:00Z", match: {n: sw4}}'
    plan = watched(settings=f"{{learning_pauses: [{pause}]}}")
    groups = groups_of(plan)
    assert groups is not None
    for _ in Rehearsal(plan, groups, FakePromApi(NOW_S, **SWITCHES)).run(NOW_S - 5 * DAY_S, NOW_S):
        pass
    assert not groups.roll_up.judged[groups.devices["sw4"]]
    assert groups.roll_up.judged[groups.devices["sw5"]]


def test_a_device_of_which_another_alert_is_silenced_is_known_and_scored() -> None:
    silence = MarkedPause(begins=Instant(0), to=Instant(2 * NOW_S), match={"n": AnchoredRegex("sw4")}, of_devices=False)
    one = query(watched(), FakePromApi(NOW_S, **SWITCHES), pauses=lambda: (silence,))
    one.cycle()
    cycled_until_told(one)
    groups = one.runner._groups._groups
    assert groups is not None
    place = groups.devices["sw4"]
    assert groups.roll_up.judged[place]
    one.cycle(after_s=STEP_S)
    assert np.isfinite(groups.roll_up.today[0, place])
    assert written(one, "anomaly_group_score") == len(SWITCHES)
    one.end()


def test_check_and_a_start_play_the_same() -> None:
    given = config(
        f"reader: {{datasource_url: '{NOWHERE}', queries: {{q: {{expr: cpu, step: 1h}}}}}}\n"
        "groups: {device: n, history: 5d}\nmodels: {m: {fit_window: 4d}}\n"
    )
    (checked,) = estimates(
        given, lambda _plan: FakePromApi(NOW_S, **SWITCHES), history_s=5 * DAY_S, told=lambda _query, _share: None
    )
    _, groups = played(np.floor(NOW_S / STEP_S) * STEP_S - STEP_S)
    assert checked.devices == len(groups.devices)
    assert checked.weeks * 7 == pytest.approx(2, abs=1)


def test_a_grouping_that_is_taken_out_ends_what_it_showed(started: Query) -> None:
    cycled_until_told(started)
    started.stop.set()
    started.runner.run(started.stop)
    started.runner.end_groups()
    assert started.box.batches[-1].body.count(STALE.tobytes()) == len(SWITCHES)


def test_another_run_of_the_query_goes_on_with_the_devices(started: Query) -> None:
    cycled_until_told(started)
    other = query(watched("{device: n, history: 5d, sensitivity: 2}"), None)
    other.runner.inherit(started.runner)
    other.api.now_s = started.api.now_s
    other.cycle(after_s=STEP_S)
    assert written(other, "anomaly_group_score") == len(SWITCHES)
    before, after = started.runner._groups._groups, other.runner._groups._groups
    assert before is after
    assert after.roll_up.threshold == other.runner.plan.groups.threshold


def test_history_is_read_in_pieces_as_small_as_the_server_wants() -> None:
    past = FakePromApi(NOW_S, **SWITCHES)
    groups = groups_of(watched())
    assert groups is not None
    rehearsal = Rehearsal(watched(), groups, past)
    past.most_instants = 12
    assert sum(1 for _ in rehearsal.run(NOW_S - 2 * DAY_S, NOW_S - DAY_S)) == 24
    past.most_instants = 0
    with pytest.raises(ResponseTooLargeError):
        list(rehearsal.go_on(NOW_S))


def test_a_query_that_begins_anew_finds_its_series_in_other_rows() -> None:
    rehearsal, groups = played(NOW_S - 4 * DAY_S)
    assert rehearsal._state is not None
    before = rehearsal._state.table
    row = list(before.labels).index((("n", "sw5"),))
    wide = groups.signing._signs.wide[row]
    table = SeriesTable()
    table.extend([(("n", name),) for name in list(SWITCHES)[3:9]])
    while table.version < before.version:
        table.version += 1  # the same number, and not the same rows
    groups.signing.follow(table)
    assert groups.signing._signs.wide[list(table.labels).index((("n", "sw5"),))] == wide
