"""The same device and the same module, read by snmp_exporter and by us: the samples must be equal.

`make test` compares with Debian's version, `make test-newest` with the newest. Recordings are of real devices
(the package snmpsim-data) and one of our own, which goes through every rule.
"""

import asyncio
import contextlib
import functools
import logging
import math
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

from benchmarks import newest
from benchmarks.shipped import as_file, shipped, without
from exporters.metric.exposition import text
from exporters.probing.collector import Module, Target
from exporters.snmp.collector import SnmpCollector
from exporters.snmp.config.catalogue import parse
from exporters.snmp.simulator import recording
from exporters.snmp.simulator.agent import Agent
from exporters.snmp.simulator.command import Simulator
from tests.fakes import snmp_collectors
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


def theirs(peer: Daemon, port: int, module: str) -> Samples | None:
    """Return what the peer answers; None when it fails as a whole."""
    url = f"{peer.url}/snmp?target=127.0.0.1:{port}&module={module}"
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return samples(answer.read().decode())
    except urllib.error.HTTPError as error:
        with error:
            if error.code != 500:
                raise
            said = error.read()
        if b"not valid UTF-8" in said:
            raise TooOldError from None
        logging.getLogger(__name__).warning("%s", said.decode())  # shown when the comparison fails
        return None


class TooOldError(Exception):
    """0.21 fails where a text is no UTF-8; 0.30 replaces what is none, and so do we."""


async def ours(collector: SnmpCollector, port: int, module: Module) -> tuple[Samples, bool]:
    """Return our samples, and whether the original would have failed: a fault, or series that come twice."""
    target = Target(name="device", address="127.0.0.1", port=port)
    reading = await collector.collect(target, [module], asyncio.get_running_loop().time() + 30)
    body, dropped = text(reading.samples)
    return samples(body.decode()), bool(reading.faults) or dropped > 0


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
    async with snmp_collectors.collector() as made:
        yield made


def recorded(name: str) -> Path:
    spec = find_spec("snmpsim_data")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("needs snmpsim-data: pip install 'heronwatch[dev]'")
    folder = Path(spec.submodule_search_locations[0]) / "data"
    found = sorted(folder.glob(f"{name}.snmprec*")) or sorted(folder.rglob(f"{Path(name).name}.snmprec*"))
    assert found, name
    return found[0]


@functools.cache
def old_config() -> str:
    """Return the shipped modules and every rule as 0.21 takes them, which knows less: both sides read the same."""
    auth = {"version": 2, "auth": {"community": "public"}}
    modules = {name: {**module, **auth} for name, module in shipped().items()}
    modules |= yaml.safe_load(EVERY_RULE)
    return yaml.dump(
        {name: without(module, {"scale", "offset"}) for name, module in modules.items()}, Dumper=yaml.CSafeDumper
    )


@functools.cache
def new_config() -> str:
    """Return the same in the form of today."""
    rules = yaml.safe_load(EVERY_RULE)["every_rule"]
    modules = {**shipped(), "every_rule": {key: rules[key] for key in rules if key not in {"version", "auth"}}}
    return as_file(modules)


NAMES = sorted(shipped())
OLD_NAMES = [name for name, module in shipped().items() if "LldpPortId" not in str(module)]  # 0.21 shows those in hex


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


@functools.cache
def compiled(config: str) -> Mapping[str, Module]:
    return parse(config, "snmp.yml")[0]


async def compare(peer: Daemon, config: str, path: Path, names: list[str]) -> int:
    """Compare module by module, both reading the same file; return how many samples were the same."""
    modules = compiled(config)
    count = 0
    async with collector() as made, device(path) as port:
        for name in names:
            try:
                expected = await _in_thread(peer, port, name)
            except TooOldError:
                continue
            found, is_faulty = await ours(made, port, modules[name])
            assert is_faulty == (expected is None), name
            if expected is None:
                continue
            assert sorted(found) == sorted(expected), name
            assert [series for series in expected if not _same(found[series], expected[series])] == []
            count += len(found)
    return count


async def _in_thread(peer: Daemon, port: int, name: str) -> Samples | None:
    return await asyncio.to_thread(theirs, peer, port, name)


def _same(left: float, right: float) -> bool:
    return left == right or (math.isnan(left) and math.isnan(right))


@pytest.mark.parametrize("name", DEVICES)
async def test_real_devices(peer: Daemon, name: str) -> None:
    assert await compare(peer, old_config(), recorded(name), OLD_NAMES) > 5


async def test_every_rule(peer: Daemon) -> None:
    assert await compare(peer, old_config(), GOLDEN / "every_rule.snmprec", ["every_rule"]) == len(
        samples((GOLDEN / "every_rule.prom").read_text())
    )


@pytest.mark.newest
@pytest.mark.timeout(400)
async def test_every_rule_and_real_devices_beside_the_newest(newest_peer: Daemon) -> None:
    assert await compare(newest_peer, new_config(), GOLDEN / "every_rule.snmprec", ["every_rule"]) > 30
    for name in DEVICES:
        assert await compare(newest_peer, new_config(), recorded(name), NAMES) > 5
