"""Scraping switches by SNMP: ours beside snmp_exporter, both at the same simulated devices, measured in turn.

    python -m benchmarks.snmp_scrape [--quick] [--debian] [--rounds 3] [--seconds 4] [--versions v2c,v3]

Both get the same module (the shipped if_mib: full ifTable and ifXTable), and answer with gzip as Prometheus asks. Each
of 64 targets is asked by one connection at a time, so that no walk can be shared; the devices count the walks and the
values that they answered, which must fit the scrapes. Ratios are ours divided by theirs, medians over the rounds.
"""

import argparse
import contextlib
import itertools
import statistics
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.http_load import Load, load
from benchmarks.newest import NotAvailableError
from benchmarks.processes import stop_on_sigterm
from benchmarks.report import report
from benchmarks.snmp_stand import (
    V3,
    V3_ARGUMENTS,
    Agents,
    Exporter,
    agents,
    config_text,
    peer_binary,
    start_ours,
    start_peer,
    version,
)
from benchmarks.switch import ROOTS, old_form, switch

__all__ = ["main", "old_form"]

DEVICES = 64
INTERFACES = (48, 500)
CONNECTIONS = (1, 16, 64)
WORKERS = (1, 2)
PATIENCE = {(500, 1): 2.0, (500, 16): 3.0, (500, 64): 6.0}  # times longer: fewer scrapes fit into a second there


@dataclass
class Measured:
    """What one side did with one number of connections, round by round."""

    per_second: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)
    median_ms: list[float] = field(default_factory=list)

    def add(self, found: Load, cpu_s: float) -> None:
        """Keep a round."""
        self.per_second.append(found.per_second)
        self.cpu_ms.append(cpu_s / len(found.latencies) * 1000)
        self.median_ms.append(found.quantile(0.5) * 1000)


@dataclass
class Stage:
    """Simulated devices of one size, asked in one version, with the exporters side by side."""

    version: str
    interfaces: int
    devices: Agents
    sides: Sequence[Exporter]
    values: int
    kept: dict[tuple[str, int], Measured] = field(default_factory=dict)
    peaks: dict[str, int] = field(default_factory=dict)
    bystanders: list[float] = field(default_factory=list)

    def paths(self, side: Exporter, *, is_old: bool) -> list[str]:
        """Return the path of each target."""
        if self.version == "v2c":
            return [side.path(target) for target in self.devices.targets]
        return [
            side.path(target, f"if_mib_{V3}") if is_old else side.path(target, auth=V3)
            for target in self.devices.targets
        ]


class WrongError(Exception):
    """What was measured is not what is promised to be measured."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 2 when the peer is missing, 1 when what was measured is not comparable."""
    options = _options(arguments)
    stop_on_sigterm()
    try:
        peer = peer_binary(debian=options.debian)
    except NotAvailableError as error:
        print(error)
        return 2
    began = time.monotonic()
    bench = Bench(options, peer, Progress(_measurements(options)))
    try:
        stages = [bench.run(name, size) for name, size in itertools.product(options.versions, options.interfaces)]
    except WrongError as error:
        print(error)
        return 1
    _print(stages, version(peer), time.monotonic() - began)
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=4.0, help="length of a measurement of 48 interfaces")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each kind (default 3)")
    parser.add_argument("--debian", action="store_true", help="beside Debian's own snmp_exporter, not the newest")
    parser.add_argument("--quick", action="store_true", help="one short round: whether all is well, not how fast")
    parser.add_argument("--versions", type=_list, default=["v2c", "v3"], help="v2c,v3")
    parser.add_argument("--interfaces", type=_numbers, default=list(INTERFACES), help="48,500")
    parser.add_argument("--connections", type=_numbers, default=list(CONNECTIONS), help="1,16,64")
    options = parser.parse_args(arguments)
    if options.quick:
        options.rounds, options.seconds = 1, 1.0
    return options


def _list(text: str) -> list[str]:
    return text.split(",")


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def _measurements(options: argparse.Namespace) -> int:
    kinds = len(options.versions) * len(options.interfaces) * len(options.connections)
    rounds: int = options.rounds
    return kinds * rounds * (len(WORKERS) + 1)


class Progress:
    """Lines on standard error: how far it is, and what came of the last measurement."""

    def __init__(self, whole: int) -> None:
        self._whole = whole
        self._done = 0
        self._began = time.monotonic()

    def tell(self, what: str) -> None:
        """Say that one more is done."""
        self._done += 1
        took = time.monotonic() - self._began
        print(f"[{self._done}/{self._whole} {took:.0f} s] {what}", file=sys.stderr, flush=True)


class Bench:
    """Runs the stages one after the other, each with processes of its own."""

    def __init__(self, options: argparse.Namespace, peer: str, progress: Progress) -> None:
        self._options = options
        self._peer = peer
        self._version = version(peer)
        self._progress = progress

    def run(self, name: str, interfaces: int) -> Stage:
        """Measure one size in one version of SNMP; raises WrongError."""
        with self._stage(name, interfaces) as stage:
            self._compare(stage)
            for side in stage.sides:  # memory grown, label texts made
                load(side.port, self._paths(stage, side), connections=16, seconds=min(2.0, self._options.seconds))
            for number, connections in itertools.product(range(self._options.rounds), self._options.connections):
                turn = number % len(stage.sides)
                for side in [*stage.sides[turn:], *stage.sides[:turn]]:
                    self._measure(stage, side, connections)
            stage.peaks = {side.name: side.watched.peak_bytes() for side in stage.sides}
            return stage

    @contextlib.contextmanager
    def _stage(self, name: str, interfaces: int) -> Iterator[Stage]:
        with tempfile.TemporaryDirectory() as folder_name, contextlib.ExitStack() as stack:
            folder = Path(folder_name)
            recording = list(switch(interfaces))
            users = V3_ARGUMENTS if name == "v3" else ()
            devices = stack.enter_context(agents(folder, recording, *users, targets=DEVICES, processes=2))
            config = folder / "snmp.yml"
            config.write_text(config_text(self._version))
            sides = [
                start_ours(stack, folder, config, "--workers", str(workers), name=f"heronwatch workers={workers}")
                for workers in WORKERS
            ]
            sides.append(start_peer(stack, folder, config, self._peer))
            yield Stage(name, interfaces, devices, sides, values=len(recording))

    def _paths(self, stage: Stage, side: Exporter) -> list[str]:
        return stage.paths(side, is_old=self._version < "0.23")

    def _compare(self, stage: Stage) -> None:
        """Ask every side for one device: the samples must be the same."""
        found = {side.name: samples(side.port, self._paths(stage, side)[0]) for side in stage.sides}
        first = next(iter(found.values()))
        if not first or any(one != first for one in found.values()):
            sizes = {name: len(one) for name, one in found.items()}
            raise WrongError(f"{stage.version}, {stage.interfaces} interfaces: the answers differ: {sizes}")

    def _measure(self, stage: Stage, side: Exporter, connections: int) -> None:
        seconds = self._options.seconds * PATIENCE.get((stage.interfaces, connections), 1.0)
        before, cpu, devices_cpu = stage.devices.tally(), side.watched.cpu_s(), stage.devices.watched.cpu_s()
        found = load(side.port, self._paths(stage, side), connections=connections, seconds=seconds)
        cpu = side.watched.cpu_s() - cpu
        stage.bystanders.append((stage.devices.watched.cpu_s() - devices_cpu) / found.seconds + found.share)
        label = f"{stage.version} {stage.interfaces} interfaces, {connections} at once, {side.name}"
        counted = stage.devices.tally().since(before)
        try:
            check(found, counted.walks, counted.values, stage.values)
        except WrongError as error:
            raise WrongError(f"{label}: {error}") from None
        stage.kept.setdefault((side.name, connections), Measured()).add(found, cpu)
        self._progress.tell(
            f"{label}: {found.per_second:.1f} scrapes/s, {cpu / len(found.latencies) * 1000:.2f} ms CPU each; "
            f"devices and load {stage.bystanders[-1]:.2f} of a core"
        )


def check(found: Load, walks: Mapping[str, int], values: int, values_each: int) -> None:
    """Compare what was answered with what the devices counted; raises WrongError.

    >>> check(Load(1.0, latencies=[0.1] * 2), {root: 2 for root in ROOTS}, 20, 10)
    >>> check(Load(1.0, latencies=[0.1] * 2), {root: 1 for root in ROOTS}, 20, 10)
    Traceback (most recent call last):
    ...
    benchmarks.snmp_scrape.WrongError: 2 scrapes answered, walks counted by the devices: 1, 1
    """
    answered = len(found.latencies)
    if found.failures or found.plain or not answered:
        raise WrongError(f"{answered} scrapes answered, {found.failures} failed, {found.plain} without gzip")
    counted = [walks.get(root, 0) for root in ROOTS]
    if any(count != answered for count in counted):
        raise WrongError(f"{answered} scrapes answered, walks counted by the devices: {str(counted)[1:-1]}")
    if values < answered * values_each:
        raise WrongError(f"{answered} scrapes of {values_each} values each, and the devices sent {values}")


def _print(stages: Sequence[Stage], peer_version: str, took_s: float) -> None:
    rows: list[list[object]] = []
    figures: dict[str, float] = {"seconds": round(took_s)}
    for stage in stages:
        figures |= ratios(stage)
        for (name, connections), measured in sorted(stage.kept.items(), key=lambda item: (item[0][1], item[0][0])):
            medians = [statistics.median(kept) for kept in (measured.per_second, measured.cpu_ms, measured.median_ms)]
            peak = stage.peaks[name] // 2**20
            rows.append([stage.version, stage.interfaces, connections, name, *medians, peak])
        share = max(stage.bystanders)
        figures[f"bystanders_cores_{stage.interfaces}{_suffix(stage)}"] = round(share, 2)
    headings = ["SNMP", "interfaces", "at once", "exporter", "scrapes/s", "CPU ms", "p50 ms", "peak MiB"]
    report("snmp_scrape", headings, rows, figures=figures, peers={"snmp_exporter": peer_version})


def ratios(stage: Stage) -> dict[str, float]:
    """Return the figures of one stage: ours divided by theirs, the median of the rounds."""
    figures: dict[str, float] = {}
    peer = "snmp_exporter"
    for (name, connections), ours in stage.kept.items():
        if name == peer:
            continue
        theirs = stage.kept[peer, connections]
        tail = f"{stage.interfaces}_c{connections}_{name.split()[1].replace('=', '')}{_suffix(stage)}"
        figures[f"ratio_scrapes_{tail}"] = _ratio(ours.per_second, theirs.per_second)
        figures[f"ratio_cpu_{tail}"] = _ratio(ours.cpu_ms, theirs.cpu_ms)
    most = max((connections for _, connections in stage.kept), default=0)
    for name, peak in stage.peaks.items():
        if name != peer:
            tail = f"{stage.interfaces}_c{most}_{name.split()[1].replace('=', '')}{_suffix(stage)}"
            figures[f"ratio_rss_{tail}"] = round(peak / stage.peaks[peer], 3)
    return figures


def _ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    return round(statistics.median(mine / other for mine, other in zip(ours, theirs, strict=True)), 3)


def _suffix(stage: Stage) -> str:
    return "" if stage.version == "v2c" else f"_{stage.version}"


def samples(port: int, path: str) -> dict[str, float]:
    """Return the samples of a device by series; what a scrape cost differs by nature."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
        lines = answer.read().decode().split("\n")
    found = (line.rpartition(" ") for line in lines if line and not line.startswith(("#", "snmp_scrape_")))
    return {series: float(value) for series, _, value in found}


if __name__ == "__main__":
    sys.exit(main())
