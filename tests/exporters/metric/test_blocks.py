"""Samples by the column: they read as ordinary samples, and are written like them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporters.metric.blocks import Block, Rows, SampleBlocks, blocks_of
from exporters.metric.exposition import SampleConflictError, strict_text, text
from exporters.metric.samples import Family, Sample, label_text

FAMILIES = [Family("a", "gauge", "first"), Family("b", "counter", "second"), Family("a", "gauge", "again")]
OTHER_TYPE = Family("b", "gauge", "other type")
values = st.integers(-(2**70), 2**70) | st.floats() | st.booleans()
labels = st.dictionaries(st.sampled_from(["x", "y"]), st.text(st.characters(codec="utf-8"), max_size=6)).map(
    lambda pairs: label_text(pairs.items())
)
samples = st.lists(st.tuples(st.sampled_from([*FAMILIES, OTHER_TYPE]), labels, values), max_size=30)


def columns(given_samples: list[Sample]) -> SampleBlocks:
    """Return samples as a collector would give them that knows which columns are whole numbers."""
    return SampleBlocks(
        Block(block.family, block.rows, block.values, all(type(value) is int for value in block.values))
        for block in blocks_of(given_samples)
    )


@settings(deadline=None)
@given(samples)
def test_blocks_are_written_like_their_samples(given_samples: list[Sample]) -> None:
    assert text(columns(given_samples)) == text(given_samples)


@settings(deadline=None)
@given(samples)
def test_strict_refuses_the_same(given_samples: list[Sample]) -> None:
    try:
        expected: bytes | str = strict_text(given_samples)
    except SampleConflictError as error:
        expected = str(error)
    try:
        found: bytes | str = strict_text(columns(given_samples))
    except SampleConflictError as error:
        found = str(error)
    assert found == expected


@settings(deadline=None)
@given(samples)
def test_nothing_left_out_means_that_strict_agrees(given_samples: list[Sample]) -> None:
    body, left_out = text(given_samples)
    lines = [line for line in body.decode().split("\n") if line and not line.startswith("#")]
    assert len(lines) == len(given_samples) - left_out


def test_they_are_a_sequence() -> None:
    given_samples: list[Sample] = [(FAMILIES[0], '{x="1"}', 1), (FAMILIES[0], '{x="2"}', 2), (FAMILIES[1], "", 3)]
    found = columns(given_samples)
    assert (list(found), len(found), found[0], found[-1], found[:2]) == (
        given_samples, 3, given_samples[0], given_samples[2], given_samples[:2],
    )  # fmt: skip
    assert found == given_samples
    assert found != given_samples[:2]
    assert found != 3
    assert SampleBlocks() == []
    assert not SampleBlocks()


def test_they_grow_by_blocks_and_by_samples() -> None:
    found = SampleBlocks()
    found += columns([(FAMILIES[0], "", 1)])
    found += [(FAMILIES[1], "", 2)]
    assert found == [(FAMILIES[0], "", 1), (FAMILIES[1], "", 2)]


def test_they_cannot_be_keys() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(SampleBlocks())


def test_rows_know_whether_they_differ() -> None:
    assert Rows(["a", "b"]).distinct
    assert not Rows(["a", "a"]).distinct


def test_an_empty_column_is_not_written() -> None:
    assert text(SampleBlocks([Block(FAMILIES[0], Rows([]), [], True)])) == (b"", 0)


def test_percent_signs_in_labels_stay() -> None:
    rows = Rows([label_text([("x", "100%d")])])
    assert text(SampleBlocks([Block(FAMILIES[0], rows, [7], True)]))[0].endswith(b'\na{x="100%d"} 7\n')
