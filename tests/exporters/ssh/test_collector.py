"""The collector against the simulated host, against OpenSSH, and its values against node_exporter's."""

import asyncio
import re
import urllib.request
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from exporters.metric.exposition import strict_text
from exporters.metric.samples import Reading
from exporters.probing.collector import Credential, Module, Target
from exporters.ssh.catalogue import builtin_modules
from exporters.ssh.collector import SshCollector
from exporters.ssh.credential import SshCredential
from exporters.ssh.module import SshModule, compile_module
from exporters.ssh.simulation import SimulatedHost, simulated_device, target_at
from exporters.ssh.simulator import Behaviour, new_key
from heronwatch.config import loads
from heronwatch.secrets import Secret
from tests.fakes.daemons import Daemon, free_port, node_exporter, sshd

LINUX = builtin_modules()["linux"]


@asynccontextmanager
async def collecting(registry: CollectorRegistry | None = None) -> AsyncIterator[SshCollector]:
    collector = SshCollector(registry or CollectorRegistry(), idle_timeout_s=60.0)
    try:
        yield collector
    finally:
        await collector.close()


async def read(collector: SshCollector, target: Target, *modules: Module, within_s: float = 40.0) -> Reading:
    deadline = asyncio.get_running_loop().time() + within_s
    return await collector.collect(target, modules or [LINUX], deadline)


def values(reading: Reading) -> dict[str, float]:
    return {f"{family.name}{labels}": value for family, labels, value in reading.samples}


async def test_simulated_host_is_read_whole_over_one_connection() -> None:
    async with simulated_device() as device, collecting() as collector:
        for _ in range(3):
            reading = await read(collector, device.target)
        assert reading.faults == ()
        assert values(reading)["node_load1"] == 0.42
        assert reading.modules["linux"].success
        strict_text(reading.samples)
        assert device.sessions() == 1
        assert device.forbidden() == []
        assert len(device.operations()) == 30


async def test_only_commands_of_the_module_reach_the_host() -> None:
    async with simulated_device() as device, collecting() as collector:
        await read(collector, device.target)
        assert list(device.operations()) == [command.run for command in LINUX.plan.commands.values()]


async def test_simulated_host_notices_what_is_not_in_its_module() -> None:
    other = compile_module("other", loads("commands: {who: {run: who, prints: date}}", SshModule).value)
    async with simulated_device() as device, collecting() as collector:
        reading = await read(collector, device.target, other, LINUX)
        assert device.forbidden() == ["who"]
    assert [(f.module, f.reason, f.detail) for f in reading.faults] == [
        ("other", "decode", "who: nothing in its output is date (no such command)")
    ]
    assert values(reading)["node_load1"] == 0.42


@pytest.mark.parametrize(
    ("raw", "detail"),
    [
        (b"This account is currently not available.\n", "the host ran no script: exit status 0"),
        (b"\xff\xfe\x00", "the host ran no script: exit status 0"),
    ],
)
async def test_host_that_runs_no_script_is_a_fault(raw: bytes, detail: str) -> None:
    async with answering(lambda _: Behaviour(raw=raw)) as target, collecting() as collector:
        reading = await read(collector, target)
    assert reading.samples == []
    assert [(f.reason, f.detail) for f in reading.faults] == [("decode", detail)]


async def test_broken_off_output_keeps_what_came() -> None:
    def behave(script: str) -> Behaviour:
        mark = re.search(r"@@\w+", script)
        assert mark
        return Behaviour(
            raw=f"\n{mark[0]} begin loadavg\n1 2 3 x\n\n{mark[0]} end 0\n\n{mark[0]} begin stat\nbti".encode()
        )

    async with answering(behave) as target, collecting() as collector:
        reading = await read(collector, target)
    assert values(reading) == {"node_load1": 1, "node_load5": 2, "node_load15": 3}
    assert {f.detail for f in reading.faults} >= {"stat: the output broke off before its end"}


async def test_host_that_cannot_be_reached_is_asked_once_for_all_modules() -> None:
    second = Module(name="second", plan=LINUX.plan)
    credential = SshCredential(username="u", password=Secret("p"), insecure_host_key=True)
    async with collecting() as collector:
        reading = await read(collector, target_at("127.0.0.1", free_port(), credential), LINUX, second)
    assert [(f.module, f.reason) for f in reading.faults] == [("linux", "unreachable"), ("second", "unreachable")]
    assert reading.faults[1].detail.startswith("not asked after: no connection")


async def test_target_without_credential_is_a_fault() -> None:
    async with collecting() as collector:
        reading = await read(collector, target_at("127.0.0.1", 1))
    assert [(f.reason, f.detail) for f in reading.faults] == [("auth", "no credential is bound to this target")]


async def test_unverified_host_is_logged_and_counted(capsys: pytest.CaptureFixture[str]) -> None:
    registry = CollectorRegistry()
    async with answering() as target, collecting(registry) as collector:
        assert target.credential
        verified = target.credential.value
        trusting = SshCredential(username=verified.username, private_key=verified.private_key, insecure_host_key=True)
        await read(collector, target)
        assert b"heronwatch_exporter_ssh_unverified_connections 0.0" in generate_latest(registry)
        unverified = target_at(target.address, target.port, trusting)
        await read(collector, unverified)
        assert b"heronwatch_exporter_ssh_unverified_connections 1.0" in generate_latest(registry)
        await collector.release(unverified)
        assert b"heronwatch_exporter_ssh_unverified_connections 0.0" in generate_latest(registry)


async def test_two_credentials_never_share_a_connection() -> None:
    async with simulated_device() as device, collecting() as collector:
        assert device.target.credential
        same = device.target.credential.value
        copy = SshCredential(username=same.username, private_key=same.private_key, host_key=same.host_key)
        again = target_at(device.target.address, device.target.port, copy)
        await read(collector, device.target)
        await read(collector, again)
        assert device.sessions() == 2


@asynccontextmanager
async def answering(behave: Callable[[str], Behaviour] = lambda _: Behaviour()) -> AsyncIterator[Target]:
    client, key = new_key(), new_key()
    device = SimulatedHost(authorized=[client.public])
    device.simulator._behave = behave
    await device.simulator.start("127.0.0.1", 0, key.private)
    credential = SshCredential(username="monitor", private_key=Secret(client.private), host_key=key.public)
    try:
        yield target_at("127.0.0.1", device.simulator.port, credential)
    finally:
        await device.simulator.stop()


def openssh_target(daemon: Daemon) -> Target:
    credential = SshCredential(
        username=daemon.details["user"],
        private_key=Secret(Path(daemon.details["key"]).read_text()),
        known_hosts=Path(daemon.details["known_hosts"]),
    )
    bound = Credential(name="real", value=credential)
    return Target(
        name="real", address=daemon.host, port=daemon.port, host=daemon.host, transport="tcp", credential=bound
    )


async def openssh_readings(daemon: Daemon, count: int) -> list[Reading]:
    async with collecting() as collector:
        return [await read(collector, openssh_target(daemon)) for _ in range(count)]


def test_openssh_host_is_read_whole(tmp_path: Path) -> None:
    with sshd(tmp_path) as daemon:
        first, second = asyncio.run(openssh_readings(daemon, 2))
    assert (first.faults, second.faults) == ((), ())
    assert values(first).keys() >= {"node_load1", "node_memory_MemTotal_bytes", "node_boot_time_seconds"}
    assert values(second)["node_context_switches_total"] > values(first)["node_context_switches_total"]


LINE = re.compile(r"(?P<name>\w+)(?:\{(?P<labels>.*)\})? (?P<value>\S+)")
# between two readings these move on their own; the rest must be equal
MOVING = re.compile(
    r"node_(cpu_|context_switches|intr_|forks|load|memory_|disk_|network_|vmstat_|time_|procs_|filefd_allocated|"
    r"filesystem_(avail|free|files_free))"
)


def node_exporter_series(text: str) -> tuple[dict[str, float], dict[str, str]]:
    found = {}
    for match in map(LINE.fullmatch, text.splitlines()):
        if match:
            pairs = sorted(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', match["labels"] or ""))
            label = "{" + ",".join(f'{k}="{v}"' for k, v in pairs) + "}" if pairs else ""
            found[match["name"] + label] = float(match["value"])
    return found, dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE))


def test_values_are_those_of_node_exporter(tmp_path: Path) -> None:
    """Both look at this machine at almost the same time: same names, types and labels; values equal or close."""
    with node_exporter(tmp_path) as reference, sshd(tmp_path) as daemon:
        with urllib.request.urlopen(f"{reference.url}/metrics", timeout=30) as answer:
            before = answer.read().decode()
        [reading] = asyncio.run(openssh_readings(daemon, 1))
        with urllib.request.urlopen(f"{reference.url}/metrics", timeout=30) as answer:
            after = answer.read().decode()
    assert reading.faults == ()
    ours = values(reading)
    low, types = node_exporter_series(before)
    high, _ = node_exporter_series(after)
    shared = {name for name in ours if name in low and name in high}
    different = [name for name in shared if not close(name, ours[name], low[name], high[name])]
    assert [(name, low[name], ours[name], high[name]) for name in different] == []
    assert {family.name: family.type for family, _, _ in reading.samples if family.name in types} == {
        family.name: types[family.name] for family, _, _ in reading.samples if family.name in types
    }
    families = {name.partition("{")[0] for name in shared}
    assert families >= {
        "node_load1", "node_cpu_seconds_total", "node_memory_MemTotal_bytes", "node_memory_MemAvailable_bytes",
        "node_boot_time_seconds", "node_context_switches_total", "node_intr_total", "node_forks_total",
        "node_filefd_maximum", "node_vmstat_pgfault", "node_time_seconds", "node_uname_info",
    }  # fmt: skip
    if any('mountpoint="/"' in name for name in low):  # node_exporter leaves out a container's overlay
        assert families >= {"node_filesystem_size_bytes", "node_filesystem_files", "node_filesystem_readonly"}
    assert len(shared) > 60


def close(name: str, value: float, low: float, high: float) -> bool:
    """A counter lies between two readings around it; a gauge that moves is within a few percent; the rest is equal."""
    if not MOVING.match(name):
        return value == pytest.approx(low)
    if "_total" in name or name.startswith(("node_time_seconds", "node_vmstat_")):
        return low - 0.02 <= value <= high + 0.02  # two ticks of /proc/stat
    tolerance = max(abs(high - low), 0.1 * max(abs(low), abs(high)), allowance(name))
    return min(low, high) - tolerance <= value <= max(low, high) + tolerance


def allowance(name: str) -> float:
    """How much a busy machine moves between two readings a second apart, whatever the gauge shows."""
    if name.startswith(("node_memory_", "node_filesystem_")) and "_files" not in name:
        return 512 * 1024 * 1024
    return 8 if name.startswith(("node_load", "node_procs_", "node_disk_io_now")) else 5000
