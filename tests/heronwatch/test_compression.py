"""gzip: when a client takes it, and what comes out."""

import gzip
import sys
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heronwatch import compression
from heronwatch.compression import accepts_gzip, gzip_bytes, gzip_seconds


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


@pytest.fixture
def without_isal(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(sys.modules, "isal", None)  # how Python marks a module that cannot be imported
    compression._library.cache_clear()
    yield
    compression._library.cache_clear()


@pytest.mark.usefixtures("without_isal")
def test_zlib_packs_where_isal_is_not_installed() -> None:
    body = b"ifInOctets 1\n" * 10_000
    assert gzip.decompress(gzip_bytes(body)) == body
    assert gzip_seconds(1_000_000) > 0.005


def test_isal_packs_where_it_is_installed() -> None:
    pytest.importorskip("isal")
    body = b"".join(b'ifInOctets{ifIndex="%d"} %d\n' % (port, port * 7919) for port in range(20_000))
    packed = gzip_bytes(body)
    assert gzip.decompress(packed) == body
    assert len(packed) < len(body) / 4
    assert packed[4:8] == b"\0\0\0\0", "no time stamp (RFC 1952 section 2.3.1)"
    assert gzip_seconds(1_000_000) < 0.002
