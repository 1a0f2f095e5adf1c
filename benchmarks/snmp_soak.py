"""A fleet: 5,000 devices of 48 interfaces, every one scraped each minute, for ten minutes, on this machine.

    python -m benchmarks.snmp_soak [--minutes 10] [--devices 5000] [--interval 60] [--workers 2]

Each device has an address of its own in 127.30.0.0/17, and a connection of its own that is kept, as Prometheus does it;
scrapes are spread evenly and time out after 10 s. Missed is what was not answered with 200 within that time.
"""

import argparse
import contextlib
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from ipaddress import IPv4Network
from itertools import islice
from pathlib import Path

from benchmarks.processes import stop_on_sigterm
from benchmarks.report import report
from benchmarks.snmp_stand import Agents, agents, config_text, start_ours
from benchmarks.steady_load import Steady, Timetable, steady
from benchmarks.switch import ROOTS, switch
from exporters.snmp.simulator.agent import Tally

NETWORK = IPv4Network("127.30.0.0/17")
TIMEOUT_S = 10.0
DESCRIPTORS_EACH = 3
"""Of a device, at most: connection and socket of the exporter, connection of the load."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 1 when a scrape was missed."""
    options = _options(arguments)
    stop_on_sigterm()
    _raise_descriptors(options.devices * DESCRIPTORS_EACH + 1000)
    rounds = max(1, round(options.minutes * 60 / options.interval))
    with tempfile.TemporaryDirectory() as folder_name, contextlib.ExitStack() as stack:
        folder = Path(folder_name)
        recording = list(switch(options.interfaces))
        devices = stack.enter_context(agents(folder, recording, targets=str(NETWORK), processes=1))
        config = folder / "snmp.yml"
        config.write_text(config_text("0.30"))
        ours = start_ours(stack, folder, config, "--workers", str(options.workers))
        where = devices.targets[0].rpartition(":")[2]
        paths = [ours.path(f"{address}:{where}") for address in islice(NETWORK.hosts(), options.devices)]
        timetable = Timetable(options.devices, interval_s=options.interval, rounds=rounds)
        began, before = time.monotonic(), (ours.watched.cpu_s(), devices.watched.cpu_s())
        found = steady(ours.port, paths, timetable, timeout_s=TIMEOUT_S, tell=_tell)
        took = time.monotonic() - began
        cores = [(after - first) / took for after, first in
                 zip((ours.watched.cpu_s(), devices.watched.cpu_s()), before, strict=True)]  # fmt: skip
        return _print(options, found, cores, ours.watched.peak_bytes(), _counted(devices))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0, help="how long (default 10)")
    parser.add_argument("--devices", type=int, default=5000, help="how many (default 5000)")
    parser.add_argument("--interfaces", type=int, default=48, help="interfaces of each (default 48)")
    parser.add_argument("--interval", type=float, default=60.0, help="seconds from scrape to scrape (default 60)")
    parser.add_argument("--workers", type=int, default=2, help="worker processes of the exporter (default 2)")
    return parser.parse_args(arguments)


def _raise_descriptors(wanted: int) -> None:
    """Let this process and its children open so many files, as a service's unit does."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, most), most))


def _tell(found: Steady) -> None:
    print(f"[{time.strftime('%H:%M:%S')}] {len(found.latencies)} scrapes answered, missed {found.missed or 0}, "
          f"p99 {found.quantile(0.99):.3f} s", file=sys.stderr, flush=True)  # fmt: skip


def _counted(devices: Agents) -> Tally:
    return devices.tally()


def _print(options: argparse.Namespace, found: Steady, cores: Sequence[float], peak: int, counted: Tally) -> int:
    missed = sum(found.missed.values())
    walks = min(counted.walks.get(root, 0) for root in ROOTS)
    figures = {
        "devices": options.devices,
        "minutes": options.minutes,
        "scrapes": found.scrapes,
        "missed": missed,
        "walks": walks,
        "packets": counted.packets,
        "cpu_cores_ours": round(cores[0], 3),
        "cpu_cores_devices": round(cores[1], 3),
        "rss_mib_ours": round(peak / 2**20),
        "p50_s": round(found.quantile(0.5), 4),
        "p99_s": round(found.quantile(0.99), 4),
        "max_s": round(found.quantile(1.0), 4),
        "scheduler_late_s": round(found.late_start_s, 3),
    }
    report("snmp_soak", ["figure", "value"], [[name, float(value)] for name, value in figures.items()],
           figures=figures, peers={})  # fmt: skip
    if missed:
        print(f"missed: {found.missed}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
