"""A whole backtest: read or open a recording, do the blocks, put them together; says how far it is."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
import numpy as np

from anomaly_detector.backtest.block import Job, LaneResult, Terms
from anomaly_detector.backtest.outcome import Outcome, outcome
from anomaly_detector.backtest.recording import RecordingError, Track, load_index, record, save_index
from anomaly_detector.backtest.workers import blocks, here, on_dask
from anomaly_detector.config import Config
from anomaly_detector.feedback.verdicts import HOST
from anomaly_detector.plan import QueryPlan, plans
from anomaly_detector.scoring.learning import Pause
from anomaly_detector.source.matrix import parse_labels
from anomaly_detector.source.reading import Source

Told = Callable[[str, float], None]  # what is being done, and which share of it is
ANSWER_MARGIN_S = 3600.0  # before the first instant of history: series alive in the hour before


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be run. `recorded`: a folder to read instead of a server; `kept`: a folder to keep the answers in."""

    terms: Terms
    queries: tuple[str, ...] = ()
    workers: int = 1
    dask: str = ""
    budget: float | None = None
    incidents: tuple[Pause, ...] | None = None
    recorded: Path | None = None
    kept: Path | None = None


def backtest(config: Config, wanted: Wanted, *, source: Callable[[], Source], told: Told) -> Outcome:
    """Run it. Raises RecordingError, WorkersError, DaskMissingError, and as `Source.query_range` does."""
    chosen = [plan for plan in plans(config) if not wanted.queries or plan.alias in wanted.queries]
    with _folder(wanted) as folder:
        if wanted.recorded is None:
            tracks = _read(chosen, wanted.terms, folder, source=source, told=told)
        else:
            tracks = _fitting(chosen, wanted.terms, folder)
        jobs = [
            job
            for plan in chosen
            for job in _jobs(plan, wanted, folder, tracks[plan.alias])
            if tracks[plan.alias].series
        ]
        lanes = _done(jobs, wanted, told=told)
    hosts = {parse_labels(key.encode()).get(HOST, "") for track in tracks.values() for key in track.series}
    return outcome(lanes, wanted.terms, hosts=len(hosts), budget=wanted.budget, incidents=wanted.incidents)


def history_start(plan: QueryPlan, terms: Terms) -> float:
    """Return from when on a query's history is needed."""
    return terms.from_s - max(float(lane.options.fit_window) for lane in plan.lanes) - ANSWER_MARGIN_S


@contextmanager
def _folder(wanted: Wanted) -> Iterator[Path]:
    if wanted.recorded is not None:
        yield wanted.recorded
    elif wanted.kept is not None:
        wanted.kept.mkdir(parents=True, exist_ok=True)
        if any(wanted.kept.iterdir()):
            raise RecordingError(f"{wanted.kept} is not empty")
        yield wanted.kept
    else:
        with tempfile.TemporaryDirectory(prefix="heronwatch-backtest-") as name:
            yield Path(name)


def _read(
    chosen: Sequence[QueryPlan], terms: Terms, folder: Path, *, source: Callable[[], Source], told: Told
) -> dict[str, Track]:
    tracks: dict[str, Track] = {}
    opened = source()
    try:
        for place, plan in enumerate(chosen):

            def share(done: float, place: int = place, alias: str = plan.alias) -> None:
                told(f"reading {alias}", (place + done) / len(chosen))

            start_s = history_start(plan, terms)
            tracks[plan.alias] = record(opened, plan, folder, start_s=start_s, end_s=terms.to_s, told=share)
    finally:
        opened.close()
    save_index(folder, tracks)
    return tracks


def _fitting(chosen: Sequence[QueryPlan], terms: Terms, folder: Path) -> dict[str, Track]:
    """Return the tracks of a recording; RecordingError when it is not of these queries or this span."""
    tracks = load_index(folder).queries
    for plan in chosen:
        track = tracks.get(plan.alias)
        if track is None or (track.expr, track.step_s) != (plan.query.expr, plan.step_s):
            raise RecordingError(f"{folder} has no query '{plan.alias}' of this expression and step")
        if track.start_s > terms.from_s or track.end_s < terms.to_s - plan.step_s:
            raise RecordingError(f"{folder} does not hold the whole span of '{plan.alias}'")
    return tracks


def _jobs(plan: QueryPlan, wanted: Wanted, folder: Path, track: Track) -> Iterator[Job]:
    instants = int(np.ceil((wanted.terms.to_s - wanted.terms.from_s) / plan.step_s)) + 1
    for own, series in blocks(plan, track, instants=instants, workers=max(1, wanted.workers)):
        yield Job(plan=own, terms=wanted.terms, start_s=track.start_s, wanted=series, folder=folder, track=track)


def _done(jobs: Sequence[Job], wanted: Wanted, *, told: Told) -> list[LaneResult]:
    results = on_dask(wanted.dask, jobs) if wanted.dask else here(jobs, workers=wanted.workers)
    out: list[LaneResult] = []
    told("judging", 0.0)
    for done, lanes in enumerate(results, start=1):
        out += lanes
        told("judging", done / len(jobs))
    return out
