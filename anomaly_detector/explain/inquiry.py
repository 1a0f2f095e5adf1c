"""Why a series scores as it does: its host is played again up to that instant, with the code that judges live series.

Only the series of one host are asked of the server, and what a running detector has learnt is never touched.
"""

import math
from collections import deque
from collections.abc import Sequence

import msgspec

from anomaly_detector.config import Config
from anomaly_detector.errors import DetectorError
from anomaly_detector.explain.finding import (
    Explanation,
    Held,
    Mates,
    Said,
    limit_of,
    mates_of,
    said_of,
)
from anomaly_detector.explain.knowledge import LEAD_S, knowledge
from anomaly_detector.explain.lookup import Found
from anomaly_detector.explain.subject import written
from anomaly_detector.explain.testimony import Testimony, testimony
from anomaly_detector.feedback.acceptance import LEAST_SEEN, accepts, is_meant
from anomaly_detector.feedback.effects import Marks, SaidPause, about, distinct, factor, pauses
from anomaly_detector.feedback.listing import accepted_sentence, sentence
from anomaly_detector.feedback.verdicts import HOST, Entry, moment
from anomaly_detector.instant import Judged
from anomaly_detector.lane import Lane
from anomaly_detector.marks.matching import MarkedPause
from anomaly_detector.models.model import State
from anomaly_detector.plan import QueryPlan, plans
from anomaly_detector.query_state import QueryState
from anomaly_detector.replay import Instant, Replay
from anomaly_detector.scoring.bank_options import FeatureBankOptions
from anomaly_detector.scoring.learning import Pause
from anomaly_detector.sink.series import SCORE, Identity, output_labels
from anomaly_detector.source.matrix import grid_times
from anomaly_detector.source.narrowed import Narrowed
from anomaly_detector.source.reading import Source

LOOKED_BACK = 300  # instants that a held score is followed back to the alarm that holds it


class Played(msgspec.Struct, frozen=True, kw_only=True):
    """One query of the host, played up to the instant: `before` is what the models knew of the series ahead of it.

    `lately` are the last instants, that one included.
    """

    state: QueryState
    learnt: str
    lately: Sequence[Instant]
    row: int = -1
    before: dict[str, State] = {}

    @property
    def last(self) -> Instant | None:
        """The instant itself, None where nothing was played."""
        return self.lately[-1] if self.lately else None


def with_pauses(config: Config, marked: Sequence[Pause]) -> Config:
    """Return a configuration in whose learning pauses are those that marks mean, too."""
    every = (*config.settings.learning_pauses, *marked)
    return msgspec.structs.replace(config, settings=msgspec.structs.replace(config.settings, learning_pauses=every))


def explained(config: Config, source: Source, found: Found, *, marks: Marks) -> Explanation:
    """Return everything that is known about a series at an instant. Raises as `Source.query_range` does."""
    plan, device = found.plan, found.plan.groups.groups.device if found.plan.groups else HOST
    host = dict(found.labels).get(device, "")
    only = {device: host} if host else dict(found.labels)
    narrow = Narrowed(source, only)
    played = _played(plan, narrow, found, only=only, marks=marks)
    mates = [_mates(plan, played)]
    for other in plans(config) if host else ():
        if other.alias != plan.alias:
            mates += _other_mates(other, narrow, found, only=only, marks=marks)
    said, actual = _said(found, played, source, marks), _actual(played)
    return Explanation(
        series=written(plan.alias, found.labels),
        query=plan.alias,
        at=found.at_s,
        actual=actual,
        limit=limit_of(plan.rules, actual),
        said=said,
        host=host,
        mates=[one for one in mates if one.series],
        learnt=played.learnt,
        not_learning=_not_learning(found, said, pauses(marks, plan.alias)),
        feedback=[sentence(one) for one in distinct(one for one in marks.raises if _is_about(one, found))],
        accepted=_accepted(found, marks),
    )


def _played(plan: QueryPlan, source: Source, found: Found, *, only: dict[str, str], marks: Marks) -> Played:
    """Play one query up to the instant; keep what the models knew of the series just before."""
    replay = Replay(plan, source, pauses=pauses(marks, plan.alias), marks=lambda: marks)
    asked_about = plan.alias == found.plan.alias
    state, learnt = knowledge(plan, replay, found.at_s, only, lead_s=LEAD_S if asked_about else 0.0)
    row, before, known = -1, {}, set(state.accepted)
    lately: deque[Instant] = deque(maxlen=LOOKED_BACK)

    def keep(state: QueryState, time_s: float) -> None:
        nonlocal row, before
        if time_s + plan.step_s <= found.at_s:
            return
        replay.heed(state)
        if asked_about:
            row = next((row for row, labels in enumerate(state.table.labels) if labels == found.labels), -1)
            before = {lane.alias: _row_of(lane, row) for lane in state.lanes if row >= 0}

    lately.extend(replay.run(state, found.at_s, before=keep))
    if state.accepted != known:
        learnt += "; verdicts about levels since then heeded"
    return Played(state=state, learnt=learnt, lately=lately, row=row, before=before)


def _row_of(lane: Lane, row: int) -> State:
    return {name: array[..., [row]].copy() for name, array in lane.state.items()}


def _said(found: Found, played: Played, source: Source, marks: Marks) -> list[Said]:
    out = []
    words = played.last.words if played.last else ()
    for judged, lane, plan in zip(words, played.state.lanes, found.plan.lanes, strict=False):
        parts = _parts(lane, played, found)
        said = said_of(judged, played.row, model=plan.model, features=lane.model.features, testimony=parts)
        if said is not None:
            identity = Identity(found.plan.alias, lane.alias, found.plan.query.page)
            raised_by = 1.0 if found.plan.query.protected else factor(marks, found.labels, identity)
            stored = _stored_score(source, found, identity)
            hold = plan.options.hold if isinstance(plan.options, FeatureBankOptions) else 0
            held = _held(said, played, hold)
            out.append(msgspec.structs.replace(said, raised_by=raised_by, written=stored, held=held))
    return out


def _held(said: Said, played: Played, hold: int) -> Held | None:
    """Return what holds a score up, None where it is the sample itself."""
    if said.testimony.alone >= 1:
        return None
    words = [one for instant in played.lately for one in instant.words if one.lane == said.alias]
    scores = [(_score(one, played.row), one.time_s) for one in words if played.row in one.rows]
    first = len(scores) - 1
    while first > 0 and scores[first - 1][0] > scores[first][0]:
        first -= 1
    score, at = scores[first]
    return Held(by_itself=said.score * said.testimony.alone, score=score, at=at, hold=hold)


def _score(judged: Judged, row: int) -> float:
    return float(judged.verdict.score[judged.rows == row][0])


def _parts(lane: Lane, played: Played, found: Found) -> Testimony:
    """Return what the model's parts say."""
    state = played.before.get(lane.alias)
    if played.last is None or state is None:
        return Testimony()
    value = played.last.values[played.last.rows == played.row]
    grid = played.state.grid(found.at_s)
    return testimony(lane.model, value, state, grid, rules=found.plan.rules) if len(value) else Testimony()


def _actual(played: Played) -> float | None:
    if played.last is None:
        return None
    value = played.last.values[played.last.rows == played.row]
    return float(value[0]) if len(value) and value[0] == value[0] else None


def _stored_score(source: Source, found: Found, identity: Identity) -> float | None:
    """Return the score that the server has of the series, None when it has none or does not say."""
    expr = written(SCORE, output_labels(dict(found.labels), identity))
    try:
        matrix = source.query_range(
            expr, grid_times(found.at_s, found.at_s, 1.0), step_s=found.plan.step_s, max_series=2
        )
    except DetectorError:
        return None
    return float(matrix.values[0, 0]) if matrix.values.shape[1] == 1 and matrix.values[0, 0] >= 0 else None


def _mates(plan: QueryPlan, played: Played) -> Mates:
    words = played.last.words if played.last else []
    return mates_of(words, played.state.table.labels, query=plan.alias)


def _other_mates(plan: QueryPlan, source: Source, found: Found, *, only: dict[str, str], marks: Marks) -> list[Mates]:
    """Return how the host stands in another query; nothing when that cannot be read."""
    at_s = found.at_s // plan.step_s * plan.step_s
    try:
        there = msgspec.structs.replace(found, at_s=at_s)
        return [_mates(plan, _played(plan, source, there, only=only, marks=marks))]
    except DetectorError:
        return []


def _not_learning(found: Found, said: Sequence[Said], marked: Sequence[Pause]) -> str:
    every = (*found.plan.settings.learning_pauses, *marked)
    now = [one for one in every if one.begins <= found.at_s < one.to and one.is_about(found.labels)]
    if now:
        return _in_pause(max(now, key=lambda one: float(one.to)))
    frozen = [one.alias for one in said if one.by_itself * one.raised_by > 1]
    return f"frozen while the score is above 1 ({', '.join(frozen)})" if frozen else ""


def _in_pause(pause: Pause) -> str:
    """Return which pause a sample lies in, and until when."""
    if isinstance(pause, MarkedPause):
        whose = pause.mark or "a mark"
    else:
        whose = "people said so (feedback)" if isinstance(pause, SaidPause) else "settings.learning_pauses"
    until = f" until {moment(pause.to)[:16]}Z" if math.isfinite(pause.to) else ""
    return f"in a learning pause: {whose}{until}"


def _accepted(found: Found, marks: Marks) -> list[str]:
    """Return the levels of the series that people accepted, and which of them are not heeded yet."""
    plan = found.plan
    out = []
    for entry in accepts(marks, plan):
        if is_meant(entry, found.labels, plan):
            waits = entry.start + LEAST_SEEN * plan.step_s >= found.at_s
            out.append(accepted_sentence(entry) + (" (counts after a few samples)" if waits else ""))
    return out


def _is_about(entry: Entry, found: Found) -> bool:
    plan = found.plan
    return any(about(entry, found.labels, Identity(plan.alias, lane.alias, plan.query.page)) for lane in plan.lanes)
