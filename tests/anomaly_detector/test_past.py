"""When a query reads history: at its start, and now and then for series that it meets later."""

from anomaly_detector.errors import SourceUnavailableError
from anomaly_detector.models.model import F64
from anomaly_detector.source.matrix import Matrix
from tests.fakes.detector_query import NOW_S, Query, confidence, noise
from tests.fakes.prom_api import FakePromApi


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
