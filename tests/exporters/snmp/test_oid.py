"""OIDs as bytes: what is a prefix in arcs is one in bytes, and the order is that of the arcs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.snmp import oid

ARCS = st.lists(st.integers(0, oid.MOST_ARC), min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("1.3.6.1.2.1", "2b06010201"),
        (".1.3.6.1", "2b0601"),
        ("0.0", "00"),
        ("2.999", "8837"),  # X.690 section 8.19.5
        ("1.3.6.1.4.1.2680.1", "2b06010401947801"),
        ("1.3.4294967295", "2b8fffffff7f"),
    ],
)
def test_text_and_content(text: str, content: str) -> None:
    assert oid.encode(text).hex() == content
    assert oid.text(bytes.fromhex(content)) == text.removeprefix(".")


@pytest.mark.parametrize("text", ["", "1", "ifTable", "1..3", "1.3.", "3.1", "1.40", "1.3.4294967296", "1.3.-1", "1.٣"])
def test_what_is_no_oid_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no OID"):
        oid.encode(text)


@given(ARCS)
def test_arcs_survive(arcs: list[int]) -> None:
    assert oid.decode_arcs(oid.encode_arcs(arcs)) == tuple(arcs)


@given(ARCS, ARCS)
def test_order_is_that_of_the_arcs(left: list[int], right: list[int]) -> None:
    in_bytes = oid.order(oid.encode_arcs(left)) < oid.order(oid.encode_arcs(right))
    assert in_bytes == (left < right)


@given(ARCS, ARCS)
def test_prefix_is_that_of_the_arcs(left: list[int], right: list[int]) -> None:
    assert oid.encode_arcs(right).startswith(oid.encode_arcs(left)) == (right[: len(left)] == left)


@given(st.binary(max_size=40))
def test_any_bytes_have_a_text(content: bytes) -> None:
    assert set(oid.text(content)) <= set("0123456789.")
