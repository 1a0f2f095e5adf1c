"""One query, cycle by cycle: what it asks, learns, writes, remembers, and how it bears trouble."""

import numpy as np
import pytest

from anomaly_detector.errors import DetectorError, QueryRejectedError, SourceUnavailableError
from anomaly_detector.handed_over import WRITE_REACH_S
from anomaly_detector.sink.wire import STALE
from tests.fakes.detector_plans import plan
from tests.fakes.detector_query import NOW_S, SMALL, STEP_S, Query, noise
from tests.fakes.prom_api import FakePromApi


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


def test_a_series_that_makes_room_ends_with_stale_markers() -> None:
    api = FakePromApi(NOW_S, **{f"old{number}": noise for number in range(3)})
    query = Query(api, the_plan=plan("expr: up, step: 60s, max_series: 4", models=SMALL))
    query.cycle()
    api.series = {"old0": noise, **{f"new{number}": noise for number in range(3)}}
    query.cycle(after_s=60)
    ends, newest = query.box.batches[1:]
    assert ends.time_ms == query.box.batches[0].time_ms + 1
    assert ends.body.count(STALE.tobytes()) == len(ends) == 2
    assert b"old1" in ends.body
    assert b"old2" in ends.body
    assert newest.body.count(STALE.tobytes()) == 0


def test_a_series_that_makes_room_when_it_is_too_late_to_write_has_no_last_words() -> None:
    api = FakePromApi(NOW_S, **{f"old{number}": noise for number in range(3)})
    query = Query(api, the_plan=plan("expr: up, step: 60s, max_series: 4", models=SMALL))
    query.cycle()
    api.series = {f"new{number}": noise for number in range(3)}
    query.cycle(after_s=WRITE_REACH_S + 600)
    assert all(STALE.tobytes() not in batch.body for batch in query.box.batches)


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
    page, shares = query.runner.pages
    assert (page.name, shares.name) == ("anomaly_score", "anomaly_contribution")
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
