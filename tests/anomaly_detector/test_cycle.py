"""One query, cycle by cycle: what it asks, learns, writes, remembers, and how it bears trouble."""

import threading
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from anomaly_detector.circumstances import ALONE, Circumstances
from anomaly_detector.cycle import QueryRunner
from anomaly_detector.errors import DetectorError, QueryRejectedError, SourceUnavailableError
from anomaly_detector.handed_over import WRITE_REACH_S
from anomaly_detector.metrics import Metrics
from anomaly_detector.models.model import F64
from anomaly_detector.plan import QueryPlan
from anomaly_detector.sink.wire import Batch
from anomaly_detector.source.matrix import Matrix
from anomaly_detector.state import snapshot_path
from tests.fakes.clock import FakeClock
from tests.fakes.detector_plans import plan
from tests.fakes.prom_api import FakePromApi

NOW_S = 1_763_700_005.0
STEP_S = 60.0
RANDOM = np.random.default_rng(4)
SMALL = "{m: {class: seasonal_robust, fit_window: 2d, warmup: 1d}}"


class Box:
    """An outbox that keeps what it is given."""

    def __init__(self, *, wants_pages: bool = False) -> None:
        self.wants_pages = wants_pages
        self.batches: list[Batch] = []

    def offer(self, batch: Batch) -> None:
        self.batches.append(batch)

    def times(self) -> list[float]:
        return [batch.time_ms / 1000 for batch in self.batches]


class Query:
    """A runner, its fakes, and time moved by hand."""

    def __init__(
        self,
        api: FakePromApi,
        *,
        the_plan: QueryPlan | None = None,
        wants_pages: bool = False,
        given: Circumstances = ALONE,
    ) -> None:
        self.api, self.box, self.clock = api, Box(wants_pages=wants_pages), FakeClock()
        self.registry = CollectorRegistry()
        self.stop = threading.Event()
        self.room = 1000
        self.runner = QueryRunner(
            the_plan or plan("expr: up, step: 60s", models=SMALL),
            api=api,  # type: ignore[arg-type]  # the fake offers what a runner uses
            outbox=self.box,
            metrics=Metrics(self.registry),
            clock=self.clock,
            reads=threading.Semaphore(2),
            room=lambda _alias: self.room,
            given=given,
        )

    def cycle(self, *, after_s: float = 0.0) -> float:
        self.api.now_s += after_s
        self.clock.advance(after_s)
        return self.runner.attempt(self.stop)

    def end(self) -> None:
        self.stop.set()
        self.runner.run(self.stop)

    def failures(self) -> Counter[str]:
        samples = [sample for metric in self.registry.collect() for sample in metric.samples]
        failed = [one for one in samples if one.name == "heronwatch_detector_read_failures_total"]
        return Counter({one.labels["reason"]: int(one.value) for one in failed})


def noise(_time_s: float) -> float:
    return float(RANDOM.normal(100, 2))


def test_history_is_learnt_and_the_newest_instant_judged_at_once() -> None:
    query = Query(FakePromApi(NOW_S, a=noise, b=noise))
    wait_s = query.cycle()
    assert query.box.times() == [NOW_S - 5]
    assert len(query.box.batches[0]) == 2  # two scores, no confidence: both are warm
    assert wait_s == pytest.approx(57.0)  # the next instant, and latency_offset
    assert query.runner.trouble == ""
    assert query.runner.status().series == 2


def test_series_that_are_gone_make_room_for_new_ones() -> None:
    """All sixty are renamed at once where a hundred may be remembered."""
    api = FakePromApi(NOW_S, **{f"old{number}": noise for number in range(60)})
    query = Query(api, the_plan=plan("expr: up, step: 60s, max_series: 100", models=SMALL))
    query.cycle()
    api.series = {f"new{number}": noise for number in range(60)}
    query.cycle(after_s=60)
    assert query.runner.trouble == ""
    assert query.runner.status().series == 100
    api.series |= {f"more{number}": noise for number in range(41)}
    query.cycle(after_s=60)
    assert query.runner.trouble == "101 series"  # the answer itself is above the budget
    assert query.runner.status().series == 100


def test_a_series_away_for_a_moment_at_the_start_is_learnt_too() -> None:
    api = FakePromApi(NOW_S, a=noise, b=lambda time_s: noise(time_s) if time_s < NOW_S - 300 else None)
    api.series["gone"] = lambda time_s: noise(time_s) if time_s < NOW_S - 7200 else None
    query = Query(api)
    query.cycle()
    assert query.runner.status().series == 2
    api.series["b"] = lambda _time_s: 300.0
    query.cycle(after_s=60)
    assert query.box.batches[-1].body.count(b"anomaly_score") == 2
    assert b"anomaly_confidence" not in query.box.batches[-1].body  # b is warm


def test_every_instant_is_judged_once_and_in_order() -> None:
    query = Query(FakePromApi(NOW_S, a=noise))
    query.cycle()
    for after_s in (60, 20, 40, 180):
        query.cycle(after_s=after_s)
    assert np.diff(query.box.times()).tolist() == [60.0] * 5


def test_nothing_is_written_beyond_the_server_s_time() -> None:
    query = Query(FakePromApi(NOW_S, a=noise))
    for _ in range(3):
        query.cycle(after_s=61)
        assert max(query.box.times()) <= query.api.now_s - 2  # latency_offset


def test_the_local_clock_does_not_matter() -> None:
    query = Query(FakePromApi(NOW_S, a=noise))
    query.clock.set_now(0.0)
    query.cycle()
    query.clock.set_now(4e9)
    query.cycle(after_s=60)
    assert query.box.times() == [NOW_S - 5, NOW_S + 55]


def test_an_anomaly_scores_above_1() -> None:
    api = FakePromApi(NOW_S, a=noise, b=noise)
    query = Query(api, wants_pages=True)
    query.cycle()
    api.series["b"] = lambda _time_s: 300.0
    query.cycle(after_s=60)
    (page,) = query.runner.pages
    scores = dict(zip((line.split('n="')[1][0] for line in page.lines), page.values.tolist(), strict=True))
    assert scores["b"] > 1 > scores["a"]


def test_a_server_away_is_asked_again_sooner_than_the_step() -> None:
    query = Query(FakePromApi(NOW_S, a=noise))
    query.api.fault = SourceUnavailableError("no connection")
    waits = [query.cycle() for _ in range(9)]
    assert waits[:4] == [1.0, 2.0, 4.0, 8.0]
    assert max(waits) <= STEP_S
    assert query.runner.trouble == "no connection"
    assert query.failures() == {"unavailable": 9}
    query.api.fault = None
    query.cycle(after_s=600)
    assert query.runner.trouble == ""


def test_after_an_hour_away_it_catches_up_and_writes_what_a_receiver_would_take() -> None:
    query = Query(FakePromApi(NOW_S, a=noise))
    query.cycle()
    query.cycle(after_s=2 * 3600)
    assert len(query.api.asked[-1]) == 120
    written = query.box.times()[1:]
    assert np.diff(written).tolist() == [60.0] * (len(written) - 1)
    assert min(written) > query.api.now_s - WRITE_REACH_S
    assert max(written) == NOW_S - 5 + 7200


def test_a_rejected_query_costs_itself_a_step() -> None:
    query = Query(FakePromApi(NOW_S, a=noise))
    query.api.fault = QueryRejectedError("HTTP 400: parse error")
    assert query.cycle() == STEP_S
    assert query.failures() == {"rejected": 1}


def test_a_window_that_is_too_much_is_caught_up_instant_by_instant() -> None:
    query = Query(FakePromApi(NOW_S, a=noise))
    query.cycle()
    query.api.most_instants = 2
    query.cycle(after_s=600)
    assert query.failures() == {"too_large": 1}
    for _ in range(8):
        query.cycle(after_s=60)
    assert query.runner.trouble == "" or query.failures()["too_large"] <= 3
    assert np.diff(query.box.times()).tolist() == [60.0] * (len(query.box.times()) - 1)


def test_history_is_halved_until_the_server_can_answer() -> None:
    query = Query(FakePromApi(NOW_S, a=noise))
    query.api.most_instants = 100
    query.cycle()
    assert query.failures() == {}
    assert query.runner.state is not None
    assert query.box.batches


def test_too_many_series_are_refused_with_the_remedy() -> None:
    query = Query(FakePromApi(NOW_S, a=noise, b=noise))
    query.room = 1
    query.cycle()
    assert query.failures() == {"too_large": 1}
    assert not query.box.batches


def test_a_clock_that_went_back_stops_the_query_until_it_has_caught_up() -> None:
    query = Query(FakePromApi(NOW_S, a=noise))
    query.cycle()
    query.cycle(after_s=60)
    query.api.now_s -= 3600
    query.cycle()
    assert query.failures() == {"clock": 1}
    assert "went back" in query.runner.trouble
    query.cycle(after_s=3600)
    query.cycle(after_s=60)
    assert np.diff(query.box.times()).tolist() == [60.0] * (len(query.box.times()) - 1)


def test_a_clock_that_stays_behind_means_a_new_start() -> None:
    query = Query(FakePromApi(NOW_S + 6 * 3600, a=noise), wants_pages=True)
    query.cycle()
    ahead = query.box.times()
    query.api.now_s = NOW_S
    for _ in range(3):
        query.cycle(after_s=60)
    assert query.failures() == {"clock": 3}
    query.cycle(after_s=60)
    query.cycle(after_s=60)
    assert query.runner.trouble == ""
    assert query.failures() == {"clock": 3}
    written = query.box.times()[len(ahead) :]
    assert written == [NOW_S - 5 + 60 * minute for minute in (4, 5)]  # as soon as it has started anew
    assert query.runner.state is not None
    assert query.runner.state.last_s <= query.api.now_s
    query.cycle(after_s=6 * 3600)
    times = query.box.times()
    assert max(times) <= query.api.now_s
    assert len(set(times)) == len(times)  # what the clock ahead had written is not written again


def confidence(query: Query) -> float:
    state = query.runner.state
    assert state is not None
    (row,) = [row for row, labels in enumerate(state.table.labels) if labels == (("n", "b"),)]
    return float(state.lanes[0].state["seen_s"][row]) / 86_400


def away(api: FakePromApi) -> None:
    """Let the series `b` be away from now on and for the last two hours."""
    gone_s = api.now_s - 7200
    api.series["b"] = lambda time_s: noise(time_s) if time_s < gone_s else None


def back(api: FakePromApi) -> None:
    gone_s, back_s = NOW_S - 7200, api.now_s
    api.series["b"] = lambda time_s: None if gone_s <= time_s < back_s else noise(time_s)


def test_nothing_alive_at_the_start_is_learnt_when_it_returns() -> None:
    query = Query(FakePromApi(NOW_S))
    away(query.api)
    query.cycle()
    back(query.api)
    query.cycle(after_s=60)
    assert confidence(query) > 1.5


def test_a_series_that_appears_later_is_learnt_after_a_while() -> None:
    query = Query(FakePromApi(NOW_S, a=noise))
    away(query.api)
    query.cycle()
    back(query.api)
    query.cycle(after_s=60)
    assert confidence(query) < 0.1
    for _ in range(10):
        query.cycle(after_s=60)
    assert confidence(query) > 1.5
    asked = len(query.api.asked)
    query.cycle(after_s=1200)
    assert len(query.api.asked) == asked + 1  # nobody new: history is left alone


def test_a_reading_of_history_that_fails_is_tried_again() -> None:
    query = Query(FakePromApi(NOW_S))
    away(query.api)
    query.cycle()
    back(query.api)
    whole = query.api.query_range

    def only_short(expr: str, times_s: F64, *, step_s: float, max_series: int) -> Matrix:
        if len(times_s) > 100:
            raise SourceUnavailableError("gone")
        return whole(expr, times_s, step_s=step_s, max_series=max_series)

    query.api.query_range = only_short  # type: ignore[method-assign]
    query.cycle(after_s=60)
    assert (query.runner.trouble, query.failures()) == ("", {})
    query.api.query_range = whole  # type: ignore[method-assign]
    query.cycle(after_s=60)
    assert confidence(query) < 0.1
    query.cycle(after_s=600)
    assert confidence(query) > 1.5


def test_a_series_without_a_past_keeps_what_it_learnt() -> None:
    query = Query(FakePromApi(NOW_S, a=noise))
    query.cycle()
    query.api.series["b"] = lambda time_s: noise(time_s) if time_s > NOW_S else None
    for _ in range(9):
        query.cycle(after_s=60)
    state = query.runner.state
    assert state is not None
    row = len(state.table) - 1
    before = float(state.lanes[0].state["origin"][row])
    for _ in range(3):
        query.cycle(after_s=60)
    assert not state.unlearnt
    assert state.lanes[0].state["origin"][row] == before  # a fit would have set it to the median


def test_a_series_that_ends_is_ended_once() -> None:
    api = FakePromApi(NOW_S, a=noise, b=noise)
    query = Query(api)
    query.cycle()
    del api.series["b"]
    sizes = []
    for _ in range(5):
        query.cycle(after_s=60)
        sizes.append(len(query.box.batches[-1]))
    assert sizes == [1, 1, 2, 1, 1]  # the third holds the stale marker


def test_an_internal_error_is_not_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    query = Query(FakePromApi(NOW_S, a=noise))

    def broken() -> float:
        raise ZeroDivisionError

    monkeypatch.setattr(query.api, "server_time", broken)
    assert query.cycle() == STEP_S
    assert query.failures() == {"internal": 1}
    monkeypatch.undo()
    query.cycle()
    assert query.box.batches


class Kept:
    """Runs of one query with the same state folder, one after the other."""

    def __init__(self, folder: Path) -> None:
        self.plan = plan("expr: up, step: 60s", models=SMALL, settings=f"{{state_dir: {folder}, snapshot_every: 5m}}")
        self.path = snapshot_path(folder, "q")

    def start(self, now_s: float) -> Query:
        return Query(FakePromApi(now_s, a=noise), the_plan=self.plan)


def test_a_restart_goes_on_from_the_snapshot_without_history(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    first = kept.start(NOW_S)
    first.cycle()
    first.end()
    assert first.api.closed
    second = kept.start(NOW_S + 600)
    second.cycle()
    assert [len(times) for times in second.api.asked] == [10]
    assert second.box.times() == [NOW_S - 5 + 60 * number for number in range(1, 11)]


def test_snapshots_are_written_while_it_runs(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    query = kept.start(NOW_S)
    query.cycle()
    assert not kept.path.exists()
    query.cycle(after_s=300)
    assert kept.path.exists()


def test_what_an_earlier_run_has_written_is_not_written_again(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    first = kept.start(NOW_S)
    first.cycle()
    first.end()
    crashed = kept.start(NOW_S + 600)  # the snapshot is ten minutes old, the last score four
    crashed.api.written_s = NOW_S + 355
    crashed.cycle()
    assert crashed.box.times() == [NOW_S - 5 + 60 * number for number in range(7, 11)]


def test_a_damaged_snapshot_means_learning_again(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.path.write_bytes(b"PK\x03\x04 nonsense")
    query = kept.start(NOW_S)
    query.cycle()
    assert len(query.api.asked[1]) > 2 * 1440  # two days of history
    assert query.runner.trouble == ""


def test_a_snapshot_from_the_server_s_future_is_not_used(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    first = kept.start(NOW_S + 86_400)
    first.cycle()
    first.end()
    second = kept.start(NOW_S)
    second.cycle()
    assert second.box.times() == [NOW_S - 5]


def test_a_full_disk_costs_the_snapshot_only(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.path.with_name(".q.npz.tmp").symlink_to("/dev/full")
    query = kept.start(NOW_S)
    query.cycle()
    query.cycle(after_s=300)
    assert query.runner.trouble == ""
    assert (
        query.registry.get_sample_value("heronwatch_detector_snapshots_total", {"action": "save", "outcome": "failed"})
        == 1
    )


def test_labels_are_those_of_the_query() -> None:
    the_plan = plan("expr: up, step: 60s, page: true", models=SMALL)
    query = Query(FakePromApi(NOW_S, a=noise), the_plan=the_plan)
    query.cycle()
    body = query.box.batches[0].body
    for word in (b"anomaly_score", b"for", b"q", b"model_alias", b"m", b"page", b"true"):
        assert b"\x0a" + bytes([len(word)]) + word in body or b"\x12" + bytes([len(word)]) + word in body


def test_errors_carry_their_reason() -> None:
    kinds = [DetectorError]
    for kind in kinds:
        kinds += [one for one in kind.__subclasses__() if one.__module__ == DetectorError.__module__]
    assert len({kind.reason for kind in kinds}) == len(kinds)
