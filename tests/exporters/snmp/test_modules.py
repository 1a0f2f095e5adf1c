"""The shipped modules: made from their sources, read from recordings of real devices, equal to Debian's snmp_exporter.

Both read what a recording has of a module's OIDs; the rest of the recording is left out, so that large ones are quick.
"""

import asyncio
import bz2
import contextlib
import urllib.request
from collections.abc import AsyncIterator, Iterable, Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry

from exporters.metric.exposition import text
from exporters.probing.collector import CollectorContext, Target
from exporters.snmp import oid
from exporters.snmp.collector import SnmpCollector
from exporters.snmp.config.catalogue import SHIPPED, builtin_modules, parse
from exporters.snmp.config.profile import read_kinds
from exporters.snmp.generator.shipped import SOURCES, generated, read_source
from exporters.snmp.generator.sources import Source, SourceError, modules_of
from exporters.snmp.simulator.agent import Agent
from exporters.snmp.simulator.command import Simulator
from exporters.snmp.simulator.recording import parse as parse_recording
from heronwatch.config import loads
from tests.fakes.daemons import Daemon, snmp_exporter

FILES = sorted(path.name for path in SOURCES.glob("*.yml"))
MODULES = {name: module for file in FILES for name, module in read_source(SOURCES / file).modules.items()}
LARGE = {"network/firewall/fortinet-xcu"}  # 454,490 rows: seconds to unpack
PAIRS = [
    pytest.param(name, recording, marks=[pytest.mark.long] if recording in LARGE else [])
    for name, module in MODULES.items()
    for recording in module.tested
]
FIRST = {name: module.tested[0] for name, module in MODULES.items() if module.tested}
ONLY_WE_READ = {"row_scale", "row_precision"}
NEWER_THAN_0_21 = {"lldp", "bridge"}  # look-ups by a port's kind of id, and through another look-up
REFUSED = {"jnxFruState"}  # empty slots of a chassis are one series several times, which fails its scrape


def loaded(path: Path) -> dict[str, Any]:
    """Read YAML by the C loader, which is ten times as fast."""
    content: dict[str, Any] = yaml.load(path.read_text(), Loader=yaml.CSafeLoader)
    return content


@pytest.mark.parametrize("file", FILES)
def test_what_is_shipped_is_made_from_its_source(file: str) -> None:
    assert (SHIPPED / file).read_text() == generated(SOURCES / file)


@pytest.mark.parametrize("file", sorted(path.name for path in SHIPPED.glob("*.yml")))
def test_a_shipped_module_walks_what_its_metrics_and_lookups_need(file: str) -> None:
    for name, module in loaded(SHIPPED / file)["modules"].items():
        fetched = [f"{oid}." for oid in [*module.get("walk", ()), *module.get("get", ())]]
        for metric in module["metrics"]:
            columns = [metric["oid"], *(lookup["oid"] for lookup in metric.get("lookups", ()) if lookup["labels"])]
            columns += [metric[key] for key in ONLY_WE_READ if key in metric]
            for column in columns:
                assert any(f"{column}.".startswith(oid) or oid.startswith(f"{column}.") for oid in fetched), name


def test_names_are_unique_and_sentences_end() -> None:
    seen: dict[str, str] = {}
    for path in SHIPPED.glob("*.yml"):
        for name, module in loaded(path)["modules"].items():
            assert name not in seen
            seen[name] = path.name
            assert all(metric["help"].endswith(".") for metric in module["metrics"]), name


DOCS = Path(__file__).parents[3] / "docs" / "exporters" / "modules.md"


def test_the_documentation_lists_every_module() -> None:
    lines = DOCS.read_text().splitlines()
    for name, module in MODULES.items():
        tested = ", ".join(f"`{recording}`" for recording in module.tested) or "(no recording of one)"
        assert f"| `{name}` | {module.reads} | {', '.join(module.mibs)} | {tested} |" in lines
    for name in ("system", "if_mib", "ups_mib"):
        assert any(line.startswith(f"| `{name}` |") for line in lines)


def test_the_documented_example_is_understood() -> None:
    example = DOCS.read_text().split("```yaml\n")[1].split("```")[0]
    modules = modules_of(loads(example, Source).value)
    parse(yaml.safe_dump({"modules": modules}), "snmp.yml")
    assert [metric["name"] for metric in modules["example_fans"]["metrics"]] == ["exampleFanState", "exampleFanSpeed"]


WRONG = [
    ("columns: {1: nothing}", "1.3.6.1: 'nothing' is not 'name type(enum) option=value - Sentence.'"),
    ("columns: {1: a gauge(b) - C.}", "no enumeration is named 'b'"),
    ("columns: {1: a gauge b=2 - C.}", "1.3.6: 'b' is no option"),
    (
        "lookup: [a = b], columns: {1: a gauge - C.}",
        "'a = b' is not 'index,index -> label type(enum) OID' or 'drop label'",
    ),
    ("index: ['a'], columns: {1: a gauge - C.}", "'a' is not 'name type(enum) fixed_size=6' or '… implied'"),
]


@pytest.mark.parametrize(("part", "message"), WRONG)
def test_a_line_that_is_not_understood_says_which(part: str, message: str) -> None:
    source = loads(f"about: x\nmodules: {{m: {{reads: x, mibs: [X], parts: [{{at: 1.3.6, {part}}}]}}}}", Source).value
    with pytest.raises(SourceError) as error:
        modules_of(source)
    assert message in str(error.value)


@cache
def shipped() -> dict[str, Any]:
    modules: dict[str, Any] = {}
    for file in FILES:
        modules |= loaded(SHIPPED / file)["modules"]
    return modules


def test_every_kind_of_device_reads_modules_that_there_are() -> None:
    kinds = read_kinds(builtin_modules())
    names = {name for kind in kinds.by_oid.values() for name in kind.modules} | set(kinds.default)
    assert names <= set(kinds.modules)
    assert set(kinds.modules) - names <= {"auto", "arp", "fdb", "ucd_diskio"}  # large, or of use to few


KINDS = [
    ("1.3.6.1.4.1.9.12.3.1.3.1084", "Cisco", "cisco"),
    ("1.3.6.1.4.1.318.1.3.4.6", "APC", "apc_pdu"),
    ("1.3.6.1.4.1.318.1.3.2.11", "APC", "apc_ups"),
    ("1.3.6.1.4.1.2636.1.1.1.2.21", "Juniper", "juniper_optics"),
    ("1.3.6.1.4.1.8072.3.2.10", "net-snmp", "ucd_memory"),
    ("1.3.6.1.4.1.705.1", "Eaton", "eaton"),
]


@pytest.mark.parametrize(("object_id", "vendor", "module"), KINDS)
def test_the_longest_beginning_of_a_sysobjectid_chooses(object_id: str, vendor: str, module: str) -> None:
    kinds = read_kinds(builtin_modules())
    content = oid.encode(object_id)
    best = max((start for start in kinds.by_oid if content.startswith(start)), key=len)
    assert kinds.by_oid[best].vendor == vendor
    assert module in kinds.by_oid[best].modules


def recorded(name: str) -> Path:
    spec = find_spec("snmpsim_data")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("needs snmpsim-data: pip install 'heronwatch[dev]'")
    [found] = (Path(spec.submodule_search_locations[0]) / "data").glob(f"{name}.snmprec*")
    return found


@cache
def rows_of(path: Path, name: str) -> tuple[str, ...]:
    """Return the rows below the OIDs that a module fetches; those that vary by time are not served."""
    module = shipped()[name]
    fetched = (*(f"{oid}." for oid in module.get("walk", ())), *(f"{oid}|" for oid in module.get("get", ())))
    with bz2.open(path, "rt", errors="replace") if path.suffix == ".bz2" else path.open(errors="replace") as lines:
        return tuple(line for line in lines if line.startswith(fetched) and ":" not in line.split("|")[1])


@contextlib.asynccontextmanager
async def device(rows: Iterable[str]) -> AsyncIterator[int]:
    simulator = Simulator(Agent(parse_recording(rows), started_at=1.0), now=lambda: 1.0)
    try:
        yield simulator.address[1]
    finally:
        simulator.close()


async def read(config: str, name: str, port: int) -> str:
    collector = SnmpCollector(CollectorContext(registry=CollectorRegistry()))
    try:
        target = Target(name="device", address="127.0.0.1", port=port)
        deadline = asyncio.get_running_loop().time() + 30
        reading = await collector.collect(target, [parse(config, "snmp.yml")[0][name]], deadline)
    finally:
        await collector.close()
    assert reading.faults == ()
    return text(reading.samples)[0].decode()


def samples(body: str) -> dict[str, float]:
    lines = (line for line in body.split("\n") if line and not line.startswith(("#", "snmp_scrape_")))
    return {series: float(value) for series, _, value in (line.rpartition(" ") for line in lines)}


@pytest.mark.parametrize(("name", "recording"), PAIRS)
async def test_a_module_reads_every_object_that_the_device_has(name: str, recording: str) -> None:
    module = shipped()[name]
    rows = rows_of(recorded(recording), name)
    async with device(rows) as port:
        body = await read(yaml.safe_dump({"modules": {name: module}}), name, port)
    families = {line.split(" ")[2].removesuffix("_info") for line in body.split("\n") if line.startswith("# TYPE")}
    has = {metric["name"] for metric in module["metrics"] if any(row.startswith(f"{metric['oid']}.") for row in rows)}
    readable = {name for name in has if name not in NOT_READABLE}
    assert readable
    assert readable <= families


SENSORS = [
    # the recording's value, scale and precision: 282 units with one decimal; 41 units; -2487 of the scale 8, milli
    ("entity_sensor", "cloud/arista-dcs-7150s-52-cl", 'entPhysicalIndex="100006001"', 28.2),
    ("cisco", "network/switch/cisco-n5000-uk9", 'entPhysicalIndex="21598"', 41.0),
    ("cisco", "network/switch/cisco-n5000-uk9", 'entPhysicalIndex="26228"', -2.487),
    ("cisco", "network/switch/cisco-c3750", 'entPhysicalIndex="1019"', 41.9),
]


@pytest.mark.parametrize(("name", "recording", "label", "value"), SENSORS)
async def test_a_sensor_is_read_in_its_unit(name: str, recording: str, label: str, value: float) -> None:
    async with device(rows_of(recorded(recording), name)) as port:
        found = samples(await read(yaml.safe_dump({"modules": {name: shipped()[name]}}), name, port))
    [read_value] = [
        number
        for series, number in found.items()
        if label in series and series.startswith(("entPhySensorValue", "entSensorValue"))
    ]
    assert read_value == pytest.approx(value)


NOT_READABLE = {
    "hrSystemDate",  # of a form that RFC 2579 does not know, on some
    "hrFSLastFullBackupDate",
    "hrFSLastPartialBackupDate",
    "jnxOperatingRestartTime",
}


@cache
def for_0_21() -> dict[str, Any]:
    """Return the modules as Debian's version takes them: both sides read these, so what is left out is no gap."""
    auth = {"version": 2, "auth": {"community": "public"}}
    modules = {name: {**module, **auth, "metrics": []} for name, module in shipped().items()}
    for name, module in shipped().items():
        for metric in (one for one in module["metrics"] if one["name"] not in REFUSED):
            kept = {key: value for key, value in metric.items() if key not in {*ONLY_WE_READ, "scale", "offset"}}
            if "lookups" in kept:
                kept["lookups"] = [{k: v for k, v in one.items() if k != "enum_values"} for one in kept["lookups"]]
            modules[name]["metrics"].append(kept)
    return modules


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with snmp_exporter(tmp_path_factory.mktemp("peer"), yaml.safe_dump(for_0_21())) as daemon:
        yield daemon


@pytest.mark.parametrize(
    ("name", "recording"),
    [(name, recording) for name, recording in FIRST.items() if name not in NEWER_THAN_0_21 and recording not in LARGE],
)
async def test_debians_snmp_exporter_reads_the_same(peer: Daemon, name: str, recording: str) -> None:
    rows = rows_of(recorded(recording), name)
    async with device(rows) as port:
        ours = samples(await read(yaml.safe_dump({name: for_0_21()[name]}), name, port))
        theirs = samples(await asyncio.to_thread(scraped, peer, port, name))
    assert sorted(ours) == sorted(theirs)
    assert {series: value for series, value in ours.items() if value != theirs[series]} == {}


def scraped(peer: Daemon, port: int, name: str) -> str:
    url = f"{peer.url}/snmp?target=127.0.0.1:{port}&module={name}"
    with urllib.request.urlopen(url, timeout=30) as answer:
        return str(answer.read().decode())
