"""Packets in words, and values beside what was made of them."""

from exporters.probing.collector import Module
from exporters.snmp import ber, oid
from exporters.snmp.ber import Kind, Request, encode_request
from exporters.snmp.config.catalogue import parse
from exporters.snmp.explain import SnmpExplainer, shown

CONFIG = """\
modules:
  m:
    walk: [1.3.6.1.9]
    metrics:
      - {name: state, oid: 1.3.6.1.9.1, type: EnumAsStateSet, enum_values: {1: up, 2: down},
         indexes: [{labelname: i, type: gauge}]}
      - {name: when, oid: 1.3.6.1.9.2, type: DateAndTime}
      - {name: flags, oid: 1.3.6.1.9.3, type: Bits, enum_values: {0: a}}
"""


def module() -> Module:
    modules, _ = parse(CONFIG, "snmp.yml")
    return modules["m"]


def response(values: dict[str, bytes], *, status: int = 0) -> bytes:
    pairs = b"".join(ber.tlv(ber.SEQUENCE, ber.tlv(6, oid.encode(name)) + value) for name, value in values.items())
    head = ber.integer(7) + ber.integer(status) + ber.integer(1 if status else 0)
    return ber.tlv(ber.RESPONSE, head + ber.tlv(ber.SEQUENCE, pairs))


def test_requests_in_words() -> None:
    said = SnmpExplainer()
    name = oid.encode("1.3.6.1.2.1")
    assert said.packet("sent", encode_request(Request(Kind.GET_BULK, (name,), 25), 7))[0] == (
        "sent     GetBulk 7, up to 25 times: 1.3.6.1.2.1"
    )
    assert said.packet("sent", encode_request(Request(Kind.GET, (name, name)), 8))[0] == (
        "sent     Get 8: 1.3.6.1.2.1, 1.3.6.1.2.1"
    )


def test_responses_in_words_with_their_bytes_and_without_what_follows() -> None:
    pdu = response({"1.3.6.1.9.1.5": ber.integer(2), "1.3.6.1.9.9.1": bytes.fromhex("8200")})
    assert SnmpExplainer().packet("received", pdu + b"padding") == [
        f"received Response 7: 2 values, {len(pdu)} bytes",
        f"  {pdu.hex()}",
        "  1.3.6.1.9.1.5 = INTEGER 2",
        "  1.3.6.1.9.9.1 = endOfMibView",
    ]
    assert "Response 7, noSuchName at 1: " in SnmpExplainer().packet("received", response({}, status=2))[0]


def test_bytes_that_are_no_pdu_are_told() -> None:
    assert SnmpExplainer().packet("received", b"\xa2\x05\x02") == [
        "received no PDU: an element is longer than the message",
        "  a20502",
    ]


def test_texts_and_octets() -> None:
    assert shown(ber.tlv(4, b"two\r\nlines")) == 'OCTET STRING "two\\r\\nlines"'
    assert shown(ber.tlv(4, b"\x00\xff")) == "OCTET STRING 0x00FF"
    assert shown(ber.tlv(4, b"")) == "OCTET STRING of no bytes"
    assert shown(ber.tlv(0x40, bytes([10, 0, 0, 1]))) == "IpAddress 10.0.0.1"


def test_values_beside_what_the_module_made_of_them() -> None:
    said = SnmpExplainer()
    said.packet(
        "received",
        response({
            "1.3.6.1.9.1.5": ber.integer(2),
            "1.3.6.1.9.2.0": ber.tlv(4, b"now"),
            "1.3.6.1.9.3.0": ber.integer(1),
            "1.3.6.1.8.1.0": ber.integer(1),
        }),
    )  # fmt: skip
    assert said.values(module()) == [
        "values   of module m, as they came and what was made of them",
        "  1.3.6.1.9.1.5 [02 01 02]",
        '    state{i="5",state="down"} 1',
        '    state{i="5",state="up"} 0',
        "  1.3.6.1.9.2.0 [04 03 6e 6f 77]",
        "    no sample: nothing that this type can be made of",
        "  1.3.6.1.9.3.0 [02 01 01]",
        "    fault: flags is no string of bits on the wire",
        "  1.3.6.1.8.1.0 [02 01 01]",
        "    of no metric; it may serve a label",
    ]
    assert said.values(module()) == []
