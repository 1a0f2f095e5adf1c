"""One query under changing circumstances: pauses, a stand-by, what it missed, kin, and its end."""

import struct

import numpy as np
import pytest

from anomaly_detector.circumstances import Circumstances
from anomaly_detector.errors import SourceUnavailableError
from anomaly_detector.handed_over import WRITE_REACH_S
from anomaly_detector.metrics import STAGES
from anomaly_detector.scoring.learning import Instant, Pause
from heronwatch.go_regex import AnchoredRegex
from tests.fakes.detector_plans import plan
from tests.fakes.detector_query import NOW_S, SMALL, Query, confidence, noise
from tests.fakes.prom_api import FakePromApi


def paused(begins_s: float, to_s: float, **match: str) -> Circumstances:
    pause = Pause(
        begins=Instant(begins_s), to=Instant(to_s), match={name: AnchoredRegex(text) for name, text in match.items()}
    )
    return Circumstances(pauses=lambda: (pause,))


def test_nothing_is_learnt_in_a_pause_and_scores_are_written_all_the_same() -> None:
    query = Query(FakePromApi(NOW_S, a=noise, b=noise), given=paused(NOW_S, NOW_S + 9999, n="b"))
    query.cycle()
    state = query.runner.state
    assert state is not None
    lane = state.lanes[0].state
    before = {name: array.copy() for name, array in lane.items()}
    for _ in range(5):
        query.cycle(after_s=60)
    rows = {labels[0][1]: row for row, labels in enumerate(state.table.labels) if labels}
    changed = {
        n: any((lane[k][..., r] != before[k][..., r]).any() for k in ("level", "profile")) for n, r in rows.items()
    }
    assert changed == {"a": True, "b": False}
    assert len(query.box.batches[-1]) == 2


def test_history_of_a_pause_is_not_learnt() -> None:
    def broken(time_s: float) -> float:
        return 300.0 if NOW_S - 86_400 < time_s < NOW_S - 43_200 else noise(time_s)

    plain = Query(FakePromApi(NOW_S, a=broken))
    told = Query(FakePromApi(NOW_S, a=broken), given=paused(NOW_S - 86_400, NOW_S - 43_200))
    for query in (plain, told):
        query.cycle()
    levels = [float(query.runner.state.lanes[0].state["spread"].max()) for query in (plain, told)]  # type: ignore[union-attr]
    assert levels[0] > 2 * levels[1]


def test_a_stand_by_computes_and_writes_what_the_other_one_left_out() -> None:
    leads = False
    query = Query(FakePromApi(NOW_S, a=noise), wants_pages=True, given=Circumstances(leads=lambda: leads))
    for _ in range(6):
        query.cycle(after_s=60)
    assert query.box.batches == query.runner.pages == []
    assert query.runner.state is not None
    query.api.written_s = NOW_S - 5 + 240  # what the other one wrote before it died
    leads = True
    query.cycle(after_s=60)
    assert query.box.times() == [NOW_S - 5 + 60 * number for number in (5, 6, 7)]
    query.cycle(after_s=60)
    assert np.diff(query.box.times()).tolist() == [60.0] * 3


def test_what_was_given_up_and_what_came_too_late_is_counted() -> None:
    the_plan = plan("expr: up, step: 60s", models="{m: {fit_window: 2h, warmup: 1h}}")
    query = Query(FakePromApi(NOW_S, a=noise), the_plan=the_plan)
    query.cycle()
    query.cycle(after_s=6 * 3600)

    def missed(reason: str) -> float | None:
        return query.registry.get_sample_value(
            "heronwatch_detector_missed_instants_total", {"query": "q", "reason": reason}
        )

    assert missed("given_up") == 360 - 122  # all but the two hours that are learnt
    assert missed("too_late") == 122 - WRITE_REACH_S / 60


def test_the_lag_grows_while_the_server_is_away() -> None:
    query = Query(FakePromApi(NOW_S, a=noise))
    assert query.runner.status().lag_s is None
    query.cycle()
    assert query.runner.status().lag_s == pytest.approx(5.0)
    query.api.fault = SourceUnavailableError("no connection")
    query.cycle(after_s=600)
    assert query.runner.status().lag_s == pytest.approx(605.0)


def test_every_stage_is_measured() -> None:
    query = Query(FakePromApi(NOW_S, a=noise))
    query.cycle()
    measured = {
        stage: query.registry.get_sample_value("heronwatch_detector_stage_duration_seconds_count", {"stage": stage})
        for stage in STAGES
    }
    assert measured == {"fetch": 0, "decode": 1, "score": 1, "encode": 1, "write": 0}  # the others are PromApi's


def test_a_query_that_nobody_goes_on_with_ends_its_series() -> None:
    leads = [True]
    query = Query(FakePromApi(NOW_S, a=noise, b=noise), given=Circumstances(leads=lambda: leads[0]))
    query.cycle()
    query.end()
    query.runner.end()
    last = query.box.batches[-1]
    assert (len(last), last.time_ms) == (2, round((NOW_S - 5) * 1000) + 1)
    assert last.body.count(struct.pack("<Q", 0x7FF0000000000002)) == 2
    leads[0] = False
    count = len(query.box.batches)
    query.runner.end()
    assert len(query.box.batches) == count


def test_a_restarted_pod_needs_no_warm_up() -> None:
    the_plan = plan("expr: up, step: 60s, drop_labels: [n]", models=SMALL)
    api = FakePromApi(NOW_S, a=noise)
    query = Query(api, the_plan=the_plan)
    query.cycle()
    del api.series["a"]
    api.series["b"] = lambda time_s: noise(time_s) if time_s > NOW_S else None
    query.cycle(after_s=60)
    assert confidence(query) > 1.5
