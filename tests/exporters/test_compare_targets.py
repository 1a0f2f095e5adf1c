"""Lines, file_sd in JSON and in YAML → scrapes to compare."""

import pytest

from exporters.compare_targets import Asked, read_targets
from exporters.errors import WrongRequestError

LINES = """
# core
10.0.0.1
10.0.0.2:1161 if_mib,system ops_v3   # two modules
[2001:db8::1] system
10.0.0.1
"""
JSON = """\
[{"targets": ["10.0.0.1", "10.0.0.2"], "labels": {"__param_module": "if_mib", "__param_auth": "ops", "site": "A"}}]
"""
YAML = """\
# switches
- targets: [10.0.0.1]
  labels: {module: system, __param_snmp_context: vlan-5}
- targets: ["10.0.0.3"]
"""


def test_lines() -> None:
    assert read_targets(LINES, "t") == [
        Asked(target="10.0.0.1"),
        Asked(target="10.0.0.2:1161", module="if_mib", auth="ops_v3"),
        Asked(target="10.0.0.2:1161", module="system", auth="ops_v3"),
        Asked(target="[2001:db8::1]", module="system"),
    ]


def test_modules_and_auth_are_for_targets_that_name_none() -> None:
    assert read_targets("a\nb system x\n", "t", modules=["if_mib", "ups_mib"], auth="ops") == [
        Asked(target="a", module="if_mib", auth="ops"),
        Asked(target="a", module="ups_mib", auth="ops"),
        Asked(target="b", module="system", auth="x"),
    ]


def test_file_sd() -> None:
    assert read_targets(JSON, "t") == [
        Asked(target="10.0.0.1", module="if_mib", auth="ops"),
        Asked(target="10.0.0.2", module="if_mib", auth="ops"),
    ]
    assert read_targets(YAML, "t", modules=["if_mib"]) == [
        Asked(target="10.0.0.1", module="system", context="vlan-5"),
        Asked(target="10.0.0.3", module="if_mib"),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# nothing\n", "t: no target in it"),
        ("a b c d\n", "t:1: expected 'TARGET [MODULE[,MODULE…] [AUTH]]', found more words"),
        ('[{"targets": "a"}]', "t: no list of targets as Prometheus' file_sd has it: "),
        ("- targets: [a\n- b", "t:3: 'did not find expected"),
    ],
)
def test_faults_name_the_place(text: str, message: str) -> None:
    with pytest.raises(WrongRequestError) as caught:
        read_targets(text, "t")
    assert str(caught.value).startswith(message)
