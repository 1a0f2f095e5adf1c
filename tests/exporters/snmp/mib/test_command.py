"""`mib compile`, `check` and `tree` as a person runs them."""

import argparse
from pathlib import Path

import pytest
import yaml

from exporters.cli import run
from exporters.mib_command import add_command
from exporters.snmp.config.catalogue import parse

MIBS = Path(__file__).parents[1] / "mibs"


def mib(*words: object) -> int:
    parser = argparse.ArgumentParser()
    add_command(parser.add_subparsers())
    return run(parser.parse_args(["mib", *map(str, words), "--no-system-mibs"]))


def test_a_generator_file_is_compiled_with_the_mibs_of_a_folder(capsys: pytest.CaptureFixture[str]) -> None:
    assert mib("compile", MIBS / "generator.yml", "--mib-dir", MIBS) == 0
    assert capsys.readouterr().out == (MIBS / "snmp.yml").read_text()


def test_a_module_for_0_30_leaves_out_later_keys(capsys: pytest.CaptureFixture[str]) -> None:
    assert mib("compile", MIBS / "generator.yml", "--mib-dir", MIBS, "--for", "0.30") == 0
    modules = yaml.safe_load(capsys.readouterr().out)["modules"]
    expected = yaml.safe_load((MIBS / "snmp.yml").read_text())["modules"]
    metrics = [
        (ours, theirs)
        for name in expected
        for ours, theirs in zip(modules[name]["metrics"], expected[name]["metrics"], strict=True)
    ]
    left_out = {key for ours, theirs in metrics for key in set(theirs) - set(ours)}
    looked_up = [lookup for ours, _ in metrics for lookup in ours.get("lookups", ())]
    assert left_out == {"display_hint"}
    assert {key for lookup in looked_up for key in lookup} == {"labels", "labelname", "oid", "type"}


def test_a_mib_becomes_a_module_of_all_it_defines(tmp_path: Path) -> None:
    target = tmp_path / "heron.yml"
    assert mib("compile", MIBS / "HERON-TEST-MIB.mib", "--output", target, "--lookup", "ifIndex=ifName") == 0
    text = target.read_text()
    assert text.startswith("# Made by `heronwatch exporter mib compile` from HERON-TEST-MIB.\nmodules:\n")
    modules, _ = parse(text, "heron.yml")
    plan = modules["heron_test_mib"].plan
    columns = {column.name: column for column in plan.columns.values()}
    assert columns["heronPortOctets"].shape.labels == {"ifIndex", "ifName", "heronPortMac", "heronPortLabel"}
    assert {"heronUptime", "heron_load", "heronPeerNext", "heronRemoteId"} <= set(columns)
    assert "heronSecret" not in columns  # only for notifications


def test_what_is_walked_can_be_chosen(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("--module", "few", "--walk", "heronUptime", "--walk", "heronPortOctets")
    assert mib("compile", MIBS / "HERON-TEST-MIB.mib", *arguments) == 0
    modules, _ = parse(capsys.readouterr().out, "few.yml")
    assert [column.name for column in modules["few"].plan.columns.values()] == ["heronUptime", "heronPortOctets"]


def test_a_module_that_no_file_has_is_named_with_who_imports_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    alone = tmp_path / "HERON-TEST-MIB.mib"
    alone.write_text((MIBS / "HERON-TEST-MIB.mib").read_text())
    assert mib("compile", alone) == 1
    errors = capsys.readouterr().err.splitlines()
    names = "'heronTC', 'Float', 'PortState', 'ShortName', 'HouseNumber', 'Chain', 'LldpPortId', 'LldpPortIdSubtype'"
    remedy = "which is not among the files: give that file or its folder"
    assert [line for line in errors if "HERON-TC-MIB" in line] == [
        f"{alone}:10: HERON-TEST-MIB: imports {names} from HERON-TC-MIB, {remedy}"
    ]
    assert mib("check", alone, "--mib-dir", MIBS) == 0


def test_what_cannot_be_understood_may_be_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = tmp_path / "HERON-OLD-MIB.mib"
    broken.write_text((MIBS / "HERON-OLD-MIB.mib").read_text().replace("SYNTAX Gauge", "SYNTAX Gague"))
    assert mib("compile", broken) == 1
    assert capsys.readouterr().err == f"{broken}:31: heronOldLevel: 'Gague' is defined nowhere and not imported\n"
    assert mib("compile", broken, "--keep-going") == 0
    printed = capsys.readouterr()
    assert "heronOldCount" in printed.out
    assert "heronOldLevel" not in printed.out


BROKEN = [
    ("STATUZ current", 8, "not understood near 'STATUZ': is something missing before it?"),
    ("STATUS current\n    DESCRIPTION", 0, "ends in the middle of a definition: is the file complete (END)?"),
]


@pytest.mark.parametrize(("words", "line", "message"), BROKEN)
def test_a_file_that_is_not_understood_says_where(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: str, line: int, message: str
) -> None:
    file = tmp_path / "X-MIB.txt"
    head = "X-MIB DEFINITIONS ::= BEGIN\nIMPORTS enterprises FROM SNMPv2-SMI;\n\n"
    head += "foo OBJECT IDENTIFIER ::= { enterprises 1 }\n"
    file.write_text(f"{head}bar OBJECT-TYPE\n    SYNTAX INTEGER\n    MAX-ACCESS read-only\n    {words}\n")
    assert mib("check", file) == 1
    place = f"{file}:{line}" if line else f"{file}"
    assert capsys.readouterr().err == f"{place}: {message}\n"


def test_names_that_lead_to_themselves(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "LOOP-MIB.txt"
    file.write_text(
        "LOOP-MIB DEFINITIONS ::= BEGIN\nA ::= B\nB ::= A\na OBJECT IDENTIFIER ::= { b 1 }\n"
        "b OBJECT IDENTIFIER ::= { a 1 }\n"
        "c OBJECT-TYPE SYNTAX A MAX-ACCESS read-only STATUS current ::= { 1 3 9 }\nEND\n"
    )
    assert mib("check", file) == 1
    assert capsys.readouterr().err.splitlines() == [
        f"{file}:4: a: its OID leads to itself",
        f"{file}:6: c: 'A' leads to itself",
    ]


def test_no_mib_at_all_and_no_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    empty = tmp_path / "notes.txt"
    empty.write_text("")
    assert mib("check", empty, tmp_path / "gone.mib") == 1
    assert sorted(capsys.readouterr().err.splitlines()) == [
        f"{tmp_path / 'gone.mib'}: cannot be read: No such file or directory",
        f"{empty}: holds no MIB: expected 'NAME DEFINITIONS ::= BEGIN … END'",
    ]


def test_latin_1_and_an_own_file_before_what_is_known_without_one(tmp_path: Path) -> None:
    file = tmp_path / "SNMPv2-TC.txt"
    file.write_bytes(
        b'SNMPv2-TC DEFINITIONS ::= BEGIN\nDisplayString ::= TEXTUAL-CONVENTION DISPLAY-HINT "1x-" STATUS current\n'
        b'DESCRIPTION "Gr\xfcn." SYNTAX OCTET STRING\nEND\n'
    )
    assert mib("check", file) == 0


SMI = """\
SNMPv2-SMI DEFINITIONS ::= BEGIN
org OBJECT IDENTIFIER ::= { iso 3 }
dod OBJECT IDENTIFIER ::= { org 6 }
internet OBJECT IDENTIFIER ::= { dod 1 }
private OBJECT IDENTIFIER ::= { internet 4 }
enterprises OBJECT IDENTIFIER ::= { private 1 }
Counter32 ::= [APPLICATION 1] IMPLICIT INTEGER (0..4294967295)
END
"""
TWICE = """\
{name} DEFINITIONS ::= BEGIN
IMPORTS enterprises, Counter32 FROM SNMPv2-SMI;
{group} OBJECT IDENTIFIER ::= {{ enterprises 99999 3 }}
heronTwice OBJECT-TYPE SYNTAX Counter32 MAX-ACCESS read-only STATUS current DESCRIPTION "{name}"
    ::= {{ {group} 1 }}
END
"""


def test_the_smi_itself_as_a_file_changes_no_type(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "SNMPv2-SMI").write_text(SMI)
    (tmp_path / "ONE-MIB").write_text(TWICE.format(name="ONE-MIB", group="heronOne"))
    assert mib("compile", tmp_path / "ONE-MIB") == 0
    [metric] = yaml.safe_load(capsys.readouterr().out)["modules"]["one_mib"]["metrics"]
    assert (metric["oid"], metric["type"]) == ("1.3.6.1.4.1.99999.3.1", "counter")


@pytest.mark.parametrize("name", ["RFC1213-MIB::heronOld", "TWO-MIB::heronTwo", "heronOld"])
def test_an_object_that_two_mibs_define_is_found_by_each(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    (tmp_path / "a.mib").write_text(TWICE.format(name="RFC1213-MIB", group="heronOld"))
    (tmp_path / "b.mib").write_text(TWICE.format(name="TWO-MIB", group="heronTwo"))
    assert mib("compile", tmp_path / "a.mib", tmp_path / "b.mib", "--module", "both", "--walk", name) == 0
    [metric] = yaml.safe_load(capsys.readouterr().out)["modules"]["both"]["metrics"]
    assert metric["help"] == "TWO-MIB - 1.3.6.1.4.1.99999.3.1"  # the newer one's words


def test_the_tree_shows_types_and_indexes(capsys: pytest.CaptureFixture[str]) -> None:
    assert mib("tree", MIBS / "HERON-TEST-MIB.mib", "--below", "heronPeerEntry") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "1.3.6.1.4.1.99999.1.7.4.1  HERON-TEST-MIB::heronPeerEntry"
    index = "[heronPeerAddrType, heronPeerAddr, heronPeerKind]"
    assert lines[5] == f"1.3.6.1.4.1.99999.1.7.4.1.5  HERON-TEST-MIB::heronPeerNext  InetAddress  {index}"
    assert mib("tree", MIBS / "HERON-TEST-MIB.mib", "--below", "nothing") == 1


def test_a_generator_file_stands_for_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert mib("compile", MIBS / "generator.yml", "--module", "x") == 2
    assert "stand in a generator.yml" in capsys.readouterr().err


def test_faults_of_a_generator_file_come_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "generator.yml"
    file.write_text("modules: {a: {walk: [nothing1]}, b: {walk: [heronUptim]}}")
    assert mib("compile", file, "--mib-dir", MIBS) == 1
    assert capsys.readouterr().err == (
        f"{file}: modules.a.walk[0]: 'nothing1' is in no MIB\n"
        f"{file}: modules.b.walk[0]: 'heronUptim' is in no MIB (did you mean 'heronUptime'?)\n"
    )


def test_a_missing_folder_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert mib("check", MIBS / "HERON-TC-MIB.mib", "--mib-dir", tmp_path / "gone") == 1
    assert capsys.readouterr().err == f"{tmp_path / 'gone'}: no such folder\n"


@pytest.mark.parametrize("command", ["check", "tree"])
def test_a_file_that_is_no_mib_is_told(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("")
    assert mib(command, file) == 1
    assert capsys.readouterr().err == f"{file}: holds no MIB: expected 'NAME DEFINITIONS ::= BEGIN … END'\n"
