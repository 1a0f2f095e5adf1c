"""Blocks done on all cores, or on a Dask cluster; the first that fails ends the run."""

import importlib
import multiprocessing
import signal
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeAlias

import msgspec

from anomaly_detector.backtest.block import SHARE, BlockResult, Job, host_label, run, shipped
from anomaly_detector.backtest.recording import Track
from anomaly_detector.errors import DetectorError
from anomaly_detector.plan import QueryPlan
from anomaly_detector.source.matrix import parse_labels

Closable: TypeAlias = Generator[BlockResult, None, None]  # to close it early is to end the work
CELLS = 2_000_000  # samples of the judged span in one block: bounds a worker's memory to some hundred MB
FEWEST = 250  # series in one block where there are so many: with fewer, an instant costs as much
TELL_S = 1.0  # how often it is looked how far the blocks are
IN_FLIGHT = 4  # blocks per core of the cluster that are sent at once, as each carries its data


class WorkersError(DetectorError):
    """The workers cannot be used, or one of them died."""

    reason = "workers"


class DaskMissingError(DetectorError):
    """`--dask` was asked for, and its library is not installed."""

    reason = "dask"


def blocks(
    plan: QueryPlan, track: Track, *, instants: int, workers: int
) -> Iterator[tuple[QueryPlan, tuple[int, ...]]]:
    """Cut a query's series into blocks, each with the plan it is to be run with.

    A block is small enough for memory, and large enough to be worth an instant's cost; the series of a device stay
    together. What history may take is shared out, so that each series is learnt from as many instants as in service.
    Nothing secret is in the plan.
    """
    count = len(track.series)
    size = max(1, min(CELLS // max(1, instants), max(FEWEST, -(-count // workers))))
    for wanted in _together(plan, track, size):
        points = max(1, plan.reader.max_history_points * len(wanted) // count)
        reader = msgspec.structs.replace(
            plan.reader,
            basic_auth=None,
            bearer_token=None,
            headers={},
            tls_config=None,
            tenant_id="",
            max_history_points=points,
        )
        yield msgspec.structs.replace(plan, reader=reader), wanted


def _together(plan: QueryPlan, track: Track, size: int) -> Iterator[tuple[int, ...]]:
    """Yield places of series, some `size` at a time, and all of a device at once where devices are rolled up."""
    label = host_label(plan)
    devices: dict[object, list[int]] = {}
    for place, series in enumerate(track.series):
        device = parse_labels(series.encode()).get(label) if plan.groups else None
        devices.setdefault(device or place, []).append(place)
    block: list[int] = []
    for places in devices.values():
        if block and len(block) + len(places) > size:
            yield tuple(block)
            block = []
        block += places
    if block:
        yield tuple(block)


def here(jobs: Sequence[Job], *, workers: int, told: Callable[[float], None]) -> Closable:
    """Do jobs in so many processes; yields results as they come. WorkersError when a process dies.

    `told` hears how many jobs are done, those on the way by their share.
    """
    if workers <= 1 or len(jobs) <= 1:
        for done, job in enumerate(jobs):
            yield run(job, lambda share, done=done: told(done + share))  # type: ignore[misc]  # of this round
        return
    context = multiprocessing.get_context("spawn")  # a fork would copy locks that threads hold
    others = multiprocessing.active_children()
    with ProcessPoolExecutor(min(workers, len(jobs)), mp_context=context, initializer=_deaf) as pool:
        futures = [pool.submit(run, job) for job in jobs]
        pending = set(futures)
        try:
            while pending:
                finished, pending = wait(pending, timeout=TELL_S, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in finished)
                shares = (_share(job) for job, future in zip(jobs, futures, strict=True) if future in pending)
                told(len(futures) - len(pending) + sum(shares))
        except BrokenProcessPool as exc:
            raise WorkersError("a worker died, most likely for want of memory: try fewer --workers") from exc
        finally:
            for future in futures:
                future.cancel()
            for process in multiprocessing.active_children() if pending else ():
                if process not in others:  # it is in the middle of a block that nobody waits for
                    process.terminate()


def _deaf() -> None:
    """Leave Ctrl-C to the process that started this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _share(job: Job) -> float:
    """Return which share of a job another process has done."""
    try:
        return 0.0 if job.tape is None else float(job.tape.with_suffix(SHARE).read_text(encoding="ascii"))
    except (OSError, ValueError):  # not there yet, or just being written
        return 0.0


def on_dask(address: str, jobs: Sequence[Job], *, timeout_s: float = 30.0) -> Closable:
    """Do jobs on a Dask cluster, which needs heronwatch of the same version; yields results as they come.

    Each job carries its data. DaskMissingError without the library, WorkersError when the cluster does not answer.
    """
    distributed = _dask()
    try:
        client = distributed.Client(address, timeout=timeout_s)
    except (OSError, ValueError, TimeoutError) as exc:
        raise WorkersError(f"Dask at {address} does not answer: {exc}") from exc
    with client:
        at_once = IN_FLIGHT * max(1, sum(client.ncores().values()))
        for first in range(0, len(jobs), at_once):
            wave = [shipped(job) for job in jobs[first : first + at_once]]
            yield from client.gather(client.map(run, wave, pure=False))


def _dask() -> Any:
    try:
        return importlib.import_module("distributed")
    except ModuleNotFoundError as exc:
        raise DaskMissingError("--dask needs Dask: pip install 'heronwatch[dask]'") from exc
