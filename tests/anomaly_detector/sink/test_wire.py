"""The hand-made protobuf, beside Google's library reading and writing the same messages."""

import cramjam
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomaly_detector.sink.wire import (
    STALE,
    Template,
    encode_labels,
    encode_series,
    encode_time,
    join,
    varint,
)
from tests.fakes.protobuf_messages import message

NOW_MS = 1_763_700_000_123
STALE_BITS = 0x7FF0000000000002  # prometheus model/value/value.go


ORACLE = message("WriteRequest")
label_text = st.text(st.characters(codec="utf-8"), max_size=300)
label_sets = st.dictionaries(
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=40), label_text, min_size=1, max_size=12
)


def decoded(body: bytes) -> list[tuple[dict[str, str], float, int]]:
    request = ORACLE.FromString(body)
    return [
        ({label.name: label.value for label in one.labels}, one.samples[0].value, one.samples[0].timestamp)
        for one in request.timeseries
    ]


@given(st.lists(label_sets, min_size=1, max_size=8), st.floats(allow_nan=False), st.integers(1 << 35, (1 << 42) - 1))
def test_protobuf_reads_what_was_written(series: list[dict[str, str]], value: float, time_ms: int) -> None:
    template = Template([encode_series(encode_labels(labels.items())) for labels in series])
    values = np.arange(len(series)) + value
    body = template.render(np.arange(len(series)), values, time_ms).body
    assert decoded(body) == [(labels, one, time_ms) for labels, one in zip(series, values.tolist(), strict=True)]


@given(label_sets, st.floats(allow_nan=False).filter(bool), st.integers(1 << 35, (1 << 42) - 1))
def test_same_bytes_as_protobuf(labels: dict[str, str], value: float, time_ms: int) -> None:
    request = ORACLE()
    one = request.timeseries.add()
    for name, text in sorted(labels.items()):
        one.labels.add(name=name, value=text)
    one.samples.add(value=value, timestamp=time_ms)
    ours = Template([encode_series(encode_labels(labels.items()))]).render(np.array([0]), np.array([value]), time_ms)
    if all(labels.values()):  # an empty value is written by us, left out by proto3; both mean the same
        assert ours.body == request.SerializeToString()
    else:
        assert decoded(ours.body) == decoded(request.SerializeToString())


def template_of(count: int) -> Template:
    return Template(
        [encode_series(encode_labels({"__name__": "x", "n": "1" * number}.items())) for number in range(count)]
    )


@given(st.sets(st.integers(0, 19), min_size=1))
def test_some_rows_are_the_same_bytes_as_all_without_the_others(rows: set[int]) -> None:
    template, picked = template_of(20), np.array(sorted(rows))
    values = np.random.default_rng(1).normal(size=20)
    whole = template.render(np.arange(20), values, NOW_MS)
    part = template.render(picked, values[picked], NOW_MS)
    assert part.body == b"".join(whole.part(row, row + 1).body for row in picked.tolist())
    assert len(part) == len(picked)


def test_rendering_leaves_the_template_as_it_was() -> None:
    template, rows = template_of(3), np.arange(3)
    first = template.render(rows, np.ones(3), NOW_MS)
    template.render(rows, np.zeros(3), NOW_MS + 1)
    assert template.render(rows, np.ones(3), NOW_MS).body == first.body


def test_parts_put_together_are_the_whole() -> None:
    batch = template_of(17).render(np.arange(17), np.arange(17.0), NOW_MS)
    parts = batch.parts(5)
    assert [len(part) for part in parts] == [5, 5, 5, 2]
    assert b"".join(part.body for part in parts) == batch.body
    joined = join(parts, NOW_MS)
    assert joined.body == batch.body
    assert joined.bounds.tolist() == batch.bounds.tolist()
    assert decoded(joined.part(16, 17).body)[0][1] == 16.0


def test_nothing_joined_is_an_empty_batch() -> None:
    assert len(join([], NOW_MS)) == 0


def test_stale_marker_has_the_bits_that_prometheus_looks_for() -> None:
    body = template_of(1).render(np.array([0]), np.array([STALE]), NOW_MS).body
    value = ORACLE.FromString(body).timeseries[0].samples[0].value
    assert np.float64(value).view(np.uint64) == STALE_BITS
    assert STALE_BITS.to_bytes(8, "little") in body


def test_labels_are_sorted_by_name() -> None:
    template = Template([encode_series(encode_labels([("b", "1"), ("__name__", "x"), ("a", "2")]))])
    request = ORACLE.FromString(template.render(np.array([0]), np.zeros(1), NOW_MS).body)
    assert [label.name for label in request.timeseries[0].labels] == ["__name__", "a", "b"]


def test_compressed_is_a_snappy_block() -> None:
    batch = template_of(100).render(np.arange(100), np.arange(100.0), NOW_MS)
    assert bytes(cramjam.snappy.decompress_raw(batch.compressed())) == batch.body


@pytest.mark.parametrize(
    ("number", "wanted"), [(0, "00"), (127, "7f"), (128, "8001"), (300, "ac02"), (1 << 35, "808080808001")]
)
def test_varint(number: int, wanted: str) -> None:
    assert varint(number).hex() == wanted


@pytest.mark.parametrize("time_ms", [0, -1, (1 << 35) - 1, 1 << 42])
def test_times_that_do_not_fit_the_template_are_refused(time_ms: int) -> None:
    with pytest.raises(ValueError, match="1971 to 2109"):
        encode_time(time_ms)
