"""The codec: hex tables, pysnmp as an oracle in both directions, and hostile bytes."""

import ast
import inspect
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyasn1.codec.ber import decoder, encoder
from pysnmp.proto import api

from exporters.snmp import ber, oid
from exporters.snmp.ber import Kind, Reply, Request, decode_response, encode_request
from exporters.snmp.errors import MalformedError
from exporters.snmp.security import Community

SYS_NAME = oid.encode("1.3.6.1.2.1.1.5.0")
V2 = api.PROTOCOL_MODULES[api.SNMP_VERSION_2C]

REQUESTS = [
    (Request(Kind.GET, (SYS_NAME,)), "a01902010702010002010030 0e300c06082b060102010105000500"),
    (Request(Kind.GET_NEXT, (SYS_NAME,)), "a11902010702010002010030 0e300c06082b060102010105000500"),
    (Request(Kind.GET_BULK, (SYS_NAME,), 25), "a51902010702010002011930 0e300c06082b060102010105000500"),
    (Request(Kind.GET, ()), "a00b0201070201000201003000"),
]


@pytest.mark.parametrize(("request_", "expected"), REQUESTS)
def test_requests_on_the_wire(request_: Request, expected: str) -> None:
    assert encode_request(request_, 7).hex() == expected.replace(" ", "")


def test_there_are_encoders_for_reading_only() -> None:
    """RFC 3416 section 3: 0xA3 sets, 0xA4, 0xA6, 0xA7 and 0xA8 notify or report. No source has a way to build them."""
    assert {int(kind) for kind in Kind} == {0xA0, 0xA1, 0xA5}
    numbers = {node.value for node in ast.walk(ast.parse(inspect.getsource(ber))) if isinstance(node, ast.Constant)}
    assert not numbers & {0xA3, 0xA4, 0xA6, 0xA7, 0xA8}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, "020100"),
        (127, "02017f"),
        (128, "02020080"),
        (-128, "020180"),
        (-129, "0202ff7f"),
        (2**31, "02050080000000"),
    ],
)
def test_integers(value: int, expected: str) -> None:
    assert ber.integer(value).hex() == expected
    assert ber.read_integer(bytes.fromhex(expected), 0) == (value, len(expected) // 2)


@pytest.mark.parametrize(("size", "head"), [(0, "0400"), (127, "047f"), (128, "048180"), (256, "04820100")])
def test_lengths(size: int, head: str) -> None:
    assert ber.tlv(ber.OCTET_STRING, bytes(size)).startswith(bytes.fromhex(head))


def response(varbinds: list[tuple[str, Any]], request_id: int = 7, status: int = 0) -> bytes:
    """Return a response PDU made by pysnmp."""
    pdu = V2.GetResponsePDU()
    V2.apiPDU.set_defaults(pdu)
    V2.apiPDU.set_request_id(pdu, request_id)
    V2.apiPDU.set_error_status(pdu, status)
    V2.apiPDU.set_varbinds(pdu, varbinds)
    return bytes(encoder.encode(pdu))


VALUES = st.one_of(
    st.integers(-(2**31), 2**31 - 1).map(V2.Integer32),
    st.integers(0, 2**32 - 1).map(V2.Counter32),
    st.integers(0, 2**32 - 1).map(V2.Gauge32),
    st.integers(0, 2**64 - 1).map(V2.Counter64),
    st.binary(max_size=300).map(V2.OctetString),
    st.lists(st.integers(0, 2**32 - 1), max_size=8).map(lambda arcs: V2.ObjectIdentifier((1, 3, *arcs))),
    st.just(V2.Null("")),
)
NAMES = st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=12).map(lambda arcs: (1, 3, 6, *arcs))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(NAMES, VALUES), max_size=6), st.integers(-(2**31), 2**31 - 1))
def test_responses_of_pysnmp_are_read_as_it_wrote_them(found: list[tuple[Any, Any]], request_id: int) -> None:
    reply = decode_response(response(found, request_id), 0)
    assert reply.request_id == request_id
    expected = []
    for name, value in found:
        encoded = bytes(encoder.encode(value))
        start, end = ber.header(encoded, 0)
        expected.append((oid.encode(".".join(map(str, name))), (encoded[0], encoded[start:end])))
    assert reply.varbinds == expected


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(Kind),
    st.lists(NAMES, max_size=5),
    st.integers(0, 2**31 - 1),
    st.integers(0, 65535),
    st.text(st.characters(codec="ascii"), max_size=200),
)
def test_pysnmp_reads_our_requests(
    kind: Kind, names: list[tuple[int, ...]], request_id: int, repetitions: int, community: str
) -> None:
    content = tuple(oid.encode(".".join(map(str, name))) for name in names)
    message = Community(ber.V2C, community).wrap(encode_request(Request(kind, content, repetitions), request_id))
    parsed, rest = decoder.decode(message, asn1Spec=V2.Message())
    assert not rest
    assert str(V2.apiMessage.get_community(parsed)) == community
    pdu = V2.apiMessage.get_pdu(parsed)
    assert int(V2.apiPDU.get_request_id(pdu)) == request_id
    assert [tuple(name) for name, _ in V2.apiPDU.get_varbinds(pdu)] == names
    if kind is Kind.GET_BULK:
        assert int(V2.apiBulkPDU.get_max_repetitions(pdu)) == repetitions


@pytest.mark.parametrize("form", ["81", "8200", "830000", "84000000"])
def test_lengths_of_any_form_are_read(form: str) -> None:
    """Some agents write every length in the long form."""
    varbind = bytes.fromhex(f"30{form}0a 06{form}02 2b06 04{form}01 41".replace(" ", ""))
    count = len(varbind)
    varbind = varbind[: len(form) // 2 + 1] + bytes((count - len(form) // 2 - 2,)) + varbind[len(form) // 2 + 2 :]
    body = bytes.fromhex("020107 020100 020100".replace(" ", "")) + ber.tlv(ber.SEQUENCE, varbind)
    assert decode_response(ber.tlv(ber.RESPONSE, body), 0).varbinds == [(b"\x2b\x06", (4, b"A"))]


def test_a_value_of_128_octets_behind_a_short_name_is_read() -> None:
    """Its length takes two bytes, and the sum of the parts then looks like one of short lengths."""
    varbind = ber.tlv(ber.SEQUENCE, ber.tlv(6, b"\x2b\x06") + ber.tlv(4, bytes(128)))
    pdu = ber.tlv(ber.RESPONSE, bytes.fromhex("020107020100020100") + ber.tlv(ber.SEQUENCE, varbind))
    assert decode_response(pdu, 0).varbinds == [(b"\x2b\x06", (4, bytes(128)))]


@pytest.mark.parametrize("tag", [0x80, 0x81, 0x82])
def test_exceptions_are_marked(tag: int) -> None:
    varbind = ber.tlv(ber.SEQUENCE, ber.tlv(6, b"\x2b\x06") + bytes((tag, 0)))
    pdu = ber.tlv(ber.RESPONSE, bytes.fromhex("020107020100020100") + ber.tlv(ber.SEQUENCE, varbind))
    reply = decode_response(pdu, 0)
    assert (reply.varbinds, reply.exceptional) == ([(b"\x2b\x06", (tag, b""))], True)


GOOD = Community(ber.V2C, "public").wrap(
    response([((1, 3, 6, 1, i), V2.OctetString(b"x" * (i * 40))) for i in range(8)])
)


def read(message: bytes) -> Reply | None:
    """Return a reply, or None where the message is refused; any other error is a bug."""
    try:
        data, start = Community(ber.V2C, "public").unwrap(message)
        return decode_response(data, start)
    except MalformedError:
        return None


def test_every_truncation_is_refused() -> None:
    assert read(GOOD) is not None
    assert [size for size in range(len(GOOD)) if read(GOOD[:size]) is not None] == []


@settings(max_examples=400)
@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(message: bytes) -> None:
    read(message)


@settings(max_examples=400)
@given(st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), max_size=6))
def test_any_change_is_read_or_refused(changes: list[tuple[int, int]]) -> None:
    message = bytearray(GOOD)
    for place, byte in changes:
        message[place] = byte
    reply = read(bytes(message))
    assert reply is None or all(len(name) + len(value) <= len(GOOD) for name, (_, value) in reply.varbinds)


@pytest.mark.parametrize("version", [ber.V1, 3, 99])
def test_another_version_is_refused(version: int) -> None:
    with pytest.raises(MalformedError, match="version"):
        Community(ber.V2C, "public").unwrap(Community(version, "public").wrap(b"\xa2\x00"))


def test_a_community_is_not_shown() -> None:
    assert "s3cret" not in repr(Community(ber.V2C, "s3cret"))
