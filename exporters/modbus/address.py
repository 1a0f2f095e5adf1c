"""Modbus addresses: the four tables, 0-based addresses and Modicon references.

The Modbus Application Protocol Specification V1.1b3, section 4.4, numbers data elements from 1 in the
documents of devices and from 0 on the wire. Here ``address`` is always the number on the wire when a table
is given, and a Modicon reference (``40001`` or ``400001``) only when none is: the first digit is never
silently taken for a function code.
"""

import re
from enum import StrEnum
from typing import Any, ClassVar, Self

from msgspec import Struct

LAST_ADDRESS = 65_535


class Table(StrEnum):
    """One of the four address spaces of a Modbus device."""

    COIL = "coil"
    DISCRETE = "discrete"
    INPUT = "input"
    HOLDING = "holding"

    @property
    def function(self) -> int:
        """The function code that reads this table (specification V1.1b3, sections 6.1 to 6.4)."""
        return _FUNCTION[self]

    @property
    def is_bits(self) -> bool:
        """Whether an address of this table is a single bit, not a 16-bit register."""
        return self in {Table.COIL, Table.DISCRETE}

    @property
    def modicon_digit(self) -> int:
        """The leading digit of a Modicon reference into this table."""
        return _MODICON_DIGIT[self]


_FUNCTION = {Table.COIL: 1, Table.DISCRETE: 2, Table.HOLDING: 3, Table.INPUT: 4}
_MODICON_DIGIT = {Table.COIL: 0, Table.DISCRETE: 1, Table.INPUT: 3, Table.HOLDING: 4}
_TABLE_OF_DIGIT = {str(digit): table for table, digit in _MODICON_DIGIT.items()}
_MODICON_LENGTHS = {5, 6}


class Place(Struct, frozen=True, order=True):
    """An address on the wire: a table and a 0-based number."""

    table: Table
    address: int

    def __str__(self) -> str:
        """Write the place as ``holding 0 (400001)``: on the wire, and as device documents count."""
        return f"{self.table} {self.address} ({modicon(self)})"


class Address(Struct, frozen=True):
    """An address as a person wrote it: digits, or hexadecimal after ``0x``; what it means depends on a table."""

    text: str
    __schema__: ClassVar[dict[str, Any]] = {
        "type": ["integer", "string"],
        "title": "address",
        "description": "the number on the wire where a table is given, else a Modicon reference such as 40001",
    }

    @classmethod
    def parse(cls, text: str) -> Self:
        """Take any text of digits; ValueError for everything else."""
        if not _WRITTEN.fullmatch(text):
            raise ValueError(f"{text!r} is not an address from 0 to {LAST_ADDRESS}, nor a Modicon reference")
        return cls(text)


_WRITTEN = re.compile(r"[0-9]{1,9}|0x[0-9a-fA-F]{1,8}", re.ASCII)


def resolve(address: Address, table: Table | None) -> Place:
    """Turn a configured address into its place on the wire.

    >>> str(resolve(Address("72"), Table.INPUT))
    'input 72 (300073)'
    >>> str(resolve(Address("40001"), None))
    'holding 0 (400001)'
    >>> str(resolve(Address("40001"), Table.HOLDING))
    'holding 40001 (440002)'

    Raises ValueError where the address is out of range, or where neither a table nor a Modicon
    reference says which table is meant.
    """
    if table is not None:
        base = 16 if address.text.startswith("0x") else 10
        return Place(table, _in_range(int(address.text, base)))
    return _from_modicon(address.text)


def modicon(place: Place) -> str:
    """Write the six-digit Modicon reference, counted from 1.

    >>> modicon(Place(Table.COIL, 0))
    '000001'
    """
    return f"{place.table.modicon_digit}{place.address + 1:05d}"


def _in_range(number: int) -> int:
    if not 0 <= number <= LAST_ADDRESS:
        raise ValueError(f"{number} is not an address from 0 to {LAST_ADDRESS}")
    return number


def _from_modicon(text: str) -> Place:
    table = _TABLE_OF_DIGIT.get(text[:1])
    if table is None or len(text) not in _MODICON_LENGTHS or not text.isdigit():
        raise ValueError(
            f"{text!r} needs a table (holding, input, coil or discrete), "
            "or must be a Modicon reference such as 40001 or 400001"
        )
    number = int(text[1:])
    if number == 0:
        raise ValueError(f"{text!r} is no Modicon reference: those count from 1")
    return Place(table, _in_range(number - 1))
