"""One block of a backtest: some series of one query, learnt and judged with the code of the service.

A job and its result cross process borders and networks: they hold values only, no secret, no connection.
"""

import contextlib
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np

from anomaly_detector.backtest.alarms import SENSITIVITIES, Alarm, Places, alarms_at, episodes
from anomaly_detector.backtest.near import Peak, peaks
from anomaly_detector.backtest.recording import RecordedSource, Track, piece
from anomaly_detector.backtest.tape import Tape, Taping
from anomaly_detector.backtest.traces import Scene, Trace, Where, traces
from anomaly_detector.feedback.verdicts import HOST
from anomaly_detector.grouping.rehearsal import LATE_EVERY_S
from anomaly_detector.hardly_alarming import Hardly, Range, hardly_alarming
from anomaly_detector.label_store import identity
from anomaly_detector.lane import BLOCK
from anomaly_detector.marks.past import MarkedPast
from anomaly_detector.models.model import F32, F64
from anomaly_detector.plan import QueryPlan
from anomaly_detector.query_state import QueryState
from anomaly_detector.replay import Replay
from anomaly_detector.scoring.learning import Pause
from anomaly_detector.series_table import Labels, SeriesTable
from anomaly_detector.source.matrix import parse_labels

SHARE, SHARE_STEP = ".share", 0.02  # the file beside a tape that says how much of its block is done; how often


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What counts as an alarm: above 1 for `for_s`; those less than `apart_s` apart are one. And the span judged."""

    from_s: float
    to_s: float
    for_s: float
    apart_s: float
    traces: int = 6


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A block to do: `wanted` series of a track in `folder`; or, to be sent away, their `keys` and `values`.

    `tape`: where the signs of its devices go; None keeps them in the result. `marked`: what people marked; `incidents`
    are known.
    """

    plan: QueryPlan
    terms: Terms
    start_s: float
    wanted: tuple[int, ...]
    folder: Path | None = None
    track: Track | None = None
    keys: tuple[bytes, ...] = ()
    values: F64 | None = None
    tape: Path | None = None
    marked: MarkedPast = MarkedPast()
    incidents: tuple[Pause, ...] = ()


class LaneResult(msgspec.Struct, frozen=True, kw_only=True):
    """What one model did with a block.

    `scored` and `warming` count instants with a sample; `hosts`, `begins_s` and `ends_s` are, for each of
    SENSITIVITIES, whose alarms would have begun and ended when. `peaks` are, for each known incident, how high it came.
    """

    query: str
    model: str
    series: int
    scored: int
    warming: int
    alarms: list[Alarm]
    hosts: list[list[str]]
    begins_s: list[F64]
    ends_s: list[F64]
    traces: list[Trace]
    peaks: list[Peak | None] = []


class BlockResult(msgspec.Struct, frozen=True, kw_only=True):
    """What came out of a block: of each model, the signs of its devices where they are rolled up, blunt series."""

    lanes: list[LaneResult]
    tape: Tape | None = None
    hardly: list[Hardly] = []


def shipped(job: Job) -> Job:
    """Return a job that carries its data, for a worker that does not see this machine's disk."""
    if job.folder is None or job.track is None:
        return job
    keys, values = piece(job.folder, job.track, job.wanted)
    return msgspec.structs.replace(job, folder=None, track=None, keys=tuple(keys), values=values, tape=None)


def run(job: Job, told: Callable[[float], None] | None = None) -> BlockResult:
    """Do a block: learn from what is before `from_s`, judge what follows; `told` hears which share is done.

    Without `told` the share is written to a file beside the tape.
    """
    told = share_file(job.tape) if told is None else told
    job = _here(job)
    values = job.values if job.values is not None else np.zeros((0, 0))
    source = RecordedSource(list(job.keys), values, start_s=job.start_s, step_s=job.plan.step_s)
    terms, step_s = job.terms, job.plan.step_s
    last_s = float(np.ceil(terms.from_s / step_s) * step_s - step_s)
    taping = _lead(job, source, last_s, told)
    state = Replay(job.plan, source, pauses=job.marked.pauses).learnt(last_s)
    if taping is not None:
        taping.begin(state)
    board = _Board(job.plan, len(job.keys), first_s=state.last_s + step_s, to_s=terms.to_s)
    for instant in Replay(job.plan, source, pauses=job.marked.lived).run(state, terms.to_s):
        told(_share(job, instant.time_s))
        board.note(state.table, instant.time_s, instant.rows, instant.values)
        if taping is not None:
            taping.note(state, instant)
        for place, judged in enumerate(instant.words):
            verdict = judged.verdict
            board.scenes[place].note(board.place, board.columns[judged.rows], verdict)
    lanes = [_result(job, board, scene, lane.alias) for scene, lane in zip(board.scenes, job.plan.lanes, strict=True)]
    seen, rows = _seen(job, state), range(0, len(state.table), BLOCK)
    hardly = [one for first in rows for one in hardly_alarming(state, job.plan, seen, first=first)]
    return BlockResult(lanes=lanes, tape=taping.tape() if taping is not None else None, hardly=hardly)


def _seen(job: Job, state: QueryState) -> Range:
    """Return the range of each series over all that was read of it."""
    values = np.zeros((0, 0)) if job.values is None else job.values
    known = np.isfinite(values)
    some = known.any(axis=0)
    least = np.where(some, np.where(known, values, np.inf).min(axis=0, initial=np.inf), np.nan)
    most = np.where(some, np.where(known, values, -np.inf).max(axis=0, initial=-np.inf), np.nan)
    column_of = {identity(parse_labels(key)): column for column, key in enumerate(job.keys)}
    columns = [column_of.get(labels, -1) if labels is not None else -1 for labels in state.table.labels]
    return Range(
        least=np.array([least[one] if one >= 0 else np.nan for one in columns]),
        most=np.array([most[one] if one >= 0 else np.nan for one in columns]),
    )


def host_label(plan: QueryPlan) -> str:
    """Return the label by which a query's series are of one device."""
    return HOST if plan.groups is None else plan.groups.groups.device


def _here(job: Job) -> Job:
    """Return a job with its data; its tape stays where it is."""
    return msgspec.structs.replace(shipped(job), tape=job.tape)


def share_file(tape: Path | None) -> Callable[[float], None]:
    """Return what writes the share that is done to a file, now and then; nothing where there is no tape."""
    written = 0.0

    def tell(share: float) -> None:
        nonlocal written
        if tape is not None and share >= written + SHARE_STEP:
            written = share
            with contextlib.suppress(OSError):  # it is said a little less often how far the work is
                tape.with_suffix(SHARE).write_text(f"{share:.3f}", encoding="ascii")

    return tell


def _share(job: Job, time_s: float) -> float:
    """Return which share of a block is done after an instant."""
    terms, groups = job.terms, job.plan.groups
    first_s = terms.from_s - (float(groups.groups.history) if groups is not None else 0.0)
    return min(1.0, max(0.0, (time_s - first_s) / max(1.0, terms.to_s - first_s)))


def _lead(job: Job, source: RecordedSource, last_s: float, told: Callable[[float], None]) -> Taping | None:
    """Play what a service that starts at `last_s` plays of its devices' past; None where nothing is rolled up."""
    plan = job.plan
    if plan.groups is None:
        return None
    groups = plan.groups.groups
    before_s = round(float(groups.history) / plan.step_s) * plan.step_s
    series = [identity(parse_labels(key)) for key in job.keys]
    first_s = last_s - before_s + plan.step_s
    taping = Taping(plan, groups, series, first_s=first_s, to_s=job.terms.to_s, file=job.tape)
    if before_s:
        replay = Replay(plan, source, pauses=job.marked.pauses, late_every_s=LATE_EVERY_S)
        state = replay.learnt(last_s - before_s)
        for instant in replay.run(state, last_s):
            told(_share(job, instant.time_s))
            taping.note(state, instant)
    return taping


class _Board:
    """Collects the span, series by series; a series keeps its column though its row may be another's later."""

    def __init__(self, plan: QueryPlan, series: int, *, first_s: float, to_s: float) -> None:
        instants = max(0, int(np.floor((to_s - first_s) / plan.step_s + 1e-6)) + 1)
        self._step_s, self._version = plan.step_s, -1
        self.first_s, self.place = first_s, 0
        self.labels: list[Labels] = []
        self._column_of: dict[Labels, int] = {}
        self.columns: Places = np.zeros(0, np.intp)  # of each row
        self.values: F32 = np.full((series, instants), np.nan, np.float32)
        self.scenes = [Scene(series, instants) for _ in plan.lanes]

    def note(self, table: SeriesTable, time_s: float, rows: Places, values: F64) -> None:
        """Take the samples of an instant."""
        if table.version != self._version:
            self._version = table.version
            self.columns = np.array([-1 if one is None else self._column(one) for one in table.labels], np.intp)
        self.place = round((time_s - self.first_s) / self._step_s)
        self.values[self.columns[rows], self.place] = values

    def _column(self, labels: Labels) -> int:
        column = self._column_of.setdefault(labels, len(self.labels))
        if column == len(self.labels):
            self.labels.append(labels)
        return column


def _result(job: Job, board: _Board, scene: Scene, alias: str) -> LaneResult:
    terms, step_s = job.terms, job.plan.step_s
    label = host_label(job.plan)
    where = Where(query=job.plan.alias, model=alias, first_s=board.first_s, step_s=step_s)
    least = 1 + round(terms.for_s / step_s)
    apart = max(0, round(terms.apart_s / step_s) - 1)
    count = len(board.labels)
    score = scene.score[:count]
    series, first, last = episodes(score > 1, least=least, apart=apart)
    alarms = [
        _alarm(
            job,
            board,
            alias,
            labels=board.labels[one],
            span=(begin, end),
            peak=float(score[one, begin : end + 1].max()),
        )
        for one, begin, end in zip(series.tolist(), first.tolist(), last.tolist(), strict=True)
    ]
    near = peaks(score, board.labels, job.incidents, query=job.plan.alias, first_s=board.first_s, step_s=step_s)
    also = {peak.labels for peak in near if peak is not None}
    curve = [alarms_at(score, float(one), least=least, apart=apart) for one in SENSITIVITIES]
    return LaneResult(
        query=job.plan.alias,
        model=alias,
        series=count,
        scored=int((np.isfinite(board.values[:count]) & ~scene.warming[:count]).sum()),
        warming=int(scene.warming[:count].sum()),
        alarms=alarms,
        hosts=[[dict(board.labels[one]).get(label, "") for one in series.tolist()] for series, _, _ in curve],
        begins_s=[np.asarray(board.first_s + step_s * first, np.float64) for _, first, _ in curve],
        ends_s=[np.asarray(board.first_s + step_s * (last + 1), np.float64) for _, _, last in curve],
        peaks=near,
        traces=traces(scene, board.values[:count], board.labels, alarms, where=where, most=terms.traces, also=also),
    )


def _alarm(job: Job, board: _Board, alias: str, *, labels: Labels, span: tuple[int, int], peak: float) -> Alarm:
    begin, end = span
    return Alarm(
        query=job.plan.alias,
        model=alias,
        labels=labels,
        host=dict(labels).get(host_label(job.plan), ""),
        begins=board.first_s + begin * job.plan.step_s,
        ends=board.first_s + (end + 1) * job.plan.step_s,
        peak=peak,
    )
