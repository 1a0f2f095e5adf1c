"""Which series can hardly alarm: the models are asked, nothing they know changes, and a running detector tells."""

import json
import threading

import msgspec
import numpy as np
import pytest

from anomaly_detector.backtest.block import Job, Terms, run
from anomaly_detector.hardly_alarming import RULES, WIDE, Range, hardly_alarming, remembered
from anomaly_detector.models.model import F64
from anomaly_detector.past import Past
from anomaly_detector.plan import QueryPlan
from anomaly_detector.query_state import QueryState
from anomaly_detector.status.hardly import EVERY_S, FIRST_S, MOST_NAMED, HardlyWatch
from tests.fakes.clock import FakeClock
from tests.fakes.detector_plans import plan
from tests.fakes.prom_api import FakePromApi

STEP_S = 300.0
END_S = 20_410 * 86_400.0
INSTANTS = 2016  # a week
SPIKES = slice(0, INSTANTS, 48)  # six a day
ABOVE = "data_range: [0, 100], detection_direction: above_expected"
MODELS = "{m: {class: bank, warmup: 6h}}"


def cpus() -> F64:
    """Percents: the first quiet, the second with lone spikes that nearly reach 100, the third always 0."""
    values = np.random.default_rng(5).normal((8, 50, 0), (1, 1, 0), (INSTANTS, 3))
    values[SPIKES, 1] += np.minimum(35 * np.random.default_rng(6).exponential(0.5, len(values[SPIKES])), 47)
    return values


def learnt(one: QueryPlan, values: F64) -> QueryState:
    state = QueryState(one, last_s=END_S)
    for number in range(values.shape[1]):
        state.table.add((("instance", f"sw{number}"),))
    state.make_room()
    count = values.shape[1]
    state.live[:count] = True
    times_s: F64 = END_S - STEP_S * np.arange(len(values), dtype=np.float64)[::-1]
    for lane in state.lanes:
        state.fit(lane, np.arange(count), values, times_s, STEP_S)
    return state


def the_plan(query: str = ABOVE, models: str = MODELS) -> QueryPlan:
    return plan(f"expr: x, step: 5m, {query}", models=models)


def names(state: QueryState, one: QueryPlan, seen: Range | None = None) -> list[str]:
    return [dict(found.labels)["instance"] for found in hardly_alarming(state, one, seen or remembered(state))]


@pytest.fixture(scope="module")
def wide() -> tuple[QueryPlan, QueryState]:
    one = the_plan()
    return one, learnt(one, cpus())


def test_a_series_with_a_band_over_all_of_its_range_is_told_of(wide: tuple[QueryPlan, QueryState]) -> None:
    one, state = wide
    (found,) = hardly_alarming(state, one, remembered(state))
    assert found.labels == (("instance", "sw1"),)
    assert (found.lower, found.upper, found.why) == (0.0, 100.0, WIDE)
    assert found.score <= 1
    values = cpus()[:, 1]
    assert (found.least, found.most) == pytest.approx((values.min(), values.max()), rel=1e-5)
    assert str(found).startswith('q{instance="sw1"}: usual 0 to 100, seen ')


def test_what_is_told_is_true(wide: tuple[QueryPlan, QueryState]) -> None:
    """The very end of the range, for six samples: the one never scores above 1, the other does."""
    one, _ = wide
    scores = highest(learnt(one, cpus()), one, 100.0)
    assert scores[1] <= 1 < scores[0]


def highest(state: QueryState, one: QueryPlan, value: float) -> F64:
    count, out = len(state.table), np.zeros(len(state.table))
    (lane,) = state.lanes
    for number in range(6):
        grid = state.grid(END_S + (number + 1) * STEP_S)
        block = {name: array[..., :count] for name, array in lane.state.items()}
        said = lane.model.step(np.full(count, value), block, np.zeros(count, np.bool_), grid)
        out = np.maximum(out, said.score)
    return out


def test_asking_changes_nothing(wide: tuple[QueryPlan, QueryState]) -> None:
    one, state = wide
    before = {name: array.copy() for name, array in state.lanes[0].state.items()}
    hardly_alarming(state, one, remembered(state))
    assert all(np.array_equal(before[name], array, equal_nan=True) for name, array in state.lanes[0].state.items())


def test_rules_that_leave_nothing_are_told_as_such() -> None:
    one = the_plan("data_range: [0, 100], min_dev_from_expected: [95, 95]")
    state = learnt(one, cpus()[:, :1])
    (found,) = hardly_alarming(state, one, remembered(state))
    assert found.why == RULES


@pytest.mark.parametrize(
    ("query", "models"),
    [
        ("data_range: [0, 100000]", MODELS),  # its end is no value to be expected, so that of a doubling is asked
        ("data_range: [-.inf, .inf]", MODELS),
    ],
)
def test_without_an_end_that_is_near_a_doubling_is_asked(query: str, models: str) -> None:
    one = the_plan(query, models)
    values = cpus()
    values[:, 0] = np.random.default_rng(1).normal(150, 2, INSTANTS)
    assert "sw0" not in names(learnt(one, values), one)


def test_who_warms_up_has_ended_or_is_not_known_is_left_out(wide: tuple[QueryPlan, QueryState]) -> None:
    one, _ = wide
    young = learnt(one, cpus()[:20])
    assert names(young, one) == []
    state = learnt(one, cpus())
    nothing = np.full(3, np.nan)
    assert names(state, one, Range(least=nothing, most=nothing)) == []
    state.live[1] = False
    assert names(state, one) == []


def test_a_query_of_a_model_that_pools_says_nothing(wide: tuple[QueryPlan, QueryState]) -> None:
    one, _ = wide
    state = learnt(one, cpus())
    vars(state.lanes[0].model)["pool"] = {}
    assert names(state, one) == []


def test_a_model_that_remembers_no_range_says_nothing_by_itself() -> None:
    one = the_plan(models="{m: {class: static_z}}")
    assert names(learnt(one, cpus()), one) == []


def test_a_series_that_any_model_can_alarm_for_is_left_out() -> None:
    one = the_plan(models="{m: {class: bank, warmup: 6h}, n: {class: all_time_range, warmup: 6h, margin: 0.01}}")
    assert names(learnt(one, cpus()), one) == []


def test_a_backtest_asks_with_what_it_has_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("hardly_alarming", "backtest.block"):
        monkeypatch.setattr(f"anomaly_detector.{module}.BLOCK", 1)  # one by one, and none is left out
    one, values = the_plan(), cpus()
    job = Job(
        plan=msgspec.structs.replace(one, groups=None),
        terms=Terms(from_s=END_S - 3600, to_s=END_S, for_s=300.0, apart_s=3600.0),
        start_s=END_S - STEP_S * (INSTANTS - 1),
        wanted=(0, 1, 2),
        keys=tuple(json.dumps({"instance": f"sw{number}"}).encode() for number in range(3)),
        values=values,
    )
    (found,) = run(job, lambda _: None).hardly
    assert found.labels == (("instance", "sw1"),)
    assert (found.least, found.most) == pytest.approx((values[:, 1].min(), values[:, 1].max()))


def test_a_running_query_looks_now_and_then(wide: tuple[QueryPlan, QueryState]) -> None:
    one, state = wide
    clock = FakeClock()
    watch = HardlyWatch(one, clock=clock)
    watch.look(state)
    assert watch.told.count == 0
    clock.advance(FIRST_S)
    watch.look(state)
    assert watch.told.count == 1
    assert watch.told.series[0].startswith('q{instance="sw1"}: usual 0 to 100')
    state.live[1] = False
    watch.look(state)
    assert watch.told.count == 1  # not yet
    clock.advance(EVERY_S)
    watch.look(state)
    state.live[1] = True
    assert (watch.told.count, watch.told.series) == (0, ())


def test_a_query_tells_what_its_past_has_made_of_it(wide: tuple[QueryPlan, QueryState]) -> None:
    one, state = wide
    clock = FakeClock()
    past = Past(one, source=FakePromApi(END_S), clock=clock, reads=threading.Semaphore())
    clock.advance(FIRST_S)
    past.learn_late(state, threading.Event())
    assert past.hardly.count == 1


def test_of_many_some_are_named_block_by_block(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("hardly_alarming", "status.hardly"):
        monkeypatch.setattr(f"anomaly_detector.{module}.BLOCK", 4)
    one = the_plan()
    state = learnt(one, np.repeat(cpus()[:, [1]], 9, axis=1))
    clock = FakeClock()
    watch = HardlyWatch(one, clock=clock)
    clock.advance(FIRST_S)
    counts = []
    for _ in range(4):
        watch.look(state)
        counts.append(watch.told.count)
    assert counts == [4, 8, 9, 9]
    assert len(watch.told.series) == MOST_NAMED
