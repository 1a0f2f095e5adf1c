"""The same device and the same module, read by snmp_exporter and by us: the samples must be equal.

`make test` compares with Debian's version, `make test-newest` with the newest. Recordings are of real devices
(the package snmpsim-data) and one of our own, which goes through every rule.
"""

import asyncio
import contextlib
import math
import urllib.request
from collections.abc import AsyncIterator, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml
from prometheus_client import CollectorRegistry

from benchmarks import newest
from benchmarks.snmp_scrape import old_form
from exporters.metric.exposition import text
from exporters.probing.collector import CollectorContext, Module, Target
from exporters.snmp import recording
from exporters.snmp.agent import Agent
from exporters.snmp.catalogue import SHIPPED, parse
from exporters.snmp.collector import SnmpCollector
from exporters.snmp.simulator import Simulator
from tests.fakes.daemons import LOOPBACK, Daemon, free_port, http_ok, running, snmp_exporter

GOLDEN = Path(__file__).parents[2] / "golden" / "snmp"
EVERY_RULE = (GOLDEN / "every_rule.yml").read_text()
DEVICES = [
    "UPS/eaton-93e-80", "UPS/apc-8641", "UPS/phoenixtec-power", "cloud/arista-dcs-7150s-52-cl",
    "network/switch/cisco-c3560", "network/switch/cisco-n5000-uk9", "network/switch/huawei-s5720",
    "network/switch/hpe-procurve-516733-b21", "network/firewall/paloalto-pa-5000",
    "network/router/juniper-mx960-12-3r6-6", "os/linux/unknown-003", "os/windows/server-2003-5-2",
]  # fmt: skip
Samples = dict[str, float]


def samples(body: str) -> Samples:
    """Return the device's samples by series; what a scrape cost differs by nature."""
    lines = (line for line in body.split("\n") if line and not line.startswith(("#", "snmp_scrape_")))
    return {series: float(value) for series, _, value in (line.rpartition(" ") for line in lines)}


def theirs(peer: Daemon, port: int, module: str) -> Samples:
    url = f"{peer.url}/snmp?target=127.0.0.1:{port}&module={module}"
    with urllib.request.urlopen(url, timeout=30) as answer:
        return samples(answer.read().decode())


async def ours(collector: SnmpCollector, port: int, module: Module) -> Samples:
    target = Target(name="device", address="127.0.0.1", port=port)
    reading = await collector.collect(target, [module], asyncio.get_running_loop().time() + 30)
    assert reading.faults == ()
    body, dropped = text(reading.samples)
    assert dropped == 0
    return samples(body.decode())


@contextlib.asynccontextmanager
async def device(path: Path) -> AsyncIterator[int]:
    """Serve a recording; its clock stands still, so that both read the same uptime."""
    simulator = Simulator(Agent(recording.load(path), started_at=1.0), now=lambda: 1.0)
    try:
        yield simulator.address[1]
    finally:
        simulator.close()


@contextlib.asynccontextmanager
async def collector() -> AsyncIterator[SnmpCollector]:
    made = SnmpCollector(CollectorContext(registry=CollectorRegistry()))
    yield made
    await made.close()


def recorded(name: str) -> Path:
    spec = find_spec("snmpsim_data")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("needs snmpsim-data: pip install 'heronwatch[dev]'")
    folder = Path(spec.submodule_search_locations[0]) / "data"
    found = sorted(folder.glob(f"{name}.snmprec*")) or sorted(folder.rglob(f"{Path(name).name}.snmprec*"))
    assert found, name
    return found[0]


def old_config() -> str:
    """Return the shipped modules and every rule as 0.21 takes them: it knows no `scale`."""
    text = "\n".join([*(old_form(path.read_text()) for path in SHIPPED.glob("*.yml")), EVERY_RULE])
    return "".join(line for line in text.splitlines(keepends=True) if not line.lstrip().startswith("scale:"))


def new_config() -> str:
    modules = {}
    for path in SHIPPED.glob("*.yml"):
        modules |= yaml.safe_load(path.read_text())["modules"]
    rules = yaml.safe_load(EVERY_RULE)["every_rule"]
    modules["every_rule"] = {key: value for key, value in rules.items() if key not in {"version", "auth"}}
    return yaml.safe_dump({"auths": {"public_v2": {"community": "public", "version": 2}}, "modules": modules})


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with snmp_exporter(tmp_path_factory.mktemp("peer"), old_config()) as daemon:
        yield daemon


@pytest.fixture(scope="module")
def newest_peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    try:
        binary = newest.unpacked("prometheus-snmp-exporter") / "usr" / "bin" / "prometheus-snmp-exporter"
    except newest.NotAvailableError as error:
        pytest.skip(f"needs the newest prometheus-snmp-exporter: {error}")
    folder, port = tmp_path_factory.mktemp("newest"), free_port()
    (folder / "snmp.yml").write_text(new_config())
    command = [str(binary), f"--config.file={folder / 'snmp.yml'}", f"--web.listen-address={LOOPBACK}:{port}"]
    with running(
        "snmp_exporter", command, directory=folder, port=port, ready=lambda d: http_ok(f"{d.url}/metrics")
    ) as daemon:
        yield daemon


async def compare(peer: Daemon, config: str, path: Path, names: list[str]) -> int:
    """Compare module by module, both reading the same file; return how many samples were the same."""
    modules, _ = parse(config, "snmp.yml")
    count = 0
    async with collector() as made, device(path) as port:
        for name in names:
            expected = await _in_thread(peer, port, name)
            found = await ours(made, port, modules[name])
            assert sorted(found) == sorted(expected)
            assert [series for series in expected if not _same(found[series], expected[series])] == []
            count += len(found)
    return count


async def _in_thread(peer: Daemon, port: int, name: str) -> Samples:
    return await asyncio.to_thread(theirs, peer, port, name)


def _same(left: float, right: float) -> bool:
    return left == right or (math.isnan(left) and math.isnan(right))


@pytest.mark.parametrize("name", DEVICES)
async def test_real_devices(peer: Daemon, name: str) -> None:
    assert await compare(peer, old_config(), recorded(name), ["system", "if_mib", "ups_mib"]) > 5


async def test_every_rule(peer: Daemon) -> None:
    assert await compare(peer, old_config(), GOLDEN / "every_rule.snmprec", ["every_rule"]) == len(
        samples((GOLDEN / "every_rule.prom").read_text())
    )


@pytest.mark.newest
@pytest.mark.timeout(400)
async def test_every_rule_and_real_devices_beside_the_newest(newest_peer: Daemon) -> None:
    assert await compare(newest_peer, new_config(), GOLDEN / "every_rule.snmprec", ["every_rule"]) > 30
    for name in DEVICES:
        assert await compare(newest_peer, new_config(), recorded(name), ["system", "if_mib", "ups_mib"]) > 5
