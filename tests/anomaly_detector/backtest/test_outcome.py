"""Rates are by the time that there is history of."""

from types import SimpleNamespace

import pytest

from anomaly_detector.backtest.outcome import begin_of
from anomaly_detector.models.model import DAY_S

TO_S = 20_000 * DAY_S


@pytest.mark.parametrize(
    ("days", "late", "judged"),
    [
        (100, {}, 100),
        (100, {"a": 17, "b": 10}, 17),
        (100, {"a": 17}, 100),  # of the other there is all
        (100, {"a": 0.2, "b": 0.1}, 1),
        (0.5, {}, 0.5),
        (0.5, {"a": 0.1, "b": 0.1}, 0.5),
    ],
)
def test_what_is_judged_begins_with_the_first_sample(days: float, late: dict[str, float], judged: float) -> None:
    lanes = [SimpleNamespace(query=query) for query in ("a", "b")]
    terms = SimpleNamespace(from_s=TO_S - days * DAY_S, to_s=TO_S)
    begins = {query: TO_S - ago * DAY_S for query, ago in late.items()}
    assert TO_S - begin_of(lanes, terms, begins) == pytest.approx(judged * DAY_S)  # type: ignore[arg-type]
