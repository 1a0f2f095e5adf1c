"""The guards at the bytes: only reads leave, and what comes in must fit the question."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporters.modbus.frame import ReadRequest, may_leave, objection

TWO_REGISTERS = ReadRequest(unit=1, function=3, address=0, count=2)


def frame(pdu: str, *, transaction: int = 1, unit: int = 1) -> bytes:
    body = bytes([unit]) + bytes.fromhex(pdu)
    return transaction.to_bytes(2, "big") + b"\0\0" + len(body).to_bytes(2, "big") + body


@pytest.mark.parametrize("function", [1, 2, 3, 4])
def test_reads_may_leave(function: int) -> None:
    assert may_leave(frame(f"{function:02x}00000002"))


@pytest.mark.parametrize("function", [function for function in range(256) if function not in {1, 2, 3, 4}])
def test_nothing_else_may_leave(function: int) -> None:
    assert not may_leave(frame(f"{function:02x}00000002"))
    with pytest.raises(ValueError):
        ReadRequest(unit=1, function=function, address=0, count=1)


@pytest.mark.parametrize("pdu", ["0300000002ff", "030000", "03"])
def test_a_read_of_the_wrong_form_stays_inside(pdu: str) -> None:
    assert not may_leave(frame(pdu))


@settings(deadline=None)
@given(st.binary(max_size=40))
def test_whatever_leaves_is_one_whole_read(data: bytes) -> None:
    assert not may_leave(data) or (len(data) == 12 and data[7] in {1, 2, 3, 4})


@pytest.mark.parametrize(
    ("received", "expected"),
    [
        (frame("030400010002"), None),
        (frame("8302"), None),
        (frame("030400010002")[:9], None),  # more may come
        (b"", None),
        (frame("030400010002", transaction=9), None),  # skipped: another transaction's
        (frame("0302ffff", unit=9), None),
        (frame("030400010002", transaction=9) + frame("030400010002"), None),
        (b"HTTP/1.1 400 Bad Request", "not Modbus TCP: protocol 21584, expected 0"),
        (b"\0\1\0\0\xff\xff\1\3", "not Modbus TCP: length 65535, expected 3 to 254"),
        (b"\0\1\0\0\0\0\1\3", "not Modbus TCP: length 0, expected 3 to 254"),
        (frame("040400010002"), "an answer of function 4 to a request of function 3"),
        (frame("8402"), "an answer of function 132 to a request of function 3"),
        (frame("030200010002"), "an answer that counts 2 data bytes, expected 4"),
        (frame("03020001"), "an answer of 2 data bytes, expected 4"),
        (frame("830200"), "an exception of 4 bytes, expected 3"),
    ],
)
def test_objections(received: bytes, expected: str | None) -> None:
    assert objection(received, TWO_REGISTERS, 1) == expected


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_get_a_verdict(received: bytes) -> None:
    verdict = objection(received, TWO_REGISTERS, 1)
    assert verdict is None or "expected" in verdict or "function" in verdict
