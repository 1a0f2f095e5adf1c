"""Register types and byte orders against values worked out by hand and by pymodbus."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymodbus.client.mixin import ModbusClientMixin

from exporters.modbus.registers import Layout, Order, RegisterType, Value, pack, reorder, unpack, width

# the same 64-bit pattern in the four orders; telegraf's documents name them alike
BY_ORDER = {
    Order.ABCD: "0102030405060708",
    Order.DCBA: "0807060504030201",
    Order.BADC: "0201040306050807",
    Order.CDAB: "0708050603040102",
}


def layout(kind: RegisterType, order: Order = Order.ABCD, *, registers: int = 0, bit: int = 0) -> Layout:
    return Layout(type=kind, order=order, registers=registers or width(kind), bit=bit)


@pytest.mark.parametrize("order", Order)
def test_one_value_in_four_orders(order: Order) -> None:
    value = unpack(bytes.fromhex(BY_ORDER[order]), layout(RegisterType.UINT64, order))
    assert value == 0x0102030405060708


@pytest.mark.parametrize(
    ("kind", "data", "expected"),
    [
        ("uint16", "ffff", 65535),
        ("int16", "ffff", -1),
        ("uint32", "fffffffe", 4294967294),
        ("int32", "fffffffe", -2),
        ("uint64", "ffffffffffffffff", 18446744073709551615),
        ("int64", "8000000000000000", -9223372036854775808),
        ("float32", "436615c3", 230.0850067138672),
        ("float64", "406cc2b851eb851f", 230.085),
        ("bool", "0000", 0),
        ("bool", "0100", 1),
    ],
)
def test_types(kind: str, data: str, expected: float) -> None:
    got = unpack(bytes.fromhex(data), layout(RegisterType(kind)))
    assert got == pytest.approx(expected, rel=1e-12) if isinstance(expected, float) else got == expected


@pytest.mark.parametrize(("bit", "expected"), [(0, 1), (1, 0), (8, 1), (15, 1), (14, 0)])
def test_bit_zero_is_the_lowest(bit: int, expected: int) -> None:
    assert unpack(bytes.fromhex("8101"), layout(RegisterType.BIT, bit=bit)) == expected


def test_bits_obey_the_byte_order_too() -> None:
    assert unpack(bytes.fromhex("0100"), layout(RegisterType.BIT, Order.DCBA, bit=0)) == 1


@pytest.mark.parametrize(("order", "data"), [("ABCD", b"SDM630\0\0"), ("BADC", b"DS6M03\0\0"), ("CDAB", b"SDM630\0x")])
def test_string_ends_at_its_first_nul(order: str, data: bytes) -> None:
    assert unpack(data, layout(RegisterType.STRING, Order(order), registers=4)) == "SDM630"


def test_string_keeps_no_control_characters() -> None:
    assert unpack(b"a\x1b[31mb\n\xff ", layout(RegisterType.STRING, registers=5)) == "a[31mbÿ"


NUMBERS = {
    RegisterType.INT16: ModbusClientMixin.DATATYPE.INT16,
    RegisterType.UINT16: ModbusClientMixin.DATATYPE.UINT16,
    RegisterType.INT32: ModbusClientMixin.DATATYPE.INT32,
    RegisterType.UINT32: ModbusClientMixin.DATATYPE.UINT32,
    RegisterType.INT64: ModbusClientMixin.DATATYPE.INT64,
    RegisterType.UINT64: ModbusClientMixin.DATATYPE.UINT64,
    RegisterType.FLOAT32: ModbusClientMixin.DATATYPE.FLOAT32,
    RegisterType.FLOAT64: ModbusClientMixin.DATATYPE.FLOAT64,
}


@pytest.mark.parametrize("kind", NUMBERS)
@pytest.mark.parametrize(("order", "word_order"), [(Order.ABCD, "big"), (Order.CDAB, "little")])
@settings(deadline=None)
@given(data=st.data())
def test_pymodbus_reads_the_same_number(kind: RegisterType, order: Order, word_order: str, data: st.DataObject) -> None:
    words = data.draw(st.lists(st.integers(0, 65535), min_size=width(kind), max_size=width(kind)))
    raw = b"".join(word.to_bytes(2, "big") for word in words)
    theirs = ModbusClientMixin.convert_from_registers(words, NUMBERS[kind], word_order=word_order)  # type: ignore[arg-type]
    ours = unpack(raw, layout(kind, order))
    assert ours == theirs or (isinstance(ours, float) and math.isnan(ours) and math.isnan(theirs))  # type: ignore[arg-type]


@settings(deadline=None)
@given(st.binary(min_size=8, max_size=8), st.sampled_from(Order))
def test_reorder_is_its_own_inverse(data: bytes, order: Order) -> None:
    assert reorder(reorder(data, order), order) == data


@pytest.mark.parametrize("kind", [*NUMBERS, RegisterType.BOOL, RegisterType.BIT])
@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize("value", [0, 1])
def test_pack_is_the_inverse_of_unpack(kind: RegisterType, order: Order, value: Value) -> None:
    assert unpack(pack(value, layout(kind, order, bit=5)), layout(kind, order, bit=5)) == value


@pytest.mark.parametrize(
    ("kind", "value", "kept"), [("uint16", 70_000, 65_535), ("int16", -40_000.0, -32_768), ("uint32", -1, 0)]
)
def test_pack_clamps_to_the_type(kind: str, value: float, kept: int) -> None:
    assert unpack(pack(value, layout(RegisterType(kind))), layout(RegisterType(kind))) == kept


@settings(deadline=None)
@given(st.binary(max_size=64))
def test_any_bytes_read_as_some_text(data: bytes) -> None:
    even = data[: len(data) // 2 * 2]
    text = unpack(even, layout(RegisterType.STRING, registers=len(even) // 2))
    assert isinstance(text, str)
    assert text.isprintable()
