"""SNMP messages as bytes: encoders for the three requests that only read, and the decoder of responses.

There is no encoder of a SetRequest, a trap or a response here, so this package cannot send one. Sources: X.690 (BER),
RFC 1157 (v1), RFC 3416 (PDUs of v2c), RFC 3417 section 8 (the subset of BER).
"""

from collections.abc import Generator
from enum import IntEnum

from msgspec import Struct

from exporters.snmp.errors import MalformedError
from exporters.snmp.uniform import uniform_varbinds

INTEGER = 0x02
OCTET_STRING = 0x04
NULL = 0x05
OBJECT_IDENTIFIER = 0x06
SEQUENCE = 0x30
IP_ADDRESS = 0x40
COUNTER32 = 0x41
GAUGE32 = 0x42
TIME_TICKS = 0x43
OPAQUE = 0x44
COUNTER64 = 0x46
UINTEGER32 = 0x47  # RFC 1442, obsolete, still sent by a few agents
NO_SUCH_OBJECT = 0x80
NO_SUCH_INSTANCE = 0x81
END_OF_MIB_VIEW = 0x82
RESPONSE = 0xA2

V1 = 0
V2C = 1

NO_ERROR = 0
TOO_BIG = 1
NO_SUCH_NAME = 2

MOST_INTEGER_BYTES = 9  # a Counter64 above 2**63 has a leading zero

Value = tuple[int, bytes]
"""Tag and content."""

Varbind = tuple[bytes, Value]
"""OID content and value."""

Element = bytes
"""A value: tag, length in the shortest form, content. Bytes cost the garbage collector nothing."""


class Kind(IntEnum):
    """The requests there are: all of them read (RFC 3416 section 3, tags of the PDUs)."""

    GET = 0xA0
    GET_NEXT = 0xA1
    GET_BULK = 0xA5


class Request(Struct, frozen=True):
    """What to ask: `repetitions` counts for GetBulk alone, whose non-repeaters are always 0."""

    kind: Kind
    oids: tuple[bytes, ...]
    repetitions: int = 0


class Reply(Struct, frozen=True):
    """A decoded response: OIDs, and the values that belong to them.

    `exceptional` says that a value is noSuchObject, noSuchInstance or endOfMibView; `size` is that of the datagram in
    bytes, `attempts` how often the device was asked.
    """

    request_id: int
    status: int
    names: list[bytes]
    elements: list[Element]
    exceptional: bool = False
    size: int = 0
    attempts: int = 1

    @property
    def varbinds(self) -> list[Varbind]:
        """OIDs and values, for what needs no speed."""
        return list(zip(self.names, map(unpacked, self.elements), strict=True))


def unpacked(element: Element) -> Value:
    """Return tag and content of a value that was read.

    >>> unpacked(bytes.fromhex("0403616263")), unpacked(bytes.fromhex("04810161"))
    ((4, b'abc'), (4, b'a'))
    """
    size = element[1]
    return element[0], element[2 if size < 0x80 else 2 + (size & 0x7F) :]


Steps = Generator[Request, Reply, None]
"""What to ask next, given what was answered: yields requests and is sent replies."""


def tlv(tag: int, content: bytes) -> bytes:
    """Return tag, length in the shortest form, and content.

    >>> tlv(OCTET_STRING, b"public").hex()
    '04067075626c6963'
    """
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes((tag, 0x80 | len(length))) + length + content


def integer(value: int, tag: int = INTEGER) -> bytes:
    """Return a signed integer in the fewest bytes (X.690 section 8.3.2).

    >>> integer(-129).hex(), integer(128).hex()
    ('0202ff7f', '02020080')
    """
    size = (value.bit_length() if value >= 0 else (value + 1).bit_length()) // 8 + 1
    return tlv(tag, value.to_bytes(size, signed=True))


def encode_request(request: Request, request_id: int) -> bytes:
    """Return the PDU of a request; a security model wraps it into a message."""
    names = b"".join([tlv(SEQUENCE, tlv(OBJECT_IDENTIFIER, oid) + b"\x05\x00") for oid in request.oids])
    repetitions = request.repetitions if request.kind is Kind.GET_BULK else 0
    head = integer(request_id) + b"\x02\x01\x00" + integer(repetitions)
    return tlv(request.kind, head + tlv(SEQUENCE, names))


def decode_response(data: bytes, start: int, size: int = 0, *, attempts: int = 1) -> Reply:
    """Read a response PDU that begins at `start`; raises MalformedError for anything else."""
    try:
        if data[start] != RESPONSE:
            raise MalformedError(f"PDU of type 0x{data[start]:02x} where a response (0xa2) is due")
        pos, end = header(data, start)
        request_id, pos = read_integer(data, pos)
        status, pos = read_integer(data, pos)
        _, pos = read_integer(data, pos)
        if data[pos] != SEQUENCE:
            raise MalformedError("no list of varbinds")
        pos, list_end = header(data, pos)
        if list_end > end:
            raise MalformedError("the list of varbinds is longer than its PDU")
        names, elements, exceptional = _varbinds(data, pos, list_end)
        return Reply(request_id, status, names, elements, exceptional, size, attempts)
    except IndexError:
        raise MalformedError("the message is cut off") from None


def header(data: bytes, pos: int) -> tuple[int, int]:
    """Return where the content of the element at `pos` starts and ends; raises MalformedError beyond the data."""
    size = data[pos + 1]
    start = pos + 2
    if size >= 0x80:
        count = size & 0x7F
        if not 0 < count <= 4:
            raise MalformedError("a length of no definite form")
        start += count
        size = int.from_bytes(data[pos + 2 : start])
    if start + size > len(data):
        raise MalformedError("an element is longer than the message")
    return start, start + size


def read_integer(data: bytes, pos: int) -> tuple[int, int]:
    """Return an INTEGER and the position after it."""
    if data[pos] != INTEGER:
        raise MalformedError(f"tag 0x{data[pos]:02x} where an integer is due")
    start, end = header(data, pos)
    if not 0 < end - start <= MOST_INTEGER_BYTES:
        raise MalformedError(f"an integer of {end - start} bytes")
    return int.from_bytes(data[start:end], signed=True), end


def _varbinds(data: bytes, pos: int, end: int) -> tuple[list[bytes], list[Element], bool]:
    """Read varbinds up to `end`, and whether one is an exception."""
    found = uniform_varbinds(data, pos, end)
    return _mixed_varbinds(data, pos, end) if found is None else (*found, False)


def _mixed_varbinds(data: bytes, pos: int, end: int) -> tuple[list[bytes], list[Element], bool]:
    """Read varbinds of any form; short ones are read in place."""
    names: list[bytes] = []
    elements: list[Element] = []
    name, element = names.append, elements.append
    exceptional = False
    while pos < end:
        size = data[pos + 1]
        start = pos + 2
        stop = start + size
        if (
            size
            < 0x80  # then no length inside can have the long form, and the sum below holds for one-byte lengths only
            and stop <= end
            and data[pos] == SEQUENCE
            and data[start] == OBJECT_IDENTIFIER
            and (value := start + 2 + data[start + 1]) + 1 < stop
            and value + 2 + data[value + 1] == stop
            and data[value] < NO_SUCH_OBJECT
        ):
            name(data[start + 2 : value])
            element(data[value:stop])
        else:
            start, value, stop = _long_varbind(data, pos, end)
            name(data[start:value])
            element(_shortest(data[value:stop]))
            exceptional = exceptional or data[value] >= NO_SUCH_OBJECT
        pos = stop
    return names, elements, exceptional


def _shortest(element: bytes) -> Element:
    """Return a value with its length in the shortest form; some agents write every length in a long one."""
    return element if element[1] < 0x80 else tlv(*unpacked(element))


def _long_varbind(data: bytes, pos: int, end: int) -> tuple[int, int, int]:
    """Return where the OID starts, the value starts and the varbind ends, with lengths of any form."""
    if data[pos] != SEQUENCE:
        raise MalformedError(f"tag 0x{data[pos]:02x} where a varbind is due")
    start, stop = header(data, pos)
    if stop > end or data[start] != OBJECT_IDENTIFIER:
        raise MalformedError("a varbind without a name")
    name, name_end = header(data, start)
    _, value_end = header(data, name_end)
    if name_end >= stop or value_end != stop:
        raise MalformedError("a varbind whose parts do not fill it")
    return name, name_end, stop
