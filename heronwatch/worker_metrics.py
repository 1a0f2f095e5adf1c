"""The folder through which several processes of a service expose their metrics as one.

The launcher calls `prepare(directory)` and `activate(directory)` once, starts workers, which inherit its environment
(prometheus_client reads PROMETHEUS_MULTIPROC_DIR when it is imported), and calls
`WorkerFiles(directory).worker_died(pid)` for every worker that has ended.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prometheus_client import CollectorRegistry, Metric, values
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

ENVIRONMENT = "PROMETHEUS_MULTIPROC_DIR"
ADDITIVE = ("counter", "histogram", "summary")  # kinds whose values of dead workers still count
_LOCK_NAME = "lock"


def prepare(directory: Path) -> None:
    """Make the folder, readable by its owner only, without files of an earlier run."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for stale in directory.glob("*.db"):
        stale.unlink()


def activate(directory: Path) -> None:
    """Let metrics that this process creates from now on go to the folder, and those of the workers that it starts.

    For the launcher, which imports prometheus_client before it knows that there will be workers.
    """
    os.environ[ENVIRONMENT] = str(directory)
    if not getattr(values.ValueClass, "_multiprocess", False):
        values.ValueClass = values.get_value_class()  # type: ignore[no-untyped-call]  # prometheus_client is half typed


class WorkerFiles:
    """The folder, read as one set of metrics."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def merged(self) -> CollectorRegistry:
        """A registry whose collection adds up all files, read while no dead worker is being folded in."""
        registry = CollectorRegistry()
        registry.register(_Snapshot(self))
        return registry

    def worker_died(self, pid: int) -> None:
        """Keep what an ended worker counted, drop its gauges and its files.

        Without this, every restart would leave files behind for each later exposition to read.
        """
        with self.locked(fcntl.LOCK_EX):
            for gauge in self.directory.glob(f"gauge_*_{pid}.db"):
                gauge.unlink()
            for kind in ADDITIVE:
                _fold(self.directory / f"{kind}_{pid}.db", self.directory / f"{kind}_ended.db")

    @contextmanager
    def locked(self, kind: int) -> Iterator[None]:
        """Hold the folder's lock, shared (LOCK_SH) or alone (LOCK_EX); another process may make this wait."""
        with (self.directory / _LOCK_NAME).open("ab") as handle:
            fcntl.flock(handle, kind)
            yield


class _Snapshot(Collector):
    """prometheus_client's own merge, under the shared lock."""

    def __init__(self, files: WorkerFiles) -> None:
        self._files = files
        self._collector = MultiProcessCollector(None, path=str(files.directory))  # type: ignore[no-untyped-call]

    def collect(self) -> list[Metric]:
        with self._files.locked(fcntl.LOCK_SH):
            return list(self._collector.collect())  # type: ignore[no-untyped-call]


def _fold(ended: Path, total: Path) -> None:
    """Add one file's values to another and remove it; the total is replaced in one step."""
    if not ended.exists():
        return
    sums = {key: value for key, value, _, _ in _entries(total)} if total.exists() else {}
    for key, value, _, _ in _entries(ended):
        sums[key] = sums.get(key, 0.0) + value
    fresh = total.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    target = MmapedDict(str(fresh))  # type: ignore[no-untyped-call]
    for key, value in sums.items():
        target.write_value(key, value, 0.0)  # type: ignore[no-untyped-call]
    target.close()  # type: ignore[no-untyped-call]
    fresh.replace(total)
    ended.unlink()


def _entries(path: Path) -> list[tuple[str, float, float, int]]:
    return list(MmapedDict.read_all_values_from_file(str(path)))  # type: ignore[no-untyped-call]
