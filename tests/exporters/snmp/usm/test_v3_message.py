"""Messages as bytes: what is written is read, what is read fast is read right, the rest is refused."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporters.snmp import ber
from exporters.snmp.errors import MalformedError
from exporters.snmp.usm import v3_message
from exporters.snmp.usm.v3_message import AUTH, LARGEST, PRIV, Clock, Message, Reader, read

CLOCK = Clock(bytes.fromhex("80001f880411223344"), 7, 1_000)


def message(
    message_id: int = 5, *, clock: Clock = CLOCK, user: bytes = b"ana", flags: int = AUTH | PRIV, mac: int = 24,
    salt: int = 8, data: bytes = b"\x04\x02ab",
) -> bytes:  # fmt: skip
    middle = v3_message.middle(flags, clock, user, mac_bytes=mac, salt_bytes=salt)
    return v3_message.write(message_id, middle, b"m" * mac, b"s" * salt, data)[0]


@pytest.mark.parametrize("message_id", [0, 1, 127, 128, 65_536, 2**31 - 1])
@pytest.mark.parametrize("mac", [0, 12, 48])
@pytest.mark.parametrize("name", [b"", b"ana", b"x" * 32])
@pytest.mark.parametrize("size", [2, 200, 60_000])
def test_what_is_written_is_read(message_id: int, mac: int, name: bytes, size: int) -> None:
    data = ber.tlv(ber.OCTET_STRING, b"d" * size)
    clock = Clock(b"e" * 32, LARGEST, LARGEST)
    written = message(message_id, clock=clock, user=name, mac=mac, data=data)
    found = read(written)
    assert (found.message_id, found.flags, found.user) == (message_id, AUTH | PRIV, name)
    assert Clock(found.engine_id, found.boots, found.time_s) == clock
    assert written[found.mac_start : found.mac_end] == b"m" * mac
    assert found.salt == b"s" * 8
    assert written[found.data_start : found.data_end] == b"d" * size
    assert found.data_end == len(written)


def test_where_the_code_begins_is_told() -> None:
    middle = v3_message.middle(AUTH, CLOCK, b"ana", mac_bytes=12, salt_bytes=0)
    written, start = v3_message.write(5, middle, b"m" * 12, b"", b"\x30\x00")
    assert written[start : start + 12] == b"m" * 12


def test_the_bytes_of_a_message() -> None:
    written = message(1, clock=Clock(b"engine", 1, 2), user=b"u", flags=0, mac=0, salt=0, data=b"\x30\x00")
    assert written.hex() == (
        "302e"  # the message
        "020103"  # version
        "300e"  # msgGlobalData: id, most bytes, flags, model
        "020101" "020300ffe3" "040100" "020103"
        "0417" "3015"  # security parameters: engine, boots, time, user, code, salt
        "0406656e67696e65" "020101" "020102" "040175" "0400" "0400"
        "3000"  # the scoped PDU
    )  # fmt: skip


BROKEN = {
    "another version": lambda m: m.replace(b"\x02\x01\x03\x30", b"\x02\x01\x01\x30", 1),
    "another model": lambda m: m.replace(b"\x02\x01\x03\x04", b"\x02\x01\x02\x04", 1),
    "two bytes of flags": lambda m: m.replace(b"\x04\x01\x03\x02\x01\x03", b"\x04\x02\x03\x02\x01\x03", 1),
    "less than it says": lambda m: m[:-1],
    "negative boots": lambda m: m.replace(b"\x02\x01\x07", b"\x02\x01\xff", 1),
    "negative id": lambda m: m.replace(b"\x02\x01\x05", b"\x02\x01\xff", 1),
    "no encrypted data": lambda m: m[:-4] + b"\x30" + m[-3:],
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_malformed(name: str) -> None:
    broken = BROKEN[name](message())
    assert broken != message()
    with pytest.raises(MalformedError):
        read(broken)
    reader = Reader()
    reader.read(message())
    with pytest.raises(MalformedError):
        reader.read(broken)


def test_an_engine_id_that_is_too_long_is_malformed() -> None:
    with pytest.raises(MalformedError):
        read(message(clock=Clock(b"e" * 33, 1, 1)))


def either(reading: object, data: bytes) -> Message | None:
    try:
        return reading(data)  # type: ignore[operator,no-any-return]
    except MalformedError:
        return None


MESSAGES = [
    message(),
    message(2**31 - 1),
    message(flags=AUTH, salt=0, data=b"\x30\x02\x05\x00"),
    message(flags=0, mac=0, salt=0, data=b"\x30\x02\x05\x00"),
    message(data=ber.tlv(ber.OCTET_STRING, bytes(300))),
    message(clock=Clock(b"", 0, 0), user=b""),
]


@settings(max_examples=250, deadline=None)
@given(
    st.lists(st.sampled_from(MESSAGES), min_size=1, max_size=3),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=3),
    st.integers(0, 400),
)
def test_a_reader_with_a_memory_reads_as_one_without(
    before: list[bytes], changes: list[tuple[int, int]], cut: int
) -> None:
    reader = Reader()
    for datagram in before:
        assert reader.read(datagram) == read(datagram)
    changed = bytearray(before[-1])
    for position, value in changes:
        changed[position % len(changed)] = value
    for datagram in (bytes(changed), bytes(changed[:cut]), bytes(changed) + b"\x00"):
        assert either(reader.read, datagram) == either(read, datagram)


def test_messages_of_one_form_are_read_without_looking_at_every_part(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = Reader()
    reader.read(message(5))

    def never(data: bytes) -> Message:
        raise AssertionError(f"read in full: {data.hex()}")

    monkeypatch.setattr(v3_message, "read", never)
    assert reader.read(message(70_000, data=b"\x04\x03abc")).message_id == 70_000


def test_a_length_in_a_longer_form_than_it_needs_is_read_too() -> None:
    short = message()
    start = short.index(b"\x30", 2)
    long = b"\x30\x81" + bytes((short[1] + 1,)) + short[2:start] + b"\x30\x81" + short[start + 1 :]
    reader = Reader()
    for _ in range(2):
        assert reader.read(long).user == b"ana"


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60))
def test_scopes_and_reports_of_any_kind(data: bytes) -> None:
    for reading in (v3_message.pdu_of, v3_message.counter_of):
        for datagram in (data, b"\x30" + bytes((len(data),)) + data, b"\xa8" + bytes((len(data),)) + data):
            try:
                reading(datagram, 0)
            except MalformedError:
                continue
