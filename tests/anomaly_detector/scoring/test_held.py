"""Which series learn nothing: the same as `learning.held` says, and cheaper."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from anomaly_detector.scoring.held import HeldSeries
from anomaly_detector.scoring.learning import Instant, Pause, held
from anomaly_detector.series_table import SeriesTable
from heronwatch.go_regex import AnchoredRegex

LABELS = st.dictionaries(st.sampled_from("abc"), st.sampled_from(["", "x", "y", "xy"]), max_size=3)
PAUSES = st.builds(
    lambda begins, lasts, match: Pause(
        begins=Instant(begins), to=Instant(begins + lasts), match={k: AnchoredRegex(v) for k, v in match.items()}
    ),
    st.integers(0, 5),
    st.integers(1, 5),
    st.dictionaries(st.sampled_from("abc"), st.sampled_from(["x", "x.*", "", "[^y].*|"]), max_size=2),
)


@given(series=st.lists(LABELS, max_size=6), pauses=st.lists(PAUSES, max_size=4), time_s=st.integers(0, 10))
def test_it_agrees_with_the_plain_way(series: list[dict[str, str]], pauses: list[Pause], time_s: int) -> None:
    table = SeriesTable()
    distinct = {tuple(sorted((k, v) for k, v in one.items() if v)) for one in series}
    for labels in sorted(distinct):
        table.add(labels)
    rows, wanted = np.arange(len(table)), held(pauses, list(table.labels), time_s)
    found = HeldSeries().at(pauses, table, rows, time_s)
    assert (found is None) == (wanted is None)
    if found is not None and wanted is not None:
        assert found.tolist() == wanted.tolist()


def test_it_notices_new_series_and_new_pauses() -> None:
    table, every = SeriesTable(), HeldSeries()
    pause = Pause(begins=Instant(0), to=Instant(9), match={"n": AnchoredRegex("a|c")})
    table.add((("n", "a"),))
    assert every.at([pause], table, np.array([0]), 1.0).tolist() == [True]  # type: ignore[union-attr]
    table.add((("n", "b"),))
    table.add((("n", "c"),))
    assert every.at([pause], table, np.array([2, 1, 0]), 1.0).tolist() == [True, False, True]  # type: ignore[union-attr]
    other = Pause(begins=Instant(0), to=Instant(9), match={"n": AnchoredRegex("b")})
    assert every.at([other], table, np.array([2, 1, 0]), 1.0).tolist() == [False, True, False]  # type: ignore[union-attr]
    assert every.at([pause], table, np.array([0]), 9.0) is None
