"""generator.yml and MIBs → modules: golden pairs, and what is said about wishes that cannot be met."""

from pathlib import Path

import pytest
import yaml

from exporters.snmp.generator.config import GeneratorFile, LookupWish, ModuleWish
from exporters.snmp.generator.names import GeneratorError
from exporters.snmp.generator.resolve import make_module
from exporters.snmp.mib.library import MibLibrary
from exporters.snmp.mib.link import link
from exporters.snmp.mib.tree import MibTree
from heronwatch.config import ConfigError, loads

MIBS = Path(__file__).parents[1] / "mibs"


@pytest.fixture(scope="module")
def tree() -> MibTree:
    library = MibLibrary([MIBS])
    found = link(library.complete(library.add_everything()))
    assert (library.faults, found.faults) == ([], ())
    return found


def test_a_generator_file_gives_the_modules_beside_it(tree: MibTree) -> None:
    wishes = loads((MIBS / "generator.yml").read_text(), GeneratorFile, env={}).value.modules
    made = {name: make_module(wish, tree) for name, wish in wishes.items()}
    expected = yaml.safe_load((MIBS / "snmp.yml").read_text())["modules"]
    assert sorted(made) == sorted(expected)
    assert {name: one.module for name, one in made.items()} == expected
    assert [one.notes for one in made.values()] == [()] * len(made)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("heronPortOctets", "counter"),
        ("HERON-TEST-MIB::heronPortState", "gauge"),
        ("1.3.6.1.4.1.99999.1.7.2.1.6", "InetAddressIPv4"),
        ("heronTest", ""),
    ],
)
def test_objects_are_found_by_name_module_and_oid(tree: MibTree, name: str, found: str) -> None:
    node = tree.find(name)
    assert node is not None
    assert node.kind == found


WRONG = [
    (ModuleWish(walk=("heronPortOctet",)), "walk[0]: 'heronPortOctet' is in no MIB (did you mean 'heronPortOctets'?)"),
    (ModuleWish(walk=("CISCO-MIB::x",)), "walk[0]: 'CISCO-MIB::x' is in no MIB (CISCO-MIB is not among the files)"),
    (
        ModuleWish(walk=("1.3.6.1.4.1.9.1",)),
        (
            "walk: 1.3.6.1.4.1.9.1 is neither in a MIB nor a row of a column; the closest that is known is enterprises "
            "(1.3.6.1.4.1)"
        ),
    ),
    (
        ModuleWish(walk=("heronPortTable",), lookups=(LookupWish(source_indexes=("ifIndex",), lookup="ifNam"),)),
        "lookups[0].lookup: 'ifNam' is in no MIB (did you mean 'ifName'?)",
    ),
    (
        ModuleWish(walk=("heronPortTable",), lookups=(LookupWish(source_indexes=("ifIndex",), lookup="heronTest"),)),
        "lookups[0].lookup: 'heronTest' is no column, or of no usable type",
    ),
]


@pytest.mark.parametrize(("wish", "message"), WRONG)
def test_a_wish_that_cannot_be_met_says_why(tree: MibTree, wish: ModuleWish, message: str) -> None:
    with pytest.raises(GeneratorError) as error:
        make_module(wish, tree)
    assert str(error.value) == message


def test_an_override_that_means_nothing_is_noted(tree: MibTree) -> None:
    wish = loads("{walk: [heronUptime], overrides: {heronUptim: {ignore: true}}}", ModuleWish).value
    assert make_module(wish, tree).notes == (
        "overrides.heronUptim means nothing: no MIB has it (did you mean 'heronUptime'?)",
    )


FAULTS = [
    (
        "modules: {a: {walk: [.1.3.6]}}",
        "generator.yml:1: modules.a.walk[0]: '.1.3.6': an OID is written without a leading dot",
    ),
    (
        "modules: {a: {walk: [x], overrides: {x: {type: guage}}}}",
        "generator.yml:1: modules.a.overrides.x.type: 'guage' is not a type of metrics (did you mean 'gauge'?)",
    ),
    (
        "modules: {a: {walk: [x], lookups: [{source_indexes: [], lookup: y}]}}",
        "generator.yml:1: modules.a.lookups[0].source_indexes: names no index: which label is looked up?",
    ),
    (
        "modules: {a: {walk: [x], filters: {static: [{targets: [x], indices: [eth0]}]}}}",
        "generator.yml:1: modules.a.filters.static[0].indices[0]: 'eth0' is no index in numbers, such as 2 or 4.17",
    ),
]


@pytest.mark.parametrize(("text", "fault"), FAULTS)
def test_a_wrong_generator_file_says_where(text: str, fault: str) -> None:
    with pytest.raises(ConfigError) as error:
        loads(text, GeneratorFile, file="generator.yml")
    assert [str(found) for found in error.value.faults] == [fault]


UCD = Path("/usr/share/snmp/mibs/UCD-SNMP-MIB.txt")


@pytest.mark.skipif(not UCD.exists(), reason="needs Debian's libsnmp-base")
def test_a_published_mib_gives_what_the_original_generator_makes_of_it() -> None:
    """Facts of the public snmp.yml (module ucd_la_table), not its texts."""
    library = MibLibrary([UCD.parent])
    tree = link(library.complete(library.add_file(UCD)))
    wish = ModuleWish(
        walk=("UCD-SNMP-MIB::laNames", "1.3.6.1.4.1.2021.10.1.5", "laLoadFloat"),
        lookups=(LookupWish(source_indexes=("laIndex",), lookup="laNames", drop_source_indexes=True),),
    )
    module = make_module(wish, tree).module
    assert module["walk"] == ["1.3.6.1.4.1.2021.10.1.2", "1.3.6.1.4.1.2021.10.1.5", "1.3.6.1.4.1.2021.10.1.6"]
    assert [(metric["name"], metric["type"]) for metric in module["metrics"]] == [
        ("laNames", "DisplayString"), ("laLoadInt", "gauge"), ("laLoadFloat", "Float"),
    ]  # fmt: skip
    assert {str(metric["lookups"]) for metric in module["metrics"]} == {
        str(
            [
                {
                    "labels": ["laIndex"],
                    "labelname": "laNames",
                    "oid": "1.3.6.1.4.1.2021.10.1.2",
                    "type": "DisplayString",
                },
                {"labels": [], "labelname": "laIndex"},
            ]
        )
    }
