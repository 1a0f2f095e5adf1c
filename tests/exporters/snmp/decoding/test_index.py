"""The index of a row → labels, case by case."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.snmp.decoding.index import Arcs, split
from exporters.snmp.plan import Index

KINDS = ["gauge", "Integer32", "PhysAddress48", "InetAddressIPv4", "InetAddressIPv6", "OctetString", "DisplayString",
         "EnumAsInfo", "InetAddress", "InetAddressMissingSize", "LldpPortId"]  # fmt: skip


def index(kind: str, *, fixed_size: int = 0, implied: bool = False) -> Index:
    return Index("label", kind, fixed_size, implied, {1: "one"})


@pytest.mark.parametrize(
    ("kind", "arcs", "text", "used"),
    [
        ("gauge", (7, 8), "7", (7,)),
        ("gauge", (), "0", (0,)),  # zeros left out at the end
        ("EnumAsInfo", (1,), "one", (1,)),
        ("EnumAsInfo", (2,), "2", (2,)),
        ("PhysAddress48", (0, 80, 86, 1), "00:50:56:01:00:00", (0, 80, 86, 1, 0, 0)),
        ("InetAddressIPv4", (10, 0, 0, 1, 99), "10.0.0.1", (10, 0, 0, 1)),
        ("InetAddressIPv6", (254, 128), "FE80" + ":0000" * 7, (254, 128, *([0] * 14))),
        ("OctetString", (2, 171, 205, 9), "0xABCD", (2, 171, 205)),
        ("OctetString", (0,), "", (0,)),
        ("DisplayString", (2, 104, 105, 7), "hi", (2, 104, 105)),
        ("InetAddress", (1, 4, 10, 0, 0, 1), "10.0.0.1", (1, 4, 10, 0, 0, 1)),
        ("InetAddress", (16, 3, 1, 2, 3), "0x1003010203", (16, 3, 1, 2, 3)),  # a domain name: type and length, too
        ("InetAddressMissingSize", (1, 10, 0, 0, 1), "10.0.0.1", (1, 10, 0, 0, 1)),
        ("InetAddressMissingSize", (9, 1, 2), "0x090102", (9, 1, 2)),
        ("LldpPortId", (3, 6, 0, 80, 86, 1, 2, 3), "00:50:56:01:02:03", (3, 6, 0, 80, 86, 1, 2, 3)),
    ],
)
def test_one_index(kind: str, arcs: Arcs, text: str, used: Arcs) -> None:
    assert split(arcs, [index(kind)]) == [("label", text, used)]


def test_fixed_size_has_no_length() -> None:
    assert split((104, 105, 7), [index("DisplayString", fixed_size=2)]) == [("label", "hi", (104, 105))]


def test_implied_takes_the_rest() -> None:
    assert split((104, 105), [index("DisplayString", implied=True)]) == [("label", "hi", (104, 105))]


def test_indexes_follow_one_another() -> None:
    assert [
        part[1] for part in split((5, 2, 104, 105, 9), [index("gauge"), index("DisplayString"), index("gauge")])
    ] == [
        "5",
        "hi",
        "9",
    ]


@given(st.sampled_from(KINDS), st.lists(st.integers(0, 2**32 - 1), max_size=128).map(tuple))
def test_any_arcs_have_a_text(kind: str, arcs: Arcs) -> None:
    [(_, text, _)] = split(arcs, [index(kind)])
    assert len(text.encode()) < 20_000
