"""Answers of the HTTP API → matrices."""

import contextlib
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomaly_detector.errors import BadAnswerError, QueryFaultError, ResponseTooLargeError
from anomaly_detector.source.matrix import grid_times, parse_error, parse_labels, parse_matrix, parse_number

TIMES = grid_times(60.0, 120.0, 15.0)


def answer(*series: tuple[dict[str, str], list[tuple[float, str]]]) -> bytes:
    result = [{"metric": labels, "values": values} for labels, values in series]
    return json.dumps({"status": "success", "data": {"resultType": "matrix", "result": result}}).encode()


def test_values_stand_at_their_instant_and_gaps_are_nan() -> None:
    body = answer(({"a": "1"}, [(60, "1.5"), (90, "2e3")]), ({"a": "2"}, [(120.0, "-7")]))
    matrix = parse_matrix(body, TIMES, max_series=10)
    assert matrix.keys == [b'{"a": "1"}', b'{"a": "2"}']
    np.testing.assert_array_equal(matrix.values[:, 0], [1.5, np.nan, 2000, np.nan, np.nan])
    np.testing.assert_array_equal(matrix.values[:, 1], [np.nan, np.nan, np.nan, np.nan, -7])


def test_nan_and_infinite_samples_are_none_and_counted() -> None:
    body = answer(({"le": "+Inf"}, [(60, "NaN"), (75, "+Inf"), (90, "-Inf"), (105, "1")]))
    body = body.replace(b', "+Inf"]', b',"+Inf"]')  # as Go writes it, without a blank
    matrix = parse_matrix(body, TIMES, max_series=10)
    assert matrix.unusable == 3
    np.testing.assert_array_equal(matrix.values[:, 0], [np.nan, np.nan, np.nan, 1, np.nan])
    assert parse_labels(matrix.keys[0]) == {"le": "+Inf"}


def test_samples_off_the_grid_are_dropped() -> None:
    matrix = parse_matrix(answer(({}, [(61.5, "1"), (45, "2"), (135, "3"), (75.0004, "4")])), TIMES, max_series=10)
    np.testing.assert_array_equal(matrix.values[:, 0], [np.nan, 4, np.nan, np.nan, np.nan])


def test_nothing_is_an_empty_matrix() -> None:
    assert parse_matrix(answer(), TIMES, max_series=10).values.shape == (5, 0)


def test_too_many_series() -> None:
    body = answer(*(({"a": str(number)}, [(60.0, "1")]) for number in range(11)))
    with pytest.raises(ResponseTooLargeError, match=r"11 series, the budget is 10: narrow the expression"):
        parse_matrix(body, TIMES, max_series=10)


def test_a_past_full_of_short_lived_series_is_refused_before_it_fills_the_memory() -> None:
    times_s = grid_times(0.0, 10_080 * 60.0, 60.0)
    body = answer(*(({"pod": str(number)}, [(60.0 * number, "1")]) for number in range(2000)))
    with pytest.raises(ResponseTooLargeError, match="2000 series at 10081 instants at once"):
        parse_matrix(body, times_s, max_series=10_000)
    assert parse_matrix(body, times_s[:1], max_series=10_000).values.shape == (1, 2000)


def test_native_histograms_cost_nothing_but_themselves() -> None:
    histogram = {"metric": {"a": "2"}, "histograms": [[60, {"count": "3", "sum": "1"}], [75, {}]]}
    told = json.loads(answer(({"a": "1"}, [(60, "1.5")])))
    told["data"]["result"].append(histogram)
    matrix = parse_matrix(json.dumps(told).encode(), TIMES, max_series=10)
    assert (matrix.keys, matrix.unusable) == ([b'{"a": "1"}'], 2)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b'{"status":"success"}',
        b'{"status":"error","error":"x"}',
        b'{"status":"success","data":{"resultType":"vector","result":[]}}',
        b'{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1]]}]}}',
        b'{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1,"x"]]}]}}',
        b'{"status":"success","data":{"resultType":"matrix","result":[{"values":[[1,"1"]]}]}}',
        b"\xff\xfe",
    ],
)
def test_what_is_no_matrix_is_said_to_be_none(body: bytes) -> None:
    with pytest.raises(BadAnswerError):
        parse_matrix(body, TIMES, max_series=10)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_give_a_matrix_or_a_fault(body: bytes) -> None:
    with contextlib.suppress(QueryFaultError):
        assert parse_matrix(body, TIMES, max_series=10).values.shape[0] == 5


json_values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["status", "data", "resultType", "result", "metric", "values", "x"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@given(json_values)
def test_any_json_gives_a_number_or_a_fault(value: object) -> None:
    body = json.dumps({"status": "success", "data": value}).encode()
    for parse in (
        lambda: parse_matrix(body, TIMES, max_series=10),
        lambda: parse_number(body),
        lambda: parse_labels(body),
    ):
        with contextlib.suppress(QueryFaultError):
            parse()


def test_time_is_a_scalar_or_a_vector_of_one() -> None:
    scalar = b'{"status":"success","data":{"resultType":"scalar","result":[1763700000.1,"1763700000.1"]}}'
    vector = b'{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[17,"1763700000"]}]}}'
    assert parse_number(scalar) == 1763700000.1
    assert parse_number(vector) == 1763700000


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"status":"error","error":"parse error: x"}', "parse error: x"),
        (b"upstream\n  timed out", "upstream timed out"),
        (b"\xff", "\N{REPLACEMENT CHARACTER}"),
        (b"x" * 5000, "x" * 300),
    ],
)
def test_what_the_server_says_is_shown_in_short(body: bytes, said: str) -> None:
    assert parse_error(body) == said


@pytest.mark.parametrize("number", ["NaN", "+Inf", "-Inf", "1e300"])
def test_a_number_that_is_no_time_is_refused(number: str) -> None:
    with pytest.raises(BadAnswerError, match="where a time is due"):
        parse_number(b'{"data":{"resultType":"scalar","result":[1,"%s"]}}' % number.encode())


def test_deep_nesting_is_a_bad_answer() -> None:
    deep = b"[" * 100_000 + b"]" * 100_000
    for refused in (
        lambda: parse_number(b'{"data":%s}' % deep),
        lambda: parse_matrix(
            b'{"status":"success","data":{"resultType":"matrix","result":[{"metric":%s,"values":[]}]}}' % deep,
            TIMES,
            max_series=10,
        ),
    ):
        with pytest.raises(BadAnswerError):
            refused()
    assert parse_error(b'{"x":%s}' % deep).startswith('{"x":[')


def test_control_characters_are_not_shown() -> None:
    assert parse_error(b"\x00\x1b[31mred\x07") == "[31mred"
