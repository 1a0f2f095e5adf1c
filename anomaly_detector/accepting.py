"""Heeds what people said of new levels: those series learn again from history, from the next step on."""

import threading
from collections.abc import Callable, Sequence

import numpy as np

from anomaly_detector.errors import DetectorError
from anomaly_detector.feedback.acceptance import Change, changes, is_meant, since_of
from anomaly_detector.feedback.effects import Marks
from anomaly_detector.plan import QueryPlan
from anomaly_detector.query_state import QueryState
from anomaly_detector.scoring.learning import Pause
from anomaly_detector.source.history import learn_again
from anomaly_detector.source.reading import Source
from heronwatch.logs import get_logger

log = get_logger(__name__)


class Accepting:
    """The accepted levels of one query. `marks` is asked at every step; `reads` bounds how many read at once."""

    def __init__(
        self, plan: QueryPlan, *, source: Source, reads: threading.Semaphore, marks: Callable[[], Marks]
    ) -> None:
        self._plan, self._source, self._reads, self._marks = plan, source, reads, marks
        self._trouble = ""

    def heed(self, state: QueryState, pauses: Sequence[Pause], stop: threading.Event) -> None:
        """Do what is still to be done; what fails is tried again at the next step.

        Nothing is learnt from `pauses`, whatever was accepted.
        """
        marks = self._marks()
        state.since = since_of(marks, self._plan)
        for change in changes(marks, self._plan, done=state.accepted, last_s=state.last_s):
            if stop.is_set():
                return
            trouble, self._trouble = self._trouble, ""
            try:
                self._change(state, change, pauses, stop)
            except DetectorError as exc:
                self._trouble = str(exc)
                if self._trouble != trouble:
                    log.warning("a new level is not learnt yet", query=self._plan.alias, detail=self._trouble)
                return

    def _change(self, state: QueryState, change: Change, pauses: Sequence[Pause], stop: threading.Event) -> None:
        entry, told = change.entry, state.table.labels
        meant = [row for row, labels in enumerate(told) if labels is not None and is_meant(entry, labels, self._plan)]
        state.pauses = (*pauses, *change.without)
        with self._reads:
            learnt = learn_again(self._source, self._plan, state, np.array(meant, np.intp), stop) if meant else 0
        if stop.is_set():
            return
        (state.accepted.add if change.accepted else state.accepted.discard)(entry.id)
        words = "new level accepted" if change.accepted else "new level no longer accepted"
        log.info(words, query=self._plan.alias, id=entry.id, series=len(meant), learnt=learnt)
