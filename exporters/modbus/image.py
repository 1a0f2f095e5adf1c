"""What a simulated device holds, and what it answers: request bytes in, answer bytes out, no socket."""

from collections.abc import Iterable, Mapping

from msgspec import Struct

from exporters.modbus.address import Place, Table
from exporters.modbus.plan import MAX_BITS, MAX_REGISTERS
from exporters.modbus.registers import Layout, Value, pack

ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE = 1, 2, 3
EXCEPTION_FLAG = 0x80
_TABLE_OF_FUNCTION = {table.function: table for table in Table}


class Image(Struct, frozen=True):
    """The registers and bits of one unit; an address that is absent does not exist in the device."""

    words: Mapping[Place, int]

    def answer(self, pdu: bytes) -> bytes:
        """Answer a request as a device does: data, or an exception where the specification wants one.

        >>> Image({Place(Table.INPUT, 7): 258}).answer(bytes([4, 0, 7, 0, 1])).hex()
        '04020102'
        """
        function = pdu[0] if pdu else 0
        table = _TABLE_OF_FUNCTION.get(function)
        if table is None:
            return _exception(function, ILLEGAL_FUNCTION)
        most = MAX_BITS if table.is_bits else MAX_REGISTERS
        address, count = int.from_bytes(pdu[1:3], "big"), int.from_bytes(pdu[3:5], "big")
        if len(pdu) != 5 or not 1 <= count <= most:
            return _exception(function, ILLEGAL_VALUE)
        found = [self.words.get(Place(table, address + i)) for i in range(count)]
        values = [value for value in found if value is not None]
        if len(values) < count:
            return _exception(function, ILLEGAL_ADDRESS)
        data = _packed_bits(values) if table.is_bits else b"".join(v.to_bytes(2, "big") for v in values)
        return bytes([function, len(data)]) + data


def words_of(place: Place, layout: Layout, value: Value) -> Iterable[tuple[Place, int]]:
    """Spread one value over its addresses, as the device would hold it."""
    if place.table.is_bits:
        return [(place, int(bool(value)))]
    data = pack(value, layout)
    return [
        (Place(place.table, place.address + i // 2), int.from_bytes(data[i : i + 2], "big"))
        for i in range(0, len(data), 2)
    ]


def _exception(function: int, code: int) -> bytes:
    return bytes([function | EXCEPTION_FLAG, code])


def _packed_bits(values: list[int]) -> bytes:
    """Eight bits to a byte, the first in the lowest bit (specification V1.1b3, section 6.1)."""
    number = sum(1 << i for i, value in enumerate(values) if value)
    return number.to_bytes((len(values) + 7) // 8, "little")
