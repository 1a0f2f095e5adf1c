"""DISPLAY-HINT: examples of RFC 2579 section 3.1 and the hints of well-known MIBs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.snmp.decoding.display_hint import parse, render


@pytest.mark.parametrize(
    ("hint", "data", "expected"),
    [
        ("1x:", "0050569abcde", "00:50:56:9A:BC:DE"),
        ("255a", "48656c6c6f", "Hello"),
        ("255t", "c3a9", "é"),
        ("1d.1d.1d.1d", "0a000001", "10.0.0.1"),
        ("1d.1d.1d.1d/1d", "0a00000118", "10.0.0.1/24"),
        ("2d-1d-1d,1d:1d:1d.1d,1a1d:1d", "07e6030f0c1e00002b0100", "2022-3-15,12:30:0.0,+1:0"),
        ("2x:2x:2x:2x:2x:2x:2x:2x", "fe80" + "00" * 14, "FE80:0000:0000:0000:0000:0000:0000:0000"),
        ("1o", "08", "10"),
        ("*1d./1d", "0201020305", "1.2/35"),
        ("1d", "", None),
        ("9d", "00" * 9, None),  # a number of more than 8 octets
    ],
)
def test_rendering(hint: str, data: str, expected: str | None) -> None:
    parsed = parse(hint)
    assert parsed is not None
    assert render(parsed, bytes.fromhex(data)) == expected


@pytest.mark.parametrize("hint", ["", "x", "1z", "d", "1x::1d", "0x"])
def test_what_is_no_hint(hint: str) -> None:
    assert parse(hint) is None


@given(st.text(alphabet="*0123xdoat:.-", max_size=12), st.binary(max_size=40))
def test_any_hint_ends(hint: str, data: bytes) -> None:
    parsed = parse(hint)
    if parsed is not None:
        render(parsed, data)
