"""Requests and responses as values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heronwatch.http_message import (
    MOST_QUERY_FIELDS,
    Query,
    QueryError,
    Request,
    Response,
    json_response,
    status_line,
    text_response,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("a=1&b=2&a=3", {"a": ["1", "3"], "b": ["2"]}),
        ("a=x%20y&b=x+y", {"a": ["x y"], "b": ["x y"]}),
        ("a=&b", {"a": [""], "b": [""]}),
        ("&&a=1&", {"a": ["1"]}),
        ("a=b=c", {"a": ["b=c"]}),
        ("a=%ff", {"a": ["\ufffd"]}),
        ("a=\udcff", {"a": ["?"]}),  # a raw byte, as aiohttp hands it on
        ("m=a,b&n=%2C", {"m": ["a,b"], "n": [","]}),
    ],
)
def test_query(text: str, expected: dict[str, list[str]]) -> None:
    query = Query(text)
    assert {name: query.getall(name) for name in query} == expected
    assert len(query) == len(expected)


def test_too_many_parameters() -> None:
    assert len(Query("a=1&" * (MOST_QUERY_FIELDS - 1) + "b=1")) == 2
    for text in ("a=1&" * MOST_QUERY_FIELDS + "a=1", "a=%20&" * MOST_QUERY_FIELDS + "a=1"):
        with pytest.raises(QueryError, match="more than 200 parameters"):
            Query(text)


def test_a_missing_parameter() -> None:
    query = Query("a=1")
    assert query.get("b") is None
    assert query.getall("b") == []
    with pytest.raises(KeyError):
        query["b"]


@given(st.text(alphabet=st.characters(exclude_categories=()), max_size=80))
def test_what_a_query_holds_can_always_be_sent_on(text: str) -> None:
    query = Query(text)
    for name in query:
        "".join([name, *query.getall(name)]).encode()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-A", "a\r\nSet-Cookie: b"),
        ("X-A", "a\nb"),
        ("X-A", "a\0b"),
        ("X-A\r\nX-B", "a"),
        ("X A", "a"),
        ("X:A", "a"),
        ("", "a"),
    ],
)
def test_a_header_that_would_split_the_response_cannot_be_made(name: str, value: str) -> None:
    with pytest.raises(ValueError, match="header"):
        Response(headers=((name, value),))


def test_a_content_type_that_would_split_the_response_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="control character"):
        Response(content_type="text/plain\r\nX: y")


def test_request_json() -> None:
    assert Request("POST", "/", body=b'{"a": [1]}').json() == {"a": [1]}
    with pytest.raises(ValueError, match="truncated"):
        Request("POST", "/", body=b"{").json()


def test_responses() -> None:
    assert text_response("x", status=404).body == b"x\n"
    assert json_response({"a": 1}).body == b'{"a":1}'
    assert (status_line(404), status_line(799)) == ("404 Not Found", "799 Status")
