"""Modbus TCP frames, looked at before anybody acts on them: what may leave, and what may come in.

Layout (Modbus Messaging on TCP/IP Implementation Guide V1.0b, section 3.1.3): transaction 2 bytes,
protocol 2 bytes (always 0), length 2 bytes (of what follows), unit 1 byte, then function code and data.
"""

from msgspec import Struct

READ_FUNCTIONS = frozenset({1, 2, 3, 4})  # everything that can leave this program (DESIGN, "Safe for devices")

HEADER = 6
FUNCTION_AT = 7
COUNT_AT = 8
EXCEPTION_FLAG = 0x80
MAX_LENGTH = 254  # unit + the largest PDU, 253 bytes (Modbus Application Protocol V1.1b3, section 4.1)


class ReadRequest(Struct, frozen=True):
    """One read: unit, function code 1 to 4, 0-based address, and how many registers or bits."""

    unit: int
    function: int
    address: int
    count: int

    def __post_init__(self) -> None:
        """Refuse what must never be sent, however it was made."""
        if self.function not in READ_FUNCTIONS:
            raise ValueError(f"function code {self.function} is not a read")

    def __str__(self) -> str:
        """Write the request as a fault message names it."""
        return f"unit {self.unit} fc {self.function} {self.address}..{self.address + self.count - 1}"

    @property
    def data_bytes(self) -> int:
        """How many data bytes the answer must carry."""
        return (self.count + 7) // 8 if self.function in {1, 2} else self.count * 2


def may_leave(frame: bytes) -> bool:
    """Whether these bytes are exactly one read request; everything else stays inside."""
    return len(frame) == HEADER + 6 and frame[2:HEADER] == b"\0\0\0\x06" and frame[FUNCTION_AT] in READ_FUNCTIONS


def transaction_of(frame: bytes) -> int:
    """Read the transaction number at the start of a frame."""
    return int.from_bytes(frame[:2], "big")


def objection(received: bytes, request: ReadRequest, transaction: int) -> str | None:
    """Say why received bytes cannot lead to an answer to the request, or None while they still can.

    Incomplete frames are no objection; nor are whole ones of another transaction or unit, which are
    skipped. A transaction number of 0 is taken for ours: some devices never copy it.
    """
    at = 0
    while len(received) - at >= HEADER + 2:
        frame = received[at:]
        length = int.from_bytes(frame[4:HEADER], "big")
        if (wrong := _header_objection(frame, length)) is not None:
            return wrong
        ours = transaction_of(frame) in {0, transaction} and request.unit in {0, frame[HEADER]}
        if ours and (wrong := _body_objection(frame[: HEADER + length], HEADER + length, request)):
            return wrong
        at += HEADER + length
    return None


def _header_objection(frame: bytes, length: int) -> str | None:
    protocol = int.from_bytes(frame[2:4], "big")
    if protocol:
        return f"not Modbus TCP: protocol {protocol}, expected 0"
    if not 3 <= length <= MAX_LENGTH:
        return f"not Modbus TCP: length {length}, expected 3 to {MAX_LENGTH}"
    return None


def _body_objection(frame: bytes, size: int, request: ReadRequest) -> str | None:
    function = frame[FUNCTION_AT]
    if function == request.function | EXCEPTION_FLAG:
        return None if size == HEADER + 3 else f"an exception of {size - HEADER} bytes, expected 3"
    if function != request.function:
        return f"an answer of function {function} to a request of function {request.function}"
    found, expected = size - HEADER - 3, request.data_bytes
    if found != expected:
        return f"an answer of {found} data bytes, expected {expected}"
    counted = frame[COUNT_AT] if len(frame) > COUNT_AT else expected
    return None if counted == expected else f"an answer that counts {counted} data bytes, expected {expected}"
