"""Scraping a 48-port switch by SNMP: ours beside snmp_exporter, both at the same simulated devices.

    python -m benchmarks.snmp_scrape [--seconds 3] [--rounds 3] [--newest]

Both get the same module (the shipped if_mib, full ifTable and ifXTable) and are measured alternately. Each answer is
compared first: they must hold the same samples. There are more devices than connections, so that no walk is shared.
"""

import argparse
import contextlib
import functools
import itertools
import random
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.http_load import load
from benchmarks.newest import unpacked
from benchmarks.processes import Watched, answers, free_ports, running
from benchmarks.report import report

PEER = "prometheus-snmp-exporter"
PORTS = 48
DEVICES = 64
CONNECTIONS = (1, 16)
MODULE = Path(__file__).parents[1] / "exporters" / "snmp" / "modules" / "if_mib.yml"
_COUNTERS = {10: 32, 11: 32, 12: 32, 13: 32, 14: 32, 15: 32, 16: 32, 17: 32, 18: 32, 19: 32, 20: 32}  # of ifTable
_HC_COUNTERS = {2: 32, 3: 32, 4: 32, 5: 32, 6: 64, 7: 64, 8: 64, 9: 64, 10: 64, 11: 64, 12: 64, 13: 64}  # of ifXTable


@dataclass
class Side:
    """One exporter and what was measured of it, by number of connections."""

    name: str
    port: int
    watched: Watched
    per_second: dict[int, list[float]] = field(default_factory=dict)
    cpu_ms: dict[int, list[float]] = field(default_factory=dict)
    median_ms: dict[int, list[float]] = field(default_factory=dict)


def switch(ports: int = PORTS) -> Iterator[str]:
    """Yield the recording of a switch: full ifTable (22 columns) and ifXTable (19), seven of ten ports up."""
    chance = random.Random(48)
    yield f"1.3.6.1.2.1.2.1.0|2|{ports}"
    fixed = {3: "2|6", 4: "2|1500", 5: "66|4294967295", 7: "2|1", 9: "67|0", 21: "66|0", 22: "6|0.0"}
    for column, port in itertools.product(range(1, 23), range(1, ports + 1)):
        cells = {1: f"2|{port}", 2: f"4|Ethernet1/{port}", 6: f"4x|0050569a{port:04x}", 8: f"2|{_state(port)}"}
        cells |= {key: f"65|{_count(bits, port, chance)}" for key, bits in _COUNTERS.items() if key == column}
        yield f"1.3.6.1.2.1.2.2.1.{column}.{port}|{cells.get(column, fixed.get(column))}"
    fixed = {14: "2|1", 15: "66|10000", 16: "2|2", 17: "2|1", 19: "67|0"}
    for column, port in itertools.product(range(1, 20), range(1, ports + 1)):
        cells = {1: f"4|Eth1/{port}", 18: f"4|uplink to rack {port % 12}, server {port}"}
        cells |= {
            key: f"{70 if bits == 64 else 65}|{_count(bits, port, chance)}"
            for key, bits in _HC_COUNTERS.items()
            if key == column
        }
        yield f"1.3.6.1.2.1.31.1.1.1.{column}.{port}|{cells.get(column, fixed.get(column))}"


def old_form(module: str) -> str:
    """Return a module's file in the form up to 0.22, which Debian's version reads."""
    body = module.partition("modules:\n")[2]
    lines = [line.removeprefix("  ") for line in body.splitlines()]
    return "\n".join(lines) + "\n  version: 2\n  auth:\n    community: public\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 2 when the peer is missing, 1 when the answers differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3.0, help="length of each measurement (default 3)")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each kind (default 3)")
    parser.add_argument("--newest", action="store_true", help="beside the newest snmp_exporter, fetched from Debian")
    options = parser.parse_args(arguments)
    peer = _peer(newest=options.newest)
    if peer is None:
        print(f"needs {PEER}: apt-get install {PEER}")
        return 2
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        agents, devices = _devices(Path(folder), stack)
        sides = _sides(Path(folder), stack, peer)
        paths = [f"/snmp?target=127.0.0.1:{port}&module=if_mib" for port in devices]
        if not _same_answers(sides, paths[0]):
            return 1
        agents_share = _measure(sides, paths, agents, options.rounds, options.seconds)
        _print(sides, agents_share, _version(peer))
    return 0


def _peer(*, newest: bool) -> str | None:
    return str(unpacked(PEER) / "usr" / "bin" / PEER) if newest else shutil.which(PEER)


def _devices(folder: Path, stack: contextlib.ExitStack) -> tuple[Watched, list[int]]:
    recording = folder / "switch.snmprec"
    recording.write_text("\n".join(switch()) + "\n")
    ports = free_ports(DEVICES, socket.SOCK_DGRAM)
    listens = [argument for port in ports for argument in ("--listen", f"127.0.0.1:{port}")]
    log = folder / "simulator.log"
    command = [*_heronwatch(), "exporter", "simulate", "snmp", "--recording", str(recording), *listens]
    watched = stack.enter_context(
        running(command, log=log, ready=lambda: log.read_text().count("listening on") == DEVICES)
    )
    return watched, ports


def _sides(folder: Path, stack: contextlib.ExitStack, peer: str) -> list[Side]:
    module = MODULE.read_text()
    is_old = _version(peer) < "0.23"
    theirs = folder / "snmp_exporter.yml"
    theirs.write_text(old_form(module) if is_old else module + "auths: {public_v2: {community: public, version: 2}}\n")
    ports = free_ports(3)
    ours = [*_heronwatch(), "exporter", "serve", "--log.level", "error", "--web.listen-address"]
    commands = {
        "heronwatch": [*ours, f"127.0.0.1:{ports[0]}"],
        "heronwatch --workers 2": [*ours, f"127.0.0.1:{ports[1]}", "--workers", "2"],
        "snmp_exporter": [peer, f"--config.file={theirs}", f"--web.listen-address=127.0.0.1:{ports[2]}"],
    }
    sides = []
    for (name, command), port in zip(commands.items(), ports, strict=True):
        page = "/metrics" if name == "snmp_exporter" else "/-/ready"
        ready = functools.partial(answers, port, page)
        watched = stack.enter_context(running(command, log=folder / f"{port}.log", ready=ready))
        sides.append(Side(name, port, watched))
    return sides


def _measure(sides: Sequence[Side], paths: Sequence[str], agents: Watched, rounds: int, seconds: float) -> float:
    """Measure the sides in turn; return the largest share of a core that the simulated devices used."""
    for side in sides:
        load(side.port, paths, connections=16, seconds=1.0)  # caches warm, memory grown
    share = 0.0
    for _, connections, side in itertools.product(range(rounds), CONNECTIONS, sides):
        agents_before, before = agents.cpu_s(), side.watched.cpu_s()
        found = load(side.port, paths, connections=connections, seconds=seconds)
        if found.failures or not found.latencies:
            raise RuntimeError(f"{side.name}: {found.failures} scrapes failed")
        share = max(share, (agents.cpu_s() - agents_before) / found.seconds)
        side.per_second.setdefault(connections, []).append(found.per_second)
        side.cpu_ms.setdefault(connections, []).append((side.watched.cpu_s() - before) / len(found.latencies) * 1000)
        side.median_ms.setdefault(connections, []).append(found.quantile(0.5) * 1000)
    return share


def _print(sides: Sequence[Side], agents_share: float, version: str) -> None:
    rows = []
    figures: dict[str, float] = {"devices_share_of_a_core": round(agents_share, 2)}
    theirs = next(side for side in sides if side.name == "snmp_exporter")
    for connections, side in itertools.product(CONNECTIONS, sides):
        measured = (side.per_second, side.cpu_ms, side.median_ms)
        rate, cpu, p50 = (statistics.median(kept[connections]) for kept in measured)
        times = rate / statistics.median(theirs.per_second[connections])
        share = cpu / statistics.median(theirs.cpu_ms[connections])
        peak = side.watched.peak_bytes() // 2**20
        rows.append([side.name, connections, rate, times, cpu, share, p50, peak])
        key = re.sub(r"\W+", "_", side.name.replace("heronwatch", "ours").replace(" --", "_"))
        figures |= {
            f"{key}_c{connections}_scrapes_per_s": round(rate, 1),
            f"{key}_c{connections}_cpu_ms": round(cpu, 2),
            f"{key}_c{connections}_times": round(times, 2),
            f"{key}_c{connections}_cpu_share": round(share, 3),
        }
    headings = ["exporter", "connections", "scrapes/s", "times", "CPU ms", "share", "p50 ms", "peak MiB"]
    report("snmp_scrape", headings, rows, figures=figures, peers={"snmp_exporter": version})


def _same_answers(sides: Sequence[Side], path: str) -> bool:
    found = [_samples(side.port, path) for side in sides]
    if any(samples != found[0] for samples in found):
        print(f"the answers differ: {[len(samples) for samples in found]} samples")
        return False
    print(f"{PORTS} ports, {DEVICES} devices, {len(found[0])} samples each, the same from all")
    return True


def _samples(port: int, path: str) -> dict[str, float]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
        lines = answer.read().decode().split("\n")
    samples = (line.rpartition(" ") for line in lines if line and not line.startswith(("#", "snmp_scrape_")))
    return {series: float(value) for series, _, value in samples}


def _heronwatch() -> list[str]:
    return [sys.executable, "-m", "heronwatch"]


def _version(peer: str) -> str:
    shown = subprocess.run([peer, "--version"], capture_output=True, text=True, check=True)
    return (shown.stdout + shown.stderr).split("version ")[1].split()[0]


def _state(port: int) -> int:
    return 1 if port % 10 < 7 else 2


def _count(bits: int, port: int, chance: random.Random) -> int:
    return chance.randrange(2 ** (bits - 4)) if _state(port) == 1 else 0


if __name__ == "__main__":
    sys.exit(main())
