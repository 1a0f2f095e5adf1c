"""Numbers, texts and times of single values: the rules V1 to V5 and R1 to R6."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.snmp import ber, oid
from exporters.snmp.decoding import values
from exporters.snmp.decoding.values import date_and_time, number, octets_text, text, utf8
from exporters.snmp.errors import GarbledError

FLOAT = b"\x9f\x78\x04"
DOUBLE = b"\x9f\x79\x08"


@pytest.mark.parametrize(
    ("tag", "content", "expected"),
    [
        (ber.INTEGER, "ff", -1),
        (ber.INTEGER, "", 0),
        (ber.COUNTER32, "ffffffff", 2**32 - 1),  # without the leading zero, as some agents send it
        (ber.COUNTER32, "00ffffffff", 2**32 - 1),
        (ber.GAUGE32, "80", 128),
        (ber.TIME_TICKS, "0100", 256),
        (ber.UINTEGER32, "05", 5),
        (ber.COUNTER64, "0020000000000001", 1),  # V1: modulo 2^53
        (ber.COUNTER64, "00ffffffffffffffff", (2**64 - 1) % 2**53),
        (ber.OCTET_STRING, "3432", 0),  # V3: text is no number
        (ber.IP_ADDRESS, "0a000001", 0),
        (ber.OBJECT_IDENTIFIER, "2b06", 0),
        (ber.NULL, "", 0),
    ],
)
def test_numbers(tag: int, content: str, expected: float) -> None:
    assert number(tag, bytes.fromhex(content)) == expected


def test_counter64_is_kept_whole_on_request() -> None:
    assert number(ber.COUNTER64, b"\xff" * 8, wrap=0) == 2**64 - 1


@pytest.mark.parametrize(
    ("content", "expected", "shown"),
    [
        (FLOAT + struct.pack(">f", 0.1), struct.unpack(">f", struct.pack(">f", 0.1))[0], "0.1"),
        (DOUBLE + struct.pack(">d", 1e21), 1e21, "1000000000000000000000"),
        (DOUBLE + struct.pack(">d", -2.5), -2.5, "-2.5"),
        (DOUBLE + struct.pack(">d", float("inf")), float("inf"), "+Inf"),
    ],
)
def test_opaque_floats(content: bytes, expected: float, shown: str) -> None:
    assert number(ber.OPAQUE, content) == expected
    assert text((ber.OPAQUE, content), "DisplayString") == shown


def test_an_integer_of_ten_bytes_is_refused() -> None:
    with pytest.raises(GarbledError, match="10 bytes"):
        number(ber.COUNTER64, bytes(10))


@pytest.mark.parametrize(
    ("tag", "content", "expected"),
    [
        (ber.INTEGER, b"\xfb", "-5"),
        (ber.COUNTER64, b"\xff" * 8, str(2**64 - 1)),
        (ber.OBJECT_IDENTIFIER, oid.encode("1.3.6.1.4.1.9"), "1.3.6.1.4.1.9"),
        (ber.IP_ADDRESS, bytes((10, 0, 0, 1)), "10.0.0.1"),
        (ber.NULL, b"", ""),
        (ber.OPAQUE, b"abc", "0x616263"),
    ],
)
def test_texts(tag: int, content: bytes, expected: str) -> None:
    assert text((tag, content), "OctetString") == expected


@pytest.mark.parametrize(
    ("data", "kind", "expected"),
    [
        (b"", "OctetString", ""),
        (b"\x00\xab", "OctetString", "0x00AB"),
        (b"\x00\xab", "", "0x00AB"),
        (b"\x00\xab", "Bits", "0x00AB"),
        (b"", "PhysAddress48", "00:00:00:00:00:00"),
        (b"\x00\x50\x56\x9a\xbc\xde\xff", "PhysAddress48", "00:50:56:9A:BC:DE"),
        (b"\x0a\x01", "InetAddressIPv4", "10.1.0.0"),
        (b"\xfe\x80", "InetAddressIPv6", "FE80:0000:0000:0000:0000:0000:0000:0000"),
        (b"\x05\x06", "gauge", "5"),
        ("München\0".encode(), "DisplayString", "München\0"),
    ],
)
def test_octets(data: bytes, kind: str, expected: str) -> None:
    assert octets_text(data, kind) == expected


def test_a_type_without_a_form_for_octets_is_an_error() -> None:
    with pytest.raises(GarbledError, match="DateAndTime"):
        octets_text(b"x", "DateAndTime")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("61fffe62e282", "a\ufffdb\ufffd"),  # each run of invalid bytes is one mark
        ("c3a9", "é"),
        ("eda080", "\ufffd"),  # half of a surrogate pair
        ("ff41ff", "\ufffdA\ufffd"),
    ],
)
def test_invalid_utf8(data: str, expected: str) -> None:
    assert utf8(bytes.fromhex(data)) == expected


@given(st.binary())
def test_any_octets_become_text_that_can_be_written(data: bytes) -> None:
    utf8(data).encode()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("07e80101000000 00", 1_704_067_200),
        ("07e80c1f173b3b 09 2b0100", 1_735_685_999),  # +01:00
        ("07e80c1f173b3b 09 2d0530", 1_735_709_399 + 18 * 60),  # -05:48
        ("07b2 01 01 000000 00", 0),
        ("07ea0d20000000 00", 1_801_440_000),  # month 13, day 32: carried over to 2027-02-01
        ("07e8", None),
        ("", None),
        ("07e80c1f173b3b 09 580100", None),  # 'X' is no sign
    ],
)
def test_date_and_time(data: str, expected: int | None) -> None:
    assert date_and_time(bytes.fromhex(data.replace(" ", ""))) == expected


def test_ntp_time_is_in_whole_seconds() -> None:
    assert values.ntp_time((2_208_988_800 + 5).to_bytes(4) + b"\xff" * 4) == 5
    assert values.ntp_time(b"\0" * 7) is None


@given(st.integers(0, 255), st.binary(max_size=30), st.sampled_from(["", "DisplayString", "PhysAddress48", "gauge"]))
def test_any_value_has_a_text_and_a_number_or_is_garbled(tag: int, content: bytes, kind: str) -> None:
    try:
        text((tag, content), kind).encode()
        float(number(tag, content))
    except GarbledError:
        assert len(content) > ber.MOST_INTEGER_BYTES
