"""One block of a backtest: some series of one query, learnt and judged with the code of the service.

A job and its result cross process borders and networks: they hold values only, no secret, no connection.
"""

from pathlib import Path

import msgspec
import numpy as np

from anomaly_detector.backtest.alarms import SENSITIVITIES, Alarm, Places, begins_at, episodes
from anomaly_detector.backtest.recording import RecordedSource, Track, piece
from anomaly_detector.backtest.traces import Scene, Trace, Where, traces
from anomaly_detector.feedback.verdicts import HOST
from anomaly_detector.models.model import F32, F64
from anomaly_detector.plan import QueryPlan
from anomaly_detector.replay import Replay
from anomaly_detector.series_table import Labels, SeriesTable


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What counts as an alarm: above 1 for `for_s`; those less than `apart_s` apart are one. And the span judged."""

    from_s: float
    to_s: float
    for_s: float
    apart_s: float
    traces: int = 6


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A block to do: `wanted` series of a track in `folder`; or, to be sent away, their `keys` and `values`."""

    plan: QueryPlan
    terms: Terms
    start_s: float
    wanted: tuple[int, ...]
    folder: Path | None = None
    track: Track | None = None
    keys: tuple[bytes, ...] = ()
    values: F64 | None = None


class LaneResult(msgspec.Struct, frozen=True, kw_only=True):
    """What one model did with a block.

    `scored` and `warming` count instants with a sample; `hosts` and `begins_s` are, for each of SENSITIVITIES, whose
    alarms would have begun when.
    """

    query: str
    model: str
    series: int
    scored: int
    warming: int
    alarms: list[Alarm]
    hosts: list[list[str]]
    begins_s: list[F64]
    traces: list[Trace]


def shipped(job: Job) -> Job:
    """Return a job that carries its data, for a worker that does not see this machine's disk."""
    if job.folder is None or job.track is None:
        return job
    keys, values = piece(job.folder, job.track, job.wanted)
    return msgspec.structs.replace(job, folder=None, track=None, keys=tuple(keys), values=values)


def run(job: Job) -> list[LaneResult]:
    """Do a block: learn from what is before `from_s`, judge what follows."""
    job = shipped(job)
    values = job.values if job.values is not None else np.zeros((0, 0))
    source = RecordedSource(list(job.keys), values, start_s=job.start_s, step_s=job.plan.step_s)
    replay = Replay(job.plan, source)
    terms, step_s = job.terms, job.plan.step_s
    state = replay.learnt(np.ceil(terms.from_s / step_s) * step_s - step_s)
    board = _Board(job.plan, len(job.keys), first_s=state.last_s + step_s, to_s=terms.to_s)
    for instant in replay.run(state, terms.to_s):
        board.note(state.table, instant.time_s, instant.rows, instant.values)
        for place, judged in enumerate(instant.words):
            verdict = judged.verdict
            board.scenes[place].note(board.place, board.columns[judged.rows], verdict)
    return [_result(job, board, scene, lane.alias) for scene, lane in zip(board.scenes, job.plan.lanes, strict=True)]


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
    curve = [begins_at(score, float(one), least=least, apart=apart) for one in SENSITIVITIES]
    return LaneResult(
        query=job.plan.alias,
        model=alias,
        series=count,
        scored=int((np.isfinite(board.values[:count]) & ~scene.warming[:count]).sum()),
        warming=int(scene.warming[:count].sum()),
        alarms=alarms,
        hosts=[[dict(board.labels[one]).get(HOST, "") for one in series.tolist()] for series, _ in curve],
        begins_s=[np.asarray(board.first_s + step_s * first, np.float64) for _, first in curve],
        traces=traces(scene, board.values[:count], board.labels, alarms, where=where, most=terms.traces),
    )


def _alarm(job: Job, board: _Board, alias: str, *, labels: Labels, span: tuple[int, int], peak: float) -> Alarm:
    begin, end = span
    return Alarm(
        query=job.plan.alias,
        model=alias,
        labels=labels,
        host=dict(labels).get(HOST, ""),
        begins=board.first_s + begin * job.plan.step_s,
        ends=board.first_s + (end + 1) * job.plan.step_s,
        peak=peak,
    )
