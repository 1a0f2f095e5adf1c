"""Every module of the public snmp.yml, and ours, on recordings of real devices: our answer beside snmp_exporter's.

    python -m benchmarks.snmp_parity [--snmp-yml FOLDER] [--modules a,b] [--recordings part,of,names] [--jobs 2]

FOLDER holds snmp.yml (the newest) and snmp-0.30.yml (as releases 0.30 read it), by default ../shared/data/snmp_exporter
beside the repository. Ours reads the newest file; a module that 0.30 cannot express in the same way is read by both
from snmp-0.30.yml. The modules that we ship are compared, too, under names that begin with heronwatch_ and without what
only we understand; `modules_public` counts those of the file alone. Name, labels, value and TYPE must be equal, and the
status where one side fails; the series about the scrape itself are left out. A pair counts when
snmp_exporter returned a sample of the device, or when a side failed.
"""

import argparse
import contextlib
import importlib.util
import json
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import yaml
from msgspec import Struct, field

from benchmarks.exposition import Answer, Difference, compare, parse
from benchmarks.newest import NotAvailableError
from benchmarks.processes import running, stop_on_sigterm
from benchmarks.report import report
from benchmarks.shipped import as_file, shipped
from benchmarks.snmp_stand import HERONWATCH, Exporter, peer_binary, start_ours, start_peer, version

DATA = Path(__file__).parents[2] / "shared" / "data" / "snmp_exporter"
NEWEST, RELEASED = "snmp.yml", "snmp-0.30.yml"
OWN = "heronwatch_"
SCRAPE_TIMEOUT_S = 300.0
LOADING_S = 300.0
MOST_SHOWN = 20


class Pair(Struct, frozen=True):
    """A module on a recording: how many series the peer returned, whether a side failed, and what differs."""

    module: str
    recording: str
    series: int
    failed: bool
    difference: Difference


class Outcome(Struct):
    """What came of the pairs so far."""

    pairs: list[Pair] = field(default_factory=list)

    def figures(self) -> dict[str, float]:
        """Return the figures of the report."""
        counted = [pair for pair in self.pairs if pair.series or pair.failed]
        return {
            "missing": sum(len(pair.difference.missing) for pair in self.pairs),
            "extra": sum(len(pair.difference.extra) for pair in self.pairs),
            "different": sum(len(pair.difference.different) for pair in self.pairs),
            "modules": len({pair.module for pair in counted}),
            "modules_public": len({pair.module for pair in counted if not pair.module.startswith(OWN)}),
            "recordings": len({pair.recording for pair in counted}),
            "series": sum(pair.series for pair in counted),
            "modules_compared": len({pair.module for pair in self.pairs}),
            "recordings_compared": len({pair.recording for pair in self.pairs}),
            "pairs": len(counted),
            "pairs_compared": len(self.pairs),
            "failing_pairs": sum(pair.failed for pair in self.pairs),
            "different_help": sum(len(pair.difference.helps) for pair in self.pairs),
        }


class Sides(Struct, frozen=True):
    """The exporters; `released` are the modules that ours reads from the released file, too."""

    newest: Exporter
    ours_released: Exporter
    ours_own: Exporter
    peer: Exporter
    peer_own: Exporter
    released: frozenset[str]

    def ours(self, module: str) -> Exporter:
        """Return our exporter for a module."""
        if module.startswith(OWN):
            return self.ours_own
        return self.ours_released if module in self.released else self.newest

    def theirs(self, module: str) -> Exporter:
        """Return the peer for a module."""
        return self.peer_own if module.startswith(OWN) else self.peer


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare and print; 2 when something needed is missing, 1 when anything differs."""
    options = _options(arguments)
    stop_on_sigterm()
    try:
        peer = peer_binary()
        paths = recordings(options.recordings)
        configs = {name: yaml.load((options.snmp_yml / name).read_text(), yaml.CSafeLoader)["modules"]
                   for name in (NEWEST, RELEASED)}  # fmt: skip
    except (NotAvailableError, OSError) as error:
        print(error)
        return 2
    known = [*configs[NEWEST], *(OWN + name for name in shipped())]
    modules = [name for name in known if not options.modules or name in options.modules]
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        sides = _sides(options.snmp_yml, configs, Path(folder), stack, peer)
        outcome = _compare_all(sides, modules, paths, Path(folder), options.jobs)
    _print(outcome, version(peer), time.monotonic() - began)
    if options.differences:
        found = [pair for pair in outcome.pairs if pair.difference or pair.difference.helps]
        options.differences.write_text(json.dumps([_shown(pair) for pair in found], indent=1))
    figures = outcome.figures()
    return 1 if any(figures[name] for name in ("missing", "extra", "different")) else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--snmp-yml", type=Path, default=DATA, metavar="FOLDER", help="where the snmp.yml files are")
    parser.add_argument("--modules", type=_list, default=[], help="these modules only, comma-separated")
    parser.add_argument("--recordings", type=_list, default=[], help="recordings whose path holds one of these texts")
    parser.add_argument("--jobs", type=int, default=2, help="recordings compared at once (default 2)")
    parser.add_argument("--differences", type=Path, metavar="FILE", help="write every difference into a JSON file")
    return parser.parse_args(arguments)


def _list(text: str) -> list[str]:
    return text.split(",")


def recordings(wanted: Sequence[str] = ()) -> list[Path]:
    """Return the recordings of snmpsim-data, the largest first; raises NotAvailableError."""
    spec = importlib.util.find_spec("snmpsim_data")
    if spec is None or not spec.submodule_search_locations:
        raise NotAvailableError("needs snmpsim-data: pip install 'heronwatch[dev]'")
    found = Path(spec.submodule_search_locations[0]).joinpath("data").rglob("*.snmprec*")
    chosen = [path for path in found if not wanted or any(part in path.as_posix() for part in wanted)]
    return sorted(chosen, key=lambda path: path.stat().st_size, reverse=True)


def _sides(
    source: Path, configs: Mapping[str, Mapping[str, object]], folder: Path, stack: contextlib.ExitStack, peer: str
) -> Sides:
    newest, released = configs[NEWEST], configs[RELEASED]
    own = folder / "own.yml"
    own.write_text(as_file({OWN + name: module for name, module in shipped().items()}))
    return Sides(
        newest=start_ours(stack, folder, source / NEWEST, "--snmp.strict"),
        ours_released=start_ours(stack, folder, source / RELEASED, "--snmp.strict"),
        ours_own=start_ours(stack, folder, own, "--snmp.strict"),
        peer=start_peer(stack, folder, source / RELEASED, peer),
        peer_own=start_peer(stack, folder, own, peer),
        released=frozenset(name for name in newest if newest[name] != released.get(name)),
    )


def _compare_all(sides: Sides, modules: Sequence[str], paths: Sequence[Path], folder: Path, jobs: int) -> Outcome:
    outcome, began, stopped = Outcome(), time.monotonic(), threading.Event()
    with ThreadPoolExecutor(jobs) as pool:
        jobs_of = {pool.submit(_compare_recording, sides, modules, path, folder, stopped): path for path in paths}
        try:
            for number, job in enumerate(as_completed(jobs_of), 1):
                outcome.pairs += job.result()
                label = f"[{number}/{len(paths)} {time.monotonic() - began:.0f} s] {name_of(jobs_of[job])}"
                _tell(job.result(), label)
        finally:
            stopped.set()
            pool.shutdown(cancel_futures=True)
    return outcome


def _tell(pairs: Sequence[Pair], label: str) -> None:
    """Say on standard error what came of a recording."""
    found = Outcome(list(pairs)).figures()
    differences = ", ".join(f"{found[name]:.0f} {name}" for name in ("missing", "extra", "different") if found[name])
    print(f"{label}: {found['modules']:.0f} modules, {found['series']:.0f} series, "
          f"{found['failing_pairs']:.0f} failing; {differences or 'equal'}", file=sys.stderr, flush=True)  # fmt: skip


def name_of(path: Path) -> str:
    """Return a recording's name: kind and device.

    >>> name_of(Path("data/network/switch/cisco-c3560.snmprec.bz2"))
    'switch/cisco-c3560'
    """
    return f"{path.parent.name}/{path.name.partition('.')[0]}"


def _compare_recording(
    sides: Sides, modules: Sequence[str], path: Path, folder: Path, stopped: threading.Event
) -> list[Pair]:
    with _device(path, folder) as target:
        return [_compare_pair(sides, module, path, target) for module in modules if not stopped.is_set()]


@contextlib.contextmanager
def _device(path: Path, folder: Path) -> Iterator[str]:
    """Serve a recording whose clock stands still."""
    log = folder / f"{path.parent.name}-{path.name}.log"
    command = [*HERONWATCH, "exporter", "simulate", "snmp", "--still", "--recording", str(path)]
    listening = "listening on "
    with running([*command, "--listen", "127.0.0.1:0"], log=log, within_s=LOADING_S,
                 ready=lambda: listening in log.read_text()):  # fmt: skip
        yield log.read_text().partition(listening)[2].split()[0]


def _compare_pair(sides: Sides, module: str, path: Path, target: str) -> Pair:
    theirs = answer(sides.theirs(module), module, target)
    ours = answer(sides.ours(module), module, target)
    failed = ours.status != 200 or theirs.status != 200
    return Pair(module, name_of(path), len(theirs.samples), failed, compare(ours, theirs))


def answer(side: Exporter, module: str, target: str) -> Answer:
    """Ask one side for a module of a device."""
    url = f"http://127.0.0.1:{side.port}{side.path(target, module)}"
    headers = {"X-Prometheus-Scrape-Timeout-Seconds": f"{SCRAPE_TIMEOUT_S:g}"}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=SCRAPE_TIMEOUT_S) as found:
            return parse(found.status, found.read().decode())
    except urllib.error.HTTPError as error:
        return parse(error.code, error.read().decode(errors="replace"))


def _print(outcome: Outcome, peer_version: str, took_s: float) -> None:
    """Print the differences by module, if any, the table and the last line."""
    shown = 0
    for pair in outcome.pairs:
        for kind in ("missing", "extra", "different"):
            for text in getattr(pair.difference, kind):
                if (shown := shown + 1) <= MOST_SHOWN:
                    print(f"{kind}: {pair.module} on {pair.recording}: {text}")
    modules = sorted({pair.module for pair in outcome.pairs if pair.series or pair.failed})
    rows = [_row(outcome, module) for module in modules]
    figures = {**outcome.figures(), "seconds": round(took_s)}
    headings = ["module", "recordings", "series", "missing", "extra", "different", "failing"]
    report("snmp_parity", headings, rows, figures=figures, peers={"snmp_exporter": peer_version})


def _row(outcome: Outcome, module: str) -> list[object]:
    found = Outcome([pair for pair in outcome.pairs if pair.module == module]).figures()
    names = ("recordings", "series", "missing", "extra", "different", "failing_pairs")
    return [module, *(int(found[name]) for name in names)]


def _shown(pair: Pair) -> dict[str, object]:
    difference = pair.difference
    return {
        "module": pair.module,
        "recording": pair.recording,
        "missing": difference.missing,
        "extra": difference.extra,
        "different": difference.different,
        "help": difference.helps[:5],
    }


if __name__ == "__main__":
    sys.exit(main())
