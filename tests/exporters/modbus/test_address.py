"""Addresses: a table and a number on the wire, or a Modicon reference; never a guess."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporters.modbus.address import Address, Place, Table, modicon, resolve

NEEDS_TABLE = "needs a table (holding, input, coil or discrete), or must be a Modicon reference such as 40001 or 400001"


@pytest.mark.parametrize(
    ("address", "table", "expected"),
    [
        (0, Table.HOLDING, "holding 0 (400001)"),
        (32080, Table.HOLDING, "holding 32080 (432081)"),  # the confusion of RichiH/modbus_exporter #38
        (40001, Table.HOLDING, "holding 40001 (440002)"),
        ("72", Table.INPUT, "input 72 (300073)"),
        ("0x48", Table.INPUT, "input 72 (300073)"),
        (40001, None, "holding 0 (400001)"),
        (49999, None, "holding 9998 (409999)"),
        (400001, None, "holding 0 (400001)"),
        (465536, None, "holding 65535 (465536)"),
        (30073, None, "input 72 (300073)"),
        (10001, None, "discrete 0 (100001)"),
        ("00001", None, "coil 0 (000001)"),
    ],
)
def test_address_resolves_to_the_wire(address: int | str, table: Table | None, expected: str) -> None:
    assert str(resolve(Address.parse(str(address)), table)) == expected


@pytest.mark.parametrize(
    ("address", "table", "message"),
    [
        (72, None, f"'72' {NEEDS_TABLE}"),
        (20001, None, f"'20001' {NEEDS_TABLE}"),
        (40000, None, "'40000' is no Modicon reference: those count from 1"),
        (465537, None, "65536 is not an address from 0 to 65535"),
        (65536, Table.INPUT, "65536 is not an address from 0 to 65535"),
        (-1, Table.INPUT, "'-1' is not an address from 0 to 65535, nor a Modicon reference"),
        ("x1", Table.COIL, "'x1' is not an address from 0 to 65535, nor a Modicon reference"),
        ("0x48", None, f"'0x48' {NEEDS_TABLE}"),
    ],
)  # fmt: skip
def test_unclear_address_is_refused_with_the_remedy(address: int | str, table: Table | None, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        resolve(Address.parse(str(address)), table)
    assert str(caught.value) == message


@settings(deadline=None)
@given(st.sampled_from(Table), st.integers(0, 65_535))
def test_modicon_reference_leads_back_to_its_place(table: Table, address: int) -> None:
    place = Place(table, address)
    assert resolve(Address.parse(modicon(place)), None) == place


def test_every_table_is_read_by_a_function_of_its_own() -> None:
    assert {table.value: table.function for table in Table} == {"coil": 1, "discrete": 2, "holding": 3, "input": 4}
