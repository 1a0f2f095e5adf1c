"""New levels that people accept: of which series, since when, and what has to be learnt anew because of it. No I/O.

A model freezes while its score is above 1, so that a fault is not learnt; a lasting new level it accepts by itself, but
only after days. A person who says that a level is the new normal is believed at once: history is learnt again as if
that level had always been (scoring/new_level.py), rhythm and spread included. Taken back, history is learnt again as it
was, without what was seen meanwhile.
"""

from collections.abc import Collection

import msgspec

from anomaly_detector.feedback.effects import Marks, about
from anomaly_detector.feedback.verdicts import Entry
from anomaly_detector.plan import QueryPlan
from anomaly_detector.query_state import QueryState
from anomaly_detector.scoring.learning import Instant, Labels, Pause
from anomaly_detector.scoring.new_level import BLUR_S, Since
from anomaly_detector.sink.series import Identity

LEAST_SEEN = 6  # samples of a level, before it is known where it is


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """Series to be learnt anew because of a verdict; `without` is what they are not to learn from.

    `accepted` says whether its level is accepted now.
    """

    entry: Entry
    accepted: bool
    without: tuple[Pause, ...] = ()


def changes(marks: Marks, plan: QueryPlan, *, done: Collection[str], last_s: float) -> list[Change]:
    """Return what is still to be done about a query; `done` are the ids of the levels that are accepted already.

    A level of which hardly anything was seen up to the instant `last_s` waits.
    """
    fresh = [Change(entry=one, accepted=True) for one in accepts(marks, plan) if one.id not in done]
    taken_back = [
        Change(entry=entry, accepted=False, without=(Pause(begins=Instant(entry.start - BLUR_S), to=Instant(undo.at)),))
        for entry, undo in marks.withdrawn
        if entry.id in done
    ]
    return [one for one in fresh if _seen(one.entry, plan, last_s)] + taken_back


def accepts(marks: Marks, plan: QueryPlan) -> tuple[Entry, ...]:
    """Return the accepted levels of a query; none where it is protected: a person's word changes nothing there."""
    if plan.query.protected:
        return ()
    return tuple(sorted((one for one in marks.accepts if one.query == plan.alias), key=lambda one: one.start))


def begin(state: QueryState, marks: Marks, plan: QueryPlan) -> None:
    """Prepare a state that is to learn all of its history now: the levels accepted are then heeded."""
    state.since = since_of(marks, plan)
    state.accepted = {one.id for one in accepts(marks, plan) if _seen(one, plan, state.last_s)}


def is_meant(entry: Entry, labels: Labels, plan: QueryPlan) -> bool:
    """Return whether a verdict is about a series, whichever model it names: all of them see the same level."""
    return about(entry, labels, Identity(plan.alias, entry.labels.get("model_alias", ""), plan.query.page))


def _seen(entry: Entry, plan: QueryPlan, last_s: float) -> bool:
    return entry.start + LEAST_SEEN * plan.step_s < last_s


def since_of(marks: Marks, plan: QueryPlan) -> Since | None:
    """Return what tells since when the level of a series is a new one; None when none was accepted."""
    every = accepts(marks, plan)
    if not every:
        return None
    return lambda labels: [entry.start for entry in every if is_meant(entry, labels, plan)]
