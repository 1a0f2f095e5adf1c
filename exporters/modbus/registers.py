"""Register types and byte orders: 16-bit registers to numbers and texts, and back.

Orders are named after the bytes ``ABCD`` of a 32-bit value as they arrive on the wire: ``ABCD`` most
significant first, ``DCBA`` least significant first, ``CDAB`` words swapped, ``BADC`` bytes swapped in
each word. Sixteen and 64 bits follow the same two rules (swap bytes in words, reverse words).
"""

import struct
from enum import StrEnum

from msgspec import Struct

Value = int | float | str

BITS_IN_REGISTER = 16
BYTES_IN_REGISTER = 2


class Order(StrEnum):
    """How the bytes of a value are laid out over its registers."""

    ABCD = "ABCD"
    DCBA = "DCBA"
    BADC = "BADC"
    CDAB = "CDAB"


class RegisterType(StrEnum):
    """What the registers of a metric hold."""

    UINT16 = "uint16"
    INT16 = "int16"
    UINT32 = "uint32"
    INT32 = "int32"
    UINT64 = "uint64"
    INT64 = "int64"
    FLOAT32 = "float32"
    FLOAT64 = "float64"
    BOOL = "bool"
    BIT = "bit"
    STRING = "string"

    @property
    def is_number(self) -> bool:
        """Whether the value is a number in the sense that scale and offset make sense for it."""
        return self in _FORMATS


class Layout(Struct, frozen=True):
    """How to read one value: its type, byte order, length in registers, and the bit where it is one."""

    type: RegisterType
    order: Order = Order.ABCD
    registers: int = 1
    bit: int = 0


_FORMATS = {
    RegisterType.UINT16: struct.Struct(">H"),
    RegisterType.INT16: struct.Struct(">h"),
    RegisterType.UINT32: struct.Struct(">I"),
    RegisterType.INT32: struct.Struct(">i"),
    RegisterType.UINT64: struct.Struct(">Q"),
    RegisterType.INT64: struct.Struct(">q"),
    RegisterType.FLOAT32: struct.Struct(">f"),
    RegisterType.FLOAT64: struct.Struct(">d"),
}


def width(kind: RegisterType) -> int:
    """Count the registers a type takes; 1 for ``bool``, ``bit`` and ``string``, whose length is configured.

    >>> width(RegisterType.FLOAT64)
    4
    """
    form = _FORMATS.get(kind)
    return form.size // BYTES_IN_REGISTER if form else 1


def reorder(data: bytes, order: Order) -> bytes:
    """Bring bytes from the wire into big-endian order; its own inverse.

    >>> reorder(b"ABCD", Order.CDAB)
    b'CDAB'
    >>> reorder(b"ABCDEFGH", Order.BADC)
    b'BADCFEHG'
    """
    if order is Order.ABCD:
        return data
    if order is Order.DCBA:
        return data[::-1]
    words = [data[i : i + BYTES_IN_REGISTER] for i in range(0, len(data), BYTES_IN_REGISTER)]
    if order is Order.CDAB:
        return b"".join(reversed(words))
    return b"".join(word[::-1] for word in words)


def unpack(data: bytes, layout: Layout) -> Value:
    """Read one value from its bytes as they came; a text ends at its first NUL.

    >>> unpack(bytes.fromhex("436615c3"), Layout(type=RegisterType.FLOAT32, registers=2))
    230.0850067138672
    """
    form = _FORMATS.get(layout.type)
    if form is not None:
        value: int | float = form.unpack(reorder(data, layout.order))[0]
        return value
    if layout.type is RegisterType.STRING:
        return _text(data, layout.order)
    word = int.from_bytes(reorder(data, layout.order), "big")
    return (word >> layout.bit) & 1 if layout.type is RegisterType.BIT else int(word != 0)


def pack(value: Value, layout: Layout) -> bytes:
    """Write one value as a device would: the inverse of unpack, for simulators and tests.

    Numbers are clamped to what the type can hold; a text is cut or padded with NUL.
    """
    if layout.type is RegisterType.STRING:
        raw = str(value).encode("latin-1", "replace")[: layout.registers * BYTES_IN_REGISTER]
        return _swap_text(raw.ljust(layout.registers * BYTES_IN_REGISTER, b"\0"), layout.order)
    form = _FORMATS.get(layout.type)
    if form is None:
        word = (int(bool(value)) << layout.bit) if layout.type is RegisterType.BIT else int(bool(value))
        return reorder(word.to_bytes(BYTES_IN_REGISTER, "big"), layout.order)
    number = float(value)
    fits = number if form.format[1] in "fd" else _clamp(value, layout.type, form.size * 8)
    return reorder(form.pack(fits), layout.order)


def _clamp(value: Value, kind: RegisterType, bits: int) -> int:
    signed = kind.value.startswith("int")
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    return min(high, max(low, round(value) if isinstance(value, float) else int(value)))


def _swap_text(data: bytes, order: Order) -> bytes:
    """Texts run from the first register to the last; only the two bytes in a register may be swapped."""
    return reorder(data, Order.BADC) if order in {Order.BADC, Order.DCBA} else data


def _text(data: bytes, order: Order) -> str:
    raw = _swap_text(data, order).split(b"\0", 1)[0]
    return "".join(c for c in raw.decode("latin-1") if c.isprintable()).strip()
