"""MIB text → values: what vendors write, and what nobody can read."""

from pathlib import Path

import pytest

from exporters.snmp.mib.parsing import MibParser
from exporters.snmp.mib.syntax import IndexName, MibModule
from heronwatch.errors import ConfigError

MIBS = Path(__file__).parents[1] / "mibs"


@pytest.fixture(scope="module")
def parser() -> MibParser:
    return MibParser()


def parsed(parser: MibParser, name: str) -> MibModule:
    [module] = parser.parse((MIBS / name).read_text(), name)
    return module


def test_a_module_of_smiv2(parser: MibParser) -> None:
    module = parsed(parser, "HERON-TEST-MIB.mib")
    objects = {definition.name: definition for definition in module.definitions}
    assert module.imports["heronTC"] == "HERON-TC-MIB"
    assert objects["heronPortEntry"].indexes == (
        IndexName("ifIndex"), IndexName("heronPortMac"), IndexName("heronPortLabel", implied=True),
    )  # fmt: skip
    assert objects["heronExtraEntry"].augments == "heronPortEntry"
    flags = objects["heronFlags"].syntax
    assert flags is not None
    assert (flags.name, flags.enum) == ("BITS", {0: "fan", 1: "power", 9: "door"})
    assert objects["heronAlarm"].place == ("heronTest", 0, 1)


def test_a_module_of_smiv1_and_bounds_in_hexadecimal(parser: MibParser) -> None:
    objects = {definition.name: definition for definition in parsed(parser, "HERON-OLD-MIB.mib").definitions}
    name = objects["heronOldName"].syntax
    assert name is not None
    assert name.ranges == ((0, 31),)
    assert objects["heronOldEntry"].indexes == (IndexName("INTEGER"),)


def test_several_modules_in_one_file(parser: MibParser) -> None:
    text = "\n".join((MIBS / name).read_text() for name in ("HERON-TC-MIB.mib", "HERON-OLD-MIB.mib"))
    assert [module.name for module in parser.parse(text, "both.mib")] == ["HERON-TC-MIB", "HERON-OLD-MIB"]


def test_a_text_that_stops_anywhere_is_a_fault_and_nothing_else(parser: MibParser) -> None:
    text = (MIBS / "HERON-OLD-MIB.mib").read_text()
    for size in range(0, len(text) - 8, len(text) // 12):
        with pytest.raises(ConfigError) as error:
            parser.parse(text[:size], "cut.mib")
        assert str(error.value).startswith("cut.mib")
    assert parser.parse(text, "whole.mib")[0].name == "HERON-OLD-MIB"  # the parser is as good as new
