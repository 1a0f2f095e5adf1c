"""A whole backtest: read or open a recording, do the blocks, put them together; says how far it is."""

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec
import numpy as np

from anomaly_detector.backtest.block import Job, LaneResult, Terms, host_label
from anomaly_detector.backtest.incidents import About, Spans, spans_of
from anomaly_detector.backtest.near import inside
from anomaly_detector.backtest.notices import about
from anomaly_detector.backtest.outcome import Incidents, Outcome, outcome
from anomaly_detector.backtest.recording import RecordingError, Track, load_index, record, save_index
from anomaly_detector.backtest.rolled import Rolled
from anomaly_detector.backtest.rolled import rolled as rolled_up
from anomaly_detector.backtest.tape import Tape
from anomaly_detector.backtest.workers import blocks, here, on_dask
from anomaly_detector.config import Config
from anomaly_detector.feedback.verdicts import moment
from anomaly_detector.grouping.blocks import DEFAULT_TEAM, Budget, GroupPlan, Groups, Share
from anomaly_detector.hardly_alarming import Hardly
from anomaly_detector.label_store import identity
from anomaly_detector.marks.past import MarkedPast
from anomaly_detector.plan import QueryPlan, plans
from anomaly_detector.scoring.learning import Pause
from anomaly_detector.series_table import Labels
from anomaly_detector.source.matrix import parse_labels
from anomaly_detector.source.reading import Source

Told = Callable[[str, float], None]  # what is being done, and which share of it is
ANSWER_MARGIN_S = 3600.0  # before the first instant of history: series alive in the hour before


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be run. `recorded`: a folder to read instead of a server; `kept`: a folder to keep the answers in.

    `marked`: what people marked.
    """

    terms: Terms
    queries: tuple[str, ...] = ()
    workers: int = 1
    dask: str = ""
    budget: float | None = None
    incidents: tuple[Pause, ...] | None = None
    recorded: Path | None = None
    kept: Path | None = None
    marked: MarkedPast = MarkedPast()


def backtest(config: Config, wanted: Wanted, *, source: Callable[[], Source], told: Told) -> Outcome:
    """Run it. Raises RecordingError, WorkersError, DaskMissingError, and as `Source.query_range` does."""
    chosen = plans_of(config, wanted)
    with _folder(wanted) as folder:
        if wanted.recorded is None:
            tracks = _read(chosen, wanted.terms, folder, source=source, told=told)
        else:
            tracks = _fitting(chosen, wanted.terms, folder)
        known = None
        if wanted.incidents is not None:
            within = inside(wanted.incidents, wanted.terms.from_s, wanted.terms.to_s)
            known = Incidents(known=within, about=_about(chosen, tracks), outside=len(wanted.incidents) - len(within))
            wanted = msgspec.structs.replace(wanted, incidents=within)
        done = _done(chosen, tracks, wanted, folder, known=known, told=told)
    hosts = {
        parse_labels(key.encode()).get(host_label(plan), "") for plan in chosen for key in tracks[plan.alias].series
    }
    return outcome(
        done.lanes,
        done.rolled,
        wanted.terms,
        hardly=done.hardly,
        late=_late(chosen, tracks, wanted.terms),
        hosts=len(hosts),
        budget=_budget(chosen, tracks, len(hosts)) if wanted.budget is None else wanted.budget,
        incidents=known,
    )


class _Done(msgspec.Struct, frozen=True):
    """What came out of all blocks: of each model, of each query's devices, and the series that can hardly alarm."""

    lanes: list[LaneResult]
    rolled: dict[str, Rolled]
    hardly: list[Hardly]


def plans_of(config: Config, wanted: Wanted) -> list[QueryPlan]:
    """Return the plans of the queries that are wanted."""
    return [plan for plan in plans(config) if not wanted.queries or plan.alias in wanted.queries]


def history_start(plan: QueryPlan, terms: Terms) -> float:
    """Return from when on a query's history is needed."""
    before_s = float(plan.groups.groups.history) if plan.groups else 0.0
    return terms.from_s - before_s - plan.history_s - ANSWER_MARGIN_S


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

            def share(done: float, first_s: float | None, place: int = place, alias: str = plan.alias) -> None:
                late = f", which begins {moment(first_s)[:16]}Z" if first_s and first_s > terms.from_s else ""
                told(f"reading {alias} ({place + 1} of {len(chosen)}{late})", (place + done) / len(chosen))

            start_s = history_start(plan, terms)
            tracks[plan.alias] = record(opened, plan, folder, start_s=start_s, end_s=terms.to_s, told=share)
    finally:
        opened.close()
    save_index(folder, tracks)
    return tracks


def _late(chosen: Sequence[QueryPlan], tracks: Mapping[str, Track], terms: Terms) -> dict[str, float]:
    """Return since when a query has samples, of those that have none at the begin of the span."""
    first = {plan.alias: tracks[plan.alias].first_s for plan in chosen}
    step = {plan.alias: plan.step_s for plan in chosen}
    return {alias: one for alias, one in first.items() if one is not None and one > terms.from_s + step[alias]}


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


def _jobs(plan: QueryPlan, wanted: Wanted, folder: Path, track: Track, tapes: Path) -> Iterator[Job]:
    if not track.series:
        return
    instants = int(np.ceil((wanted.terms.to_s - wanted.terms.from_s) / plan.step_s)) + 1
    for number, (own, series) in enumerate(blocks(plan, track, instants=instants, workers=max(1, wanted.workers))):
        yield Job(
            plan=own,
            terms=wanted.terms,
            start_s=track.start_s,
            wanted=series,
            folder=folder,
            track=track,
            tape=tapes / f"{plan.alias}.{number:05}.npy",
            marked=wanted.marked,
            incidents=wanted.incidents or (),
        )


def _done(
    chosen: Sequence[QueryPlan],
    tracks: Mapping[str, Track],
    wanted: Wanted,
    folder: Path,
    *,
    known: Incidents | None,
    told: Told,
) -> _Done:
    """Do all blocks; roll up each query as soon as its blocks are done."""
    spans = spans_of(known.known, known.about) if known else {}
    done = _Done([], {}, [])
    tapes: dict[str, list[Tape]] = {}
    with tempfile.TemporaryDirectory(prefix="heronwatch-tapes-") as name:
        of_each = (_jobs(plan, wanted, folder, tracks[plan.alias], Path(name)) for plan in chosen)
        jobs = [job for jobs in of_each for job in jobs]
        left = Counter(job.plan.alias for job in jobs)
        told("judging", 0.0)

        def far(blocks_done: float) -> None:
            told("judging", min(blocks_done / len(jobs), 0.999))

        results = on_dask(wanted.dask, jobs) if wanted.dask else here(jobs, workers=wanted.workers, told=far)
        plan_of = {plan.alias: plan for plan in chosen}
        with closing(results):
            for number, result in enumerate(results, start=1):
                done.lanes.extend(result.lanes)
                done.hardly.extend(result.hardly)
                alias = result.lanes[0].query
                left[alias] -= 1
                tapes.setdefault(alias, []).extend([result.tape] if result.tape is not None else [])
                groups = plan_of[alias].groups
                if not left[alias] and groups is not None:
                    done.rolled[alias] = _rolled(tapes.pop(alias), groups, wanted.terms, spans)
                told("judging", number / len(jobs))
    return done


def _rolled(tapes: Sequence[Tape], groups: GroupPlan, terms: Terms, spans: Spans) -> Rolled:
    found = rolled_up(tapes, groups, from_s=terms.from_s, apart_s=terms.apart_s, spans=spans)
    for tape in tapes:
        if tape.file is not None:
            tape.file.unlink()
    return found


def _budget(chosen: Sequence[QueryPlan], tracks: Mapping[str, Track], hosts: int) -> float:
    """Return what the configuration allows a week; where nothing is rolled up that of so many hosts."""
    if not any(plan.groups for plan in chosen):
        return Share(team=DEFAULT_TEAM, per_week=Budget().per_week, queries=1).allowed(hosts)
    return sum(plan.groups.share.allowed(_devices(plan, tracks[plan.alias])) for plan in chosen if plan.groups)


def _devices(plan: QueryPlan, track: Track) -> int:
    names = {parse_labels(key.encode()).get(host_label(plan), "") for key in track.series}
    return len(names - {""})


def _about(chosen: Sequence[QueryPlan], tracks: Mapping[str, Track]) -> About:
    out: dict[tuple[str, str, str], list[Labels]] = {}
    for plan in chosen:
        groups = plan.groups.groups if plan.groups else Groups()
        series = [identity(parse_labels(key.encode())) for key in tracks[plan.alias].series]
        for who, labels in about(series, plan.alias, device=groups.device, site=groups.site):
            out.setdefault(who, []).append(labels)
    return out
