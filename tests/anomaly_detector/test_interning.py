"""Byte strings by number: found by their hashes, told apart when half of those is the same."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from anomaly_detector.interning import HashIndex, Interned, hashes_of


@given(st.lists(st.lists(st.binary(max_size=200), unique=True, max_size=20), max_size=8))
def test_a_string_keeps_its_number(batches: list[list[bytes]]) -> None:
    interned, known = Interned(), dict[bytes, int]()
    for batch in batches:
        for text, number in zip(batch, interned.numbers(batch).tolist(), strict=True):
            assert known.setdefault(text, number) == number
            assert interned[number] == text
    assert sorted(known.values()) == list(range(len(interned)))


def test_equal_first_halves_are_told_apart_by_the_second() -> None:
    index = HashIndex()
    index.add(np.array([[7, 7, 3, 7], [1, 2, 1, 3]]), np.arange(4))
    wanted = np.array([[7, 7, 7, 3, 7, 9, -1], [3, 1, 2, 1, 4, 1, 1]])
    assert index.find(wanted).tolist() == [3, 0, 1, 2, -1, -1, -1]


@given(st.lists(st.integers(-3, 3), max_size=30), st.sets(st.integers(0, 29)))
def test_what_is_dropped_is_not_found(first: list[int], gone: set[int]) -> None:
    hashes = np.array([first, list(range(len(first)))]).reshape(2, -1)
    index = HashIndex()
    index.add(hashes, np.arange(len(first)))
    index.drop(np.isin(np.arange(30), sorted(gone)))
    assert index.find(hashes).tolist() == [-1 if place in gone else place for place in range(len(first))]


def test_hashes_of_nothing() -> None:
    assert hashes_of([]).shape == (2, 0)
