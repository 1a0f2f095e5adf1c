"""gzip: when a client takes it, and what comes out."""

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heronwatch.compression import accepts_gzip, gzip_bytes


@pytest.mark.parametrize(
    ("header", "takes"),
    [
        ("gzip", True),
        ("gzip, deflate, br", True),
        ("GZip", True),
        ("deflate, gzip;q=0.1", True),
        ("*", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000, *", False),
        ("*;q=0", False),
        ("identity", False),
        ("", False),
        ("gzip;q=nonsense", False),
        ("gzip;v=1", True),
    ],
)
def test_accepts_gzip(header: str, takes: bool) -> None:
    assert accepts_gzip(header) is takes


@given(st.text(max_size=50))
def test_any_header_gets_an_answer(header: str) -> None:
    assert accepts_gzip(header) in {True, False}


@given(st.binary(max_size=2_000))
def test_what_is_packed_comes_back(body: bytes) -> None:
    assert gzip.decompress(gzip_bytes(body)) == body


def test_equal_bodies_give_equal_bytes() -> None:
    assert gzip_bytes(b"x" * 100) == gzip_bytes(b"x" * 100)
