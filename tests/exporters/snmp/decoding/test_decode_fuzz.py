"""Hostile tables: whatever a device answers, decoding ends with samples or with a DeviceError, and within bounds."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporters.metric.exposition import text
from exporters.snmp import ber, oid
from exporters.snmp.config.catalogue import parse
from exporters.snmp.decoding import decode
from exporters.snmp.decoding.columns import Table
from exporters.snmp.decoding.decode import samples
from exporters.snmp.decoding.labels import LabelCache
from exporters.snmp.errors import DeviceError, MalformedError, WalkError
from exporters.snmp.plan import Plan
from exporters.snmp.uniform import uniform_varbinds

TYPES = (
    "gauge", "counter", "Float", "Double", "DateAndTime", "NTPTimeStamp", "ParseDateAndTime", "EnumAsInfo",
    "EnumAsStateSet", "Bits", "DisplayString", "OctetString", "PhysAddress48", "InetAddress", "InetAddressIPv4",
    "InetAddressIPv6", "InetAddressMissingSize", "LldpPortId",
)  # fmt: skip
INDEXES = (
    "gauge", "Integer32", "PhysAddress48", "OctetString", "DisplayString", "InetAddress", "InetAddressMissingSize",
    "InetAddressIPv6", "LldpPortId", "EnumAsInfo",
)  # fmt: skip
METRIC = """      - name: x{number}
        oid: 1.3.6.1.9.{number}
        type: {kind}
        datetime_pattern: "%Y-%m-%d"
        enum_values: {{0: a, 1: b, 63: c}}
        indexes: [{{labelname: i, type: {index}, fixed_size: {size}}}, {{labelname: j, type: {index}, implied: true}}]
        lookups: [{{labels: [i], labelname: k, oid: 1.3.6.1.9.1, type: {looked_up}}},
                  {{labels: [k, j], labelname: l, oid: 1.3.6.1.9.2, type: EnumAsInfo}}, {{labels: [], labelname: j}}]
        row_scale: 1.3.6.1.9.1
        row_precision: 1.3.6.1.9.3
{extracts}"""
EXTRACTS = "        regex_extracts: {Num: [{regex: '(.*)', value: $1}]}\n"


def metric(number: int) -> str:
    kind, index = TYPES[number % len(TYPES)], INDEXES[number % len(INDEXES)]
    extracts = EXTRACTS if kind in {"DisplayString", "OctetString"} and number % 2 else ""
    looked_up = ("DisplayString", "OctetString", "InetAddress", "gauge")[number % 4]
    return METRIC.format(number=number, kind=kind, index=index, size=number % 3, looked_up=looked_up, extracts=extracts)


MODULE = "modules:\n  m:\n    metrics:\n" + "".join(map(metric, range(1, 37)))
PLAN: Plan = parse(MODULE, "fuzz.yml")[0]["m"].plan
ENTRY = oid.encode("1.3.6.1.9")

arcs = st.integers(0, 3) | st.integers(0, 2**32 - 1) | st.just(2**40)
names = st.builds(
    lambda column, row, rest: ENTRY + oid.encode_arcs([column, *row]) + rest,
    st.integers(1, 37),
    st.lists(arcs, max_size=8),
    st.just(b"") | st.binary(max_size=4),
)
tags = st.sampled_from([2, 4, 5, 6, 0x40, 0x41, 0x42, 0x43, 0x44, 0x46, 0x47]) | st.integers(0, 0x7F)
contents = (
    st.binary(max_size=12)
    | st.sampled_from(
        [b"\x9f\x78\x04\x7f\x80\0\0", b"\x9f\x79\x08\xff\xf0\0\0\0\0\0\0", b"2024-01-02", b"%d", b"9" * 400]
    )
    | st.integers(0, 4).map(lambda zeros: b"1e" + b"9" * zeros)
)
tables = st.dictionaries(names, st.builds(ber.tlv, tags, contents), max_size=30)


@settings(deadline=None, max_examples=80)
@given(st.lists(tables, min_size=1, max_size=3), st.booleans())
def test_any_table_gives_samples_or_a_device_error(scrapes: list[Table], printable: bool) -> None:
    cache = LabelCache()
    for table in scrapes:
        try:
            body, left_out = text(samples(table, PLAN, cache, printable=printable))
        except DeviceError:
            continue
        assert body.count(b"\n") + left_out >= 0
        body.decode()


@settings(deadline=None, max_examples=150)
@given(
    st.binary(max_size=40),
    st.integers(1, 40),
    st.lists(st.tuples(names, st.builds(ber.tlv, tags, contents)), max_size=12),
)
def test_any_list_of_varbinds_is_read_the_same_both_ways(
    noise: bytes, place: int, varbinds: list[tuple[bytes, bytes]]
) -> None:
    """The fast reader takes a list only as the careful one does."""
    listed = b"".join(ber.tlv(ber.SEQUENCE, ber.tlv(ber.OBJECT_IDENTIFIER, name) + value) for name, value in varbinds)
    for data in (listed, listed[:-place] + noise, listed[:place] + noise + listed[place:]):
        fast = uniform_varbinds(data, 0, len(data))
        if fast is not None:
            assert (*fast, False) == ber._mixed_varbinds(data, 0, len(data))


def test_a_walk_of_one_table_is_read_the_fast_way() -> None:
    """Rows 128 and up have longer OIDs than those below, and the next column begins with short ones again."""
    names = [ENTRY + oid.encode_arcs((column, row)) for column in (1, 2) for row in range(100, 160)]
    data = b"".join([ber.tlv(48, ber.tlv(6, name) + ber.integer(place * 1000)) for place, name in enumerate(names)])
    fast = uniform_varbinds(data, 0, len(data))
    assert fast is not None
    assert (*fast, False) == ber._mixed_varbinds(data, 0, len(data))
    assert fast[0] == names


@pytest.mark.parametrize("at", range(0, 100, 7))
def test_a_length_that_lies_is_not_read_the_fast_way(at: int) -> None:
    varbinds = [ber.tlv(48, ber.tlv(6, ENTRY + bytes((1, row))) + ber.integer(row)) for row in range(1, 60)]
    data = bytearray(b"".join(varbinds))
    data[at] ^= 1
    fast = uniform_varbinds(bytes(data), 0, len(data))
    try:
        careful = ber._mixed_varbinds(bytes(data), 0, len(data))
    except (MalformedError, IndexError):
        assert fast is None
    else:
        assert fast is None or (*fast, False) == careful


def row(column: int, *index: int) -> bytes:
    return ENTRY + oid.encode_arcs([column, *index])


def one_metric(keys: str) -> Plan:
    body = f"modules:\n  m:\n    metrics:\n      - {{name: x, oid: 1.3.6.1.9.1, {keys}}}\n"
    plan: Plan = parse(body, "fuzz.yml")[0]["m"].plan
    return plan


def test_an_arc_beyond_32_bits_is_cut() -> None:
    """RFC 2578 section 3.5 allows none; a number of 60,000 digits would take minutes to print."""
    table = {row(1) + b"\xff" * 60_000 + b"\x7f": ber.integer(1)}
    assert samples(table, one_metric("type: gauge, indexes: [{labelname: i, type: gauge}]"), LabelCache())[0][1] == (
        '{i="4294967295"}'
    )


def test_strings_of_64_kb_are_shown_whole() -> None:
    table = {row(1, 0): ber.tlv(ber.OCTET_STRING, b"\xff" * 65_000)}
    assert len(samples(table, one_metric("type: OctetString"), LabelCache())[0][1]) == 130_000 + len('{x="0x"}')


def test_long_texts_are_matched_in_no_time() -> None:
    """Go's engine takes time in proportion to the text; one that backtracks would take the square of it."""
    plan = one_metric("type: DisplayString, regex_extracts: {Num: [{regex: '.*?([0-9]+)', value: $1}]}")
    assert len(samples({row(1, 0): ber.tlv(4, b"a7")}, plan, LabelCache())) == 1
    assert [value for _, _, value in samples({row(1, 0): ber.tlv(4, b"a" * 60_000 + b"7")}, plan, LabelCache())] == [7]


def test_a_state_set_for_every_row_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode, "MOST_SAMPLES", 100)
    plan = one_metric("type: EnumAsStateSet, enum_values: {1: a, 2: b, 3: c}, indexes: [{labelname: i, type: gauge}]")
    table = {row(1, number): ber.integer(1) for number in range(25)}
    assert len(samples(table, plan, LabelCache())) == 75
    with pytest.raises(WalkError, match="more than 100 samples"):
        samples(table | {row(1, 25): ber.integer(1)}, plan, LabelCache())


def test_labels_of_all_columns_together_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode, "MOST_CHARACTERS", 1000)
    plan = one_metric("type: gauge, indexes: [{labelname: i, type: gauge}]")
    with pytest.raises(WalkError, match="characters"):
        samples({row(1, number): ber.integer(1) for number in range(200)}, plan, LabelCache())
