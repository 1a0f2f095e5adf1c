"""Golden pairs: a recording and a module → the exposition. The parity test holds snmp_exporter to the same pairs."""

from pathlib import Path

import pytest

from exporters.metric.exposition import text
from exporters.snmp.config.catalogue import builtin_modules, parse
from exporters.snmp.decoding.columns import Table
from exporters.snmp.decoding.decode import samples
from exporters.snmp.decoding.labels import LabelCache
from exporters.snmp.errors import GarbledError
from exporters.snmp.plan import Plan
from exporters.snmp.simulator import recording

GOLDEN = Path(__file__).parents[3] / "golden" / "snmp"


def table(lines: list[str]) -> Table:
    """Return a recording as a walk of everything would leave it."""
    recorded = recording.parse(lines)
    return {name: recorded.value(place) for place, name in enumerate(recorded.names)}


def plan_of(text: str, name: str) -> Plan:
    modules, _ = parse(text, "golden.yml")
    plan: Plan = modules[name].plan
    return plan


def one_metric(keys: str) -> Plan:
    """Return a module `m` of one metric `x` at 1.3.6.1.9.1."""
    return plan_of(f"modules:\n  m:\n    metrics:\n      - {{name: x, oid: 1.3.6.1.9.1, {keys}}}\n", "m")


def exposed(lines: list[str], plan: Plan, cache: LabelCache | None = None) -> str:
    body, dropped = text(samples(table(lines), plan, LabelCache() if cache is None else cache))
    assert dropped == 0
    return body.decode()


def test_every_rule() -> None:
    plan = plan_of((GOLDEN / "every_rule.yml").read_text(), "every_rule")
    lines = (GOLDEN / "every_rule.snmprec").read_text().splitlines()
    assert exposed(lines, plan) == (GOLDEN / "every_rule.prom").read_text()


SWITCH = [
    "1.3.6.1.2.1.2.2.1.2.1|4|port 1",
    "1.3.6.1.2.1.2.2.1.2.70000|4|port 2",
    "1.3.6.1.2.1.2.2.1.10.1|65|5",
    "1.3.6.1.2.1.2.2.1.10.70000|65|6",
    "1.3.6.1.2.1.31.1.1.1.18.1|4|uplink",
]


def octets(body: str) -> list[str]:
    return [line for line in body.splitlines() if line.startswith("ifInOctets{")]


def test_rows_carry_what_is_looked_up_and_empty_labels_for_what_is_not() -> None:
    assert octets(exposed(SWITCH, builtin_modules()["if_mib"].plan)) == [
        'ifInOctets{ifAlias="uplink",ifDescr="port 1",ifIndex="1",ifName=""} 5',
        'ifInOctets{ifAlias="",ifDescr="port 2",ifIndex="70000",ifName=""} 6',
    ]


def test_labels_are_rendered_once_and_forgotten_when_unused() -> None:
    plan, cache = builtin_modules()["if_mib"].plan, LabelCache()
    first = exposed(SWITCH, plan, cache)
    remembered = len(cache)
    assert exposed(SWITCH, plan, cache) == first
    assert len(cache) == remembered == 2
    exposed(SWITCH[:1], plan, cache)
    assert len(cache) == 0


def test_a_renamed_port_has_its_new_labels_at_once() -> None:
    plan, cache = builtin_modules()["if_mib"].plan, LabelCache()
    exposed(SWITCH, plan, cache)
    renamed = [line.replace("uplink", "backup") for line in SWITCH]
    assert 'ifAlias="backup"' in octets(exposed(renamed, plan, cache))[0]


def test_mixed_tags_of_one_column() -> None:
    """A column whose rows differ in type, as some agents send it, is read row by row."""
    plan = one_metric("type: gauge, indexes: [{labelname: i, type: gauge}]")
    lines = ["1.3.6.1.9.1.1|2|-1", "1.3.6.1.9.1.2|66|4294967295", "1.3.6.1.9.1.3|4|text", "1.3.6.1.9.1.4|70|7"]
    assert [line.rpartition(" ")[2] for line in exposed(lines, plan).splitlines()[2:]] == ["-1", "4294967295", "0", "7"]


@pytest.mark.parametrize(
    ("scale", "raw", "expected"),
    [("scale: 0.1", 235, "23.5"), ("offset: -273", 300, "27.0"), ("scale: 2, offset: 1", 3, "7.0")],
)
def test_scale_and_offset(scale: str, raw: int, expected: str) -> None:
    plan = one_metric(f"type: gauge, {scale}")
    assert exposed([f"1.3.6.1.9.1.0|2|{raw}"], plan).splitlines()[-1] == f"x {expected}"


def test_a_string_is_scaled_too() -> None:
    plan = one_metric("type: DisplayString, scale: 2, offset: 1")
    assert exposed(["1.3.6.1.9.1.0|4|a"], plan).splitlines()[-1] == 'x{x="a"} 3.0'


@pytest.mark.parametrize(("shown", "expected"), [("2024-12-31 23:59:59", "1735689599"), ("yesterday", None)])
def test_parsed_times(shown: str, expected: str | None) -> None:
    plan = one_metric("type: ParseDateAndTime, datetime_pattern: '%Y-%m-%d %H:%M:%S'")
    assert exposed([f"1.3.6.1.9.1.0|4|{shown}"], plan).splitlines()[2:] == ([f"x {expected}"] if expected else [])


def test_bits_that_are_no_octets_fail_the_module() -> None:
    plan = one_metric("type: Bits, enum_values: {1: a}")
    with pytest.raises(GarbledError, match="x is no string of bits"):
        exposed(["1.3.6.1.9.1.0|2|1"], plan)


def test_counter64_modulus_can_be_off() -> None:
    plan = one_metric("type: counter")
    found = samples(table(["1.3.6.1.9.1.0|70|9007199254740993"]), plan, LabelCache(), wrap=0)
    assert found[0][2] == 2**53 + 1


def test_display_hints_are_used() -> None:
    plan = one_metric("type: OctetString, display_hint: '1d-'")
    assert exposed(["1.3.6.1.9.1.0|4x|010203"], plan).splitlines()[-1] == 'x{x="1-2-3"} 1'


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("4|Slot 1", "Slot 1"),
        ("4x|536c6f742031", "Slot 1"),
        ("4x|536c6f74203100", "Slot 1"),  # a NUL at the end
        ("4x|5a7572696368", "Zurich"),
        ("4x|5ac3bc72696368", "Zürich"),
        ("4x|0050569a0001", "0x0050569A0001"),
        ("4x|41420a", "0x41420A"),  # a control character
        ("4x|414200ff", "0x414200FF"),
        ("4x|00", "0x00"),
        ("4|", ""),
    ],
)
def test_octets_are_shown_as_text_where_they_are_text_and_it_is_wanted(raw: str, shown: str) -> None:
    plan = one_metric(
        "type: OctetString, indexes: [{labelname: i, type: gauge}], "
        "lookups: [{labels: [i], labelname: looked_up, oid: 1.3.6.1.9.1, type: OctetString}]"
    )
    wanted = samples(table([f"1.3.6.1.9.1.0|{raw}"]), plan, LabelCache(), printable=True)
    assert wanted[0][1] == f'{{i="0",looked_up="{shown}",x="{shown}"}}'
    hexadecimal = samples(table([f"1.3.6.1.9.1.0|{raw}"]), plan, LabelCache())[0][1]
    assert hexadecimal.startswith('{i="0",looked_up="0x') or shown == ""


def test_a_display_hint_comes_before_printable_text() -> None:
    plan = one_metric("type: OctetString, display_hint: '1d-'")
    assert samples(table(["1.3.6.1.9.1.0|4|AB"]), plan, LabelCache(), printable=True)[0][1] == '{x="65-66"}'


def test_an_index_stays_hexadecimal() -> None:
    """What a row is called must not change with its bytes."""
    plan = one_metric("type: gauge, indexes: [{labelname: i, type: OctetString, fixed_size: 2}]")
    assert samples(table(["1.3.6.1.9.1.65.66|2|1"]), plan, LabelCache(), printable=True)[0][1] == '{i="0x4142"}'


def test_the_two_ways_to_show_octets_do_not_mix() -> None:
    plan, cache, read = one_metric("type: OctetString"), LabelCache(), table(["1.3.6.1.9.1.0|4|AB"])
    shown = [samples(read, plan, cache, printable=printable)[0][1] for printable in (True, False, True)]
    assert shown == ['{x="AB"}', '{x="0x4142"}', '{x="AB"}']
