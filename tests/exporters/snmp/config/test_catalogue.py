"""Ordinary `snmp.yml` files: both forms, every fault with its line, and the shipped modules."""

from pathlib import Path

import pytest

from exporters.snmp import oid
from exporters.snmp.config.catalogue import SHIPPED, builtin_modules, parse, read_library
from exporters.snmp.plan import Plan
from heronwatch.config import ConfigError

NEW = """\
auths:
  public_v2:
    community: public
    version: 2
  core:
    community: {env: CORE_COMMUNITY}
    security_level: noAuthNoPriv
    auth_protocol: MD5
    priv_protocol: DES
modules:
  ups:
    walk: [1.3.6.1.2.1.33]
    get: [1.3.6.1.2.1.1.3.0]
    max_repetitions: 10
    retries: 0
    timeout: 1500ms
    allow_nonincreasing_oids: true
    use_unconnected_udp_socket: true
    filters:
      - oid: 1.3.6.1.2.1.2.2.1.2
        targets: [1.3.6.1.2.1.2.2.1.10]
        values: ["^eth"]
    metrics:
      - name: upsAlarm
        oid: .1.3.6.1.2.1.33.1.6
        type: EnumAsInfo
        help: "off: on"
        enum_values: {1: true, 2: off}
        display_hint: "1x:"
        indexes:
          - labelname: alarm
            type: gauge
            enum_values: {1: a}
        lookups:
          - {labels: [alarm], labelname: text, oid: 1.3.6.1.2.1.33.1.7, type: EnumAsInfo, enum_values: {1: yes}}
          - {labels: [], labelname: alarm}
"""

OLD = """\
ups:
  walk: [1.3.6.1.2.1.33]
  version: 1
  auth:
    community: private
  metrics:
    - name: upsThing
      oid: 1.3.6.1.2.1.33.1
      type: gauge
      regex_extracts:
        Temp:
          - regex: '([0-9]+) C'
            value: $1
"""


def plan_of(text: str) -> Plan:
    modules, _ = parse(text, "snmp.yml", env={"CORE_COMMUNITY": "s3cret"})
    plan: Plan = modules["ups"].plan
    return plan


def test_new_form() -> None:
    plan = plan_of(NEW)
    assert (plan.walk, plan.get) == ((oid.encode("1.3.6.1.2.1.33"),), (oid.encode("1.3.6.1.2.1.1.3.0"),))
    assert (plan.repetitions, plan.retries, plan.timeout_s) == (10, 0, 1.5)
    assert (plan.loose_order, plan.any_source, len(plan.filters)) == (True, True, 1)
    [column] = plan.columns.values()
    assert (column.family.name, column.family.help) == ("upsAlarm_info", "off: on (EnumAsInfo)")
    assert column.enum == {1: "true", 2: "off"}
    assert column.shape.labels == {"text"}


def test_auths_of_the_new_form_hold_secrets() -> None:
    _, auths = parse(NEW, "snmp.yml", env={"CORE_COMMUNITY": "s3cret"})
    assert auths["core"].community.reveal() == "s3cret"
    assert "s3cret" not in repr(auths)


def test_old_form_says_how_to_talk_to_the_device() -> None:
    plan = plan_of(OLD)
    assert plan.auth is not None
    assert (plan.auth.version, plan.auth.community.reveal()) == (1, "private")
    [extract] = next(iter(plan.columns.values())).extracts
    assert extract.family.name == "upsThingTemp"


def test_the_shortest_metric_wins_and_the_last_of_one_oid() -> None:
    metrics = """
    metrics:
      - {name: deep, oid: 1.3.6.1.2.1.33.1.1, type: gauge}
      - {name: first, oid: 1.3.6.1.2.1.33.1, type: gauge}
      - {name: last, oid: 1.3.6.1.2.1.33.1, type: gauge}
"""
    plan = plan_of("modules:\n  ups:" + metrics)
    assert [column.name for column in plan.columns.values()] == ["last"]


FAULTS = [
    (
        "type: gauge",
        "type: guage",
        "9",
        "modules.ups.metrics[0].type",
        "'guage' is not a type of metrics (did you mean 'gauge'?)",
    ),
    (
        "oid: 1.3.6.1.2.1.33.1",
        "oid: upsBattery",
        "8",
        "modules.ups.metrics[0].oid",
        "'upsBattery' is no OID in numbers, such as 1.3.6.1.2.1.2",
    ),
    (
        "name: upsThing",
        "name: ups-thing",
        "7",
        "modules.ups.metrics[0].name",
        "'ups-thing' is no metric name (letters, digits, '_' and ':', no digit first)",
    ),
    ("walk:", "wakl:", "5", "modules.ups.wakl", "unknown key (did you mean 'walk'?)"),
    (
        "regex: 'x'",
        "regex: '('",
        "12",
        "modules.ups.metrics[0].regex_extracts.T[0].regex",
        "'(' is not a regular expression: missing ): (",
    ),
    ("timeout: 5s", "timeout: 5", "4", "modules.ups.timeout", "'5' is not a duration: a unit is missing, as in 5s"),
    ("labels: [i]", "labels: [j]", "15", "modules.ups.metrics[0].lookups[0].labels", "'j' is no label of this metric"),
    (
        "          oid: 1.3.6.1.9\n",
        "",
        "15",
        "modules.ups.metrics[0].lookups[0]",
        "missing key 'oid': where is the label looked up?",
    ),
]
GOOD = """\
modules:
  ups:
    retries: 1
    timeout: 5s
    walk: [1.3.6.1.2.1.33]
    metrics:
      - name: upsThing
        oid: 1.3.6.1.2.1.33.1
        type: gauge
        regex_extracts:
          T:
            - regex: 'x'
        indexes: [{labelname: i, type: gauge}]
        lookups:
        - labels: [i]
          labelname: name
          oid: 1.3.6.1.9
"""


@pytest.mark.parametrize(("good", "bad", "line", "path", "message"), FAULTS)
def test_a_fault_names_line_path_and_remedy(good: str, bad: str, line: str, path: str, message: str) -> None:
    assert good in GOOD
    with pytest.raises(ConfigError) as caught:
        plan_of(GOOD.replace(good, bad, 1))
    assert str(caught.value) == f"snmp.yml:{line}: {path}: {message}"


def test_every_fault_of_every_file_is_told(tmp_path: Path) -> None:
    for name in ("a.yml", "b.yml"):
        (tmp_path / name).write_text(GOOD.replace("gauge", "guage"))
    with pytest.raises(ConfigError) as caught:
        read_library([tmp_path / "*.yml", tmp_path / "none.yml"])
    assert len(caught.value.faults) == 5
    assert {Path(fault.file).name for fault in caught.value.faults} == {"a.yml", "b.yml", "none.yml"}


def test_a_later_file_replaces_a_module(tmp_path: Path) -> None:
    (tmp_path / "1.yml").write_text(GOOD)
    (tmp_path / "2.yml").write_text(GOOD.replace("retries: 1", "retries: 7"))
    assert read_library([tmp_path / "*.yml"]).modules["ups"].plan.retries == 7


def test_public_is_there_without_a_file() -> None:
    credential = read_library([]).credentials["public_v2"]
    assert (credential.value.community.reveal(), credential.value.version, credential.bound) == ("public", 2, False)


@pytest.mark.parametrize("name", ["system", "if_mib", "ups_mib"])
def test_shipped_modules_compile(name: str) -> None:
    plan: Plan = builtin_modules()[name].plan
    assert all(column.family.help for column in plan.columns.values())
    assert all(any(column.startswith(root) for root in plan.walk) for column in plan.columns)


def test_a_file_of_comments_has_no_modules() -> None:
    assert parse("# made by hand\n\n  # later\n", "snmp.yml") == ({}, {})


def test_every_shipped_module_stands_in_one_file() -> None:
    shipped = [name for path in SHIPPED.glob("*.yml") for name in read_library([path]).modules]
    assert sorted(builtin_modules()) == sorted(["auto", *shipped])
