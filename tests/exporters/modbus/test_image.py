"""What a simulated device answers, byte for byte as the specification's own examples have it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporters.modbus.address import Place, Table
from exporters.modbus.image import Image, words_of
from exporters.modbus.registers import Layout, RegisterType
from exporters.probing.tracks import read_tracks, value_at

# Modbus Application Protocol Specification V1.1b3: the examples of sections 6.1 to 6.4
SPEC = Image(
    {
        **{Place(Table.HOLDING, 107 + i): value for i, value in enumerate([555, 0, 100])},
        Place(Table.INPUT, 8): 10,
    }
)


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ("03006b0003", "0306022b00000064"),
        ("0400080001", "0402000a"),
        ("0300000001", "8302"),
        ("0300000000", "8303"),
        ("030000007e", "8303"),
        ("0600000001", "8601"),
        ("2b0e0100", "ab01"),
        ("", "8001"),
    ],
)
def test_answers(asked: str, answered: str) -> None:
    assert SPEC.answer(bytes.fromhex(asked)).hex() == answered


def test_bits_are_packed_lowest_first() -> None:
    # section 6.1: coils 20 to 38 read as CD 6B 05
    bits = [int(c) for byte in (0xCD, 0x6B, 0x05) for c in f"{byte:08b}"[::-1]][:19]
    image = Image({Place(Table.COIL, 19 + i): bit for i, bit in enumerate(bits)})
    assert image.answer(bytes.fromhex("0100130013")).hex() == "0103cd6b05"


def test_a_value_spreads_over_its_registers() -> None:
    words = dict(words_of(Place(Table.INPUT, 4), Layout(RegisterType.FLOAT32, registers=2), 1.0))
    assert words == {Place(Table.INPUT, 4): 0x3F80, Place(Table.INPUT, 5): 0}


@settings(deadline=None)
@given(st.binary(max_size=12))
def test_any_request_gets_an_answer(asked: bytes) -> None:
    assert SPEC.answer(asked)


@pytest.mark.parametrize(("now", "expected"), [(-1, 10), (0, 10), (5, 15), (10, 20), (15, 20), (20, 20), (99, 20)])
def test_value_follows_its_points(now: float, expected: float) -> None:
    assert value_at([(0, 10), (10, 20), (20, 20)], now) == expected


@pytest.mark.parametrize(
    "raw", [b"{", b"[]", b'{"a": {"points": []}}', b'{"a": {"points": [[2, 1], [1, 1]]}}', b'{"a": {"x": 1}}']
)
def test_bad_live_file_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError):
        read_tracks(raw)
