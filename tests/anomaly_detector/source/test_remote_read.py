"""Remote read by hand, beside Google's library; what is no answer is refused, never misread."""

import math
import struct

import cramjam
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomaly_detector.errors import BadAnswerError, DetectorError, ResponseTooLargeError
from anomaly_detector.source.matrix import parse_labels
from anomaly_detector.source.remote_read import on_grid, parse_response, request
from anomaly_detector.source.selector import Matcher
from tests.fakes.protobuf_messages import message

NOW_S = 1_763_700_000.0
STALE = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))[0]


REQUEST, RESPONSE = message("ReadRequest"), message("ReadResponse")
text = st.text(st.characters(codec="utf-8"), max_size=20)
matchers = st.lists(st.builds(Matcher, st.sampled_from(["=", "!=", "=~", "!~"]), text, text), max_size=4)
numbers = st.sampled_from([0.0, -0.0, 1.5, math.nan, math.inf, STALE]) | st.floats(width=64)
series = st.lists(
    st.tuples(
        st.dictionaries(text, text, max_size=3),
        st.lists(st.tuples(st.integers(0, 40), numbers), max_size=12, unique_by=lambda pair: pair[0]),
    ),
    max_size=4,
)


@given(wanted=matchers, start_s=st.integers(1, 2_000_000_000), lasts_s=st.integers(0, 10**6))
def test_a_request_is_what_the_library_reads(wanted: list[Matcher], start_s: int, lasts_s: int) -> None:
    body = cramjam.snappy.decompress_raw(request(wanted, float(start_s), float(start_s + lasts_s)))
    (query,) = REQUEST.FromString(bytes(body)).queries
    assert (query.start, query.end) == (start_s * 1000, (start_s + lasts_s) * 1000)
    kinds = ["=", "!=", "=~", "!~"]
    assert [Matcher(kinds[one.type], one.name, one.value) for one in query.matchers] == wanted


def response(*every: tuple[dict[str, str], list[tuple[float, float]]]) -> bytes:
    """An answer by the library: labels, and samples of (seconds, value)."""
    message = RESPONSE()
    result = message.results.add()
    for labels, samples in every:
        one = result.timeseries.add()
        for name, value in labels.items():
            one.labels.add(name=name, value=value)
        for at_s, value in samples:
            one.samples.add(timestamp=round(at_s * 1000), value=value)
    return bytes(cramjam.snappy.compress_raw(message.SerializeToString()))


def plain(samples: list[tuple[float, float]], time_s: float) -> float:
    """The value at an instant, the slow way."""
    past = [(at, value) for at, value in samples if at <= time_s]
    if not past:
        return math.nan
    at, value = max(past, key=lambda pair: pair[0])
    return value if time_s - at < 300 and math.isfinite(value) else math.nan


@given(every=series)
def test_an_answer_of_the_library_is_read_as_promql_would(
    every: list[tuple[dict[str, str], list[tuple[int, float]]]],
) -> None:
    timed = [(labels, sorted((NOW_S + 37 * at, value) for at, value in samples)) for labels, samples in every]
    times = NOW_S + 60.0 * np.arange(30)
    raw = parse_response(response(*timed), times, max_bytes=1 << 20, max_series=10)
    assert raw.samples == sum(len(samples) for _, samples in timed)
    assert [parse_labels(key) for key in raw.matrix.keys] == [labels for labels, _ in timed]
    for column, (_, samples) in enumerate(timed):
        expected = [plain(samples, time_s) for time_s in times.tolist()]
        np.testing.assert_array_equal(raw.matrix.values[:, column], expected)


def test_a_stale_marker_is_no_unusable_sample() -> None:
    body = response(({"n": "a"}, [(NOW_S, math.nan), (NOW_S + 1, STALE), (NOW_S + 2, math.inf), (NOW_S + 3, 1.0)]))
    assert parse_response(body, np.array([NOW_S]), max_bytes=1 << 20, max_series=10).matrix.unusable == 2


@given(junk=st.binary(max_size=200), packed=st.booleans())
def test_junk_is_a_fault_and_no_crash(junk: bytes, packed: bool) -> None:
    body = bytes(cramjam.snappy.compress_raw(junk)) if packed else junk
    try:
        found = parse_response(body, np.array([NOW_S]), max_bytes=1 << 20, max_series=10)
    except DetectorError:
        return
    assert found.matrix.values.shape == (1, len(found.matrix.keys))


@given(data=st.data())
def test_an_answer_that_breaks_off_or_was_changed_is_a_fault_or_an_answer(data: st.DataObject) -> None:
    whole = cramjam.snappy.decompress_raw(response(({"n": "a"}, [(NOW_S + 15 * i, float(i)) for i in range(20)])))
    message = bytearray(bytes(whole))
    if data.draw(st.booleans()):
        del message[data.draw(st.integers(0, len(message) - 1)) :]
    else:
        message[data.draw(st.integers(0, len(message) - 1))] = data.draw(st.integers(0, 255))
    try:
        parse_response(
            bytes(cramjam.snappy.compress_raw(bytes(message))), np.array([NOW_S]), max_bytes=1 << 20, max_series=10
        )
    except DetectorError:
        return


def test_labels_that_are_no_text_are_a_fault() -> None:
    body = bytes(cramjam.snappy.decompress_raw(response(({"n": "ab"}, [(NOW_S, 1.0)])))).replace(b"ab", b"\xff\xfe")
    with pytest.raises(BadAnswerError, match="no text"):
        parse_response(bytes(cramjam.snappy.compress_raw(body)), np.array([NOW_S]), max_bytes=1 << 20, max_series=10)


def test_budgets() -> None:
    body = response(*(({"n": str(number)}, [(NOW_S, 1.0)]) for number in range(11)))
    with pytest.raises(ResponseTooLargeError, match="more than 10 series"):
        parse_response(body, np.array([NOW_S]), max_bytes=1 << 20, max_series=10)
    with pytest.raises(ResponseTooLargeError, match="raise max_response_bytes"):
        parse_response(body, np.array([NOW_S]), max_bytes=10, max_series=100)
    with pytest.raises(BadAnswerError, match="not a snappy block"):
        parse_response(b"", np.array([NOW_S]), max_bytes=10, max_series=100)


def test_no_samples_are_no_values() -> None:
    assert np.isnan(on_grid(np.zeros(0), np.zeros(0), np.array([1.0, 2.0]))).all()
