"""One device far away: how long a scrape of 500 interfaces takes when each answer is late.

    python -m benchmarks.snmp_latency [--rtt-ms 20] [--interfaces 500]

The delay is inside the simulated device. Ours with its defaults, the first (cold) scrape of a device beside later
ones, and with a window of 8 and 16 requests in flight; snmp_exporter reads the same. Times are of the whole scrape over
HTTP, medians of a few; packets are counted by the device.
"""

import argparse
import contextlib
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from benchmarks.http_load import load
from benchmarks.newest import NotAvailableError
from benchmarks.processes import stop_on_sigterm
from benchmarks.report import report
from benchmarks.snmp_scrape import samples
from benchmarks.snmp_stand import Agents, Exporter, agents, config_text, peer_binary, start_ours, start_peer, version
from benchmarks.switch import switch

WINDOWS = (8, 16)


class Timed(Struct, frozen=True):
    """A scrape: seconds, packets that the device counted, requests that were in its way or lost."""

    seconds: float
    packets: int


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 2 when the peer is missing, 1 when the answers differ."""
    options = _options(arguments)
    stop_on_sigterm()
    try:
        peer = peer_binary()
    except NotAvailableError as error:
        print(error)
        return 2
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        return _measure(options, Path(folder), stack, peer)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rtt-ms", type=float, default=20.0, help="how late each answer is (default 20)")
    parser.add_argument("--interfaces", type=int, default=500, help="interfaces of the device (default 500)")
    parser.add_argument("--scrapes", type=int, default=3, help="scrapes of each kind but the cold one (default 3)")
    return parser.parse_args(arguments)


def _measure(options: argparse.Namespace, folder: Path, stack: contextlib.ExitStack, peer: str) -> int:
    delay = f"{options.rtt_ms / 1000:g}"
    device = stack.enter_context(agents(folder, switch(options.interfaces), "--delay", delay, targets=1))
    config = folder / "snmp.yml"
    config.write_text(config_text(version(peer)))
    found: dict[str, list[Timed]] = {}
    sides = [start_ours(stack, folder, config, name="default")]
    sides += [
        start_ours(stack, folder, config, "--snmp.window", str(window), name=f"window{window}") for window in WINDOWS
    ]
    for side in sides:
        cold = scrape(side, device)
        found[f"cold, {side.name}"] = [cold]
        found[side.name] = [scrape(side, device) for _ in range(options.scrapes)]
        _tell(side.name, cold, *found[side.name])
    sides.append(start_peer(stack, folder, config, peer))
    found[sides[-1].name] = [scrape(sides[-1], device)]
    _tell(sides[-1].name, *found[sides[-1].name])
    first = samples(sides[0].port, sides[0].path(device.targets[0]))
    if any(samples(side.port, side.path(device.targets[0])) != first for side in sides[1:]):
        print("the answers differ")
        return 1
    _print(found, options.interfaces, version(peer))
    return 0


def scrape(side: Exporter, device: Agents) -> Timed:
    """Scrape the device once; raises RuntimeError when that fails."""
    before = device.tally()
    found = load(side.port, [side.path(device.targets[0])], connections=1, seconds=0.0)
    if found.failures or not found.latencies:
        raise RuntimeError(f"{side.name}: the scrape failed")
    return Timed(found.latencies[0], device.tally().since(before).packets)


def _tell(name: str, *scrapes: Timed) -> None:
    shown = ", ".join(f"{one.seconds:.3f} s {one.packets} packets" for one in scrapes)
    print(f"[{time.strftime('%H:%M:%S')}] {name}: {shown}", file=sys.stderr, flush=True)


def _print(found: dict[str, list[Timed]], interfaces: int, peer_version: str) -> None:
    seconds = {name: statistics.median(one.seconds for one in scrapes) for name, scrapes in found.items()}
    packets = {name: statistics.median(one.packets for one in scrapes) for name, scrapes in found.items()}
    rows = [[name, seconds[name], packets[name], len(scrapes)] for name, scrapes in found.items()]
    figures = {f"seconds_{interfaces}_window{window}": round(seconds[f"window{window}"], 3) for window in WINDOWS}
    figures |= {f"packets_{interfaces}_window{window}": packets[f"window{window}"] for window in WINDOWS}
    figures[f"seconds_{interfaces}_default"] = round(seconds["default"], 3)
    figures[f"seconds_{interfaces}_cold"] = round(seconds["cold, default"], 3)
    figures[f"peer_seconds_{interfaces}"] = round(seconds["snmp_exporter"], 3)
    figures["packets_ratio_default"] = round(packets["default"] / packets["snmp_exporter"], 3)
    headings = ["scrape", "seconds", "packets", "scrapes"]
    report("snmp_latency", headings, rows, figures=figures, peers={"snmp_exporter": peer_version})


if __name__ == "__main__":
    sys.exit(main())
