"""Which series has which row."""

import json

import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from anomaly_detector.errors import ResponseTooLargeError, SeriesCollisionError
from anomaly_detector.series_table import SeriesTable


def key(**labels: str) -> bytes:
    return json.dumps(labels).encode()


def test_a_series_keeps_its_row() -> None:
    table = SeriesTable()
    first, new = table.rows_of([key(a="1"), key(a="2")], max_series=10)
    assert new == [0, 1]
    again, new = table.rows_of([key(a="2"), key(a="3"), key(a="1")], max_series=10)
    assert again.tolist() == [first[1], 2, first[0]]
    assert new == [2]


def test_another_spelling_is_the_same_series() -> None:
    table = SeriesTable()
    table.rows_of([b'{"a":"1","b":"2"}'], max_series=10)
    rows, new = table.rows_of([b'{"b":"2", "a":"1", "c":""}'], max_series=10)
    assert rows.tolist() == [0]
    assert not new


def test_series_that_differ_in_their_name_only_are_a_fault() -> None:
    table = SeriesTable()
    with pytest.raises(SeriesCollisionError, match=r'\{a="1"\} appears twice once __name__ is dropped'):
        table.rows_of([key(__name__="x", a="1"), key(__name__="y", a="1")], max_series=10)
    assert table.series == 0


def test_a_known_series_met_twice_is_a_fault_too() -> None:
    table = SeriesTable()
    table.rows_of([key(__name__="x", a="1")], max_series=10)
    with pytest.raises(SeriesCollisionError):
        table.rows_of([key(__name__="x", a="1"), key(__name__="y", a="1")], max_series=10)


def test_the_budget_is_kept_and_nothing_changes() -> None:
    table = SeriesTable()
    table.rows_of([key(a="1")], max_series=2)
    with pytest.raises(ResponseTooLargeError, match="3 series to remember, the budget is 2"):
        table.rows_of([key(a="2"), key(a="3")], max_series=2)
    assert table.series == 1


def test_rows_of_forgotten_series_are_given_again() -> None:
    table = SeriesTable()
    table.rows_of([key(a="1"), key(a="2")], max_series=10)
    version = table.version
    assert table.forget(np.array([True, False])).tolist() == [0]
    rows, new = table.rows_of([key(a="2"), key(a="9")], max_series=10)
    assert rows.tolist() == [1, 0]
    assert new == [0]
    assert table.version > version


def test_find_adds_nothing() -> None:
    table = SeriesTable()
    table.rows_of([key(a="1")], max_series=10)
    assert table.find([key(a="2"), key(a="1")]).tolist() == [-1, 0]
    assert table.series == 1


class Churn(RuleBasedStateMachine):
    """Series come and go in any order; every living one has a row of its own that does not move."""

    def __init__(self) -> None:
        super().__init__()
        self.table = SeriesTable()
        self.rows: dict[str, int] = {}

    @rule(names=st.sets(st.sampled_from("abcdefgh")))
    def read(self, names: set[str]) -> None:
        order = sorted(names)
        rows, new = self.table.rows_of([key(n=name) for name in order], max_series=100)
        for name, row in zip(order, rows.tolist(), strict=True):
            assert self.rows.setdefault(name, row) == row
            assert self.table.labels[row] == (("n", name),)
        assert set(new) <= set(rows.tolist())

    @rule(names=st.sets(st.sampled_from("abcdefgh")))
    def forget(self, names: set[str]) -> None:
        gone = np.zeros(len(self.table), bool)
        gone[[self.rows.pop(name) for name in names & self.rows.keys()]] = True
        self.table.forget(gone)

    @invariant()
    def rows_are_distinct(self) -> None:
        assert len(set(self.rows.values())) == len(self.rows) == self.table.series
        assert len(self.table) <= 8


TestChurn = Churn.TestCase
