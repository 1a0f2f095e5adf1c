"""What one query hands over: its words as batches for the receivers, kept by a stand-by, or as pages of `/scores`."""

from collections.abc import Callable

import numpy as np

from anomaly_detector.circumstances import Outbox
from anomaly_detector.grouping.outputs import NOTHING
from anomaly_detector.grouping.running import RunningGroups
from anomaly_detector.handed_over import HandedOver, StandBy
from anomaly_detector.instant import Judged
from anomaly_detector.metrics import Metrics
from anomaly_detector.models.model import F64, Mask
from anomaly_detector.plan import QueryPlan
from anomaly_detector.query_state import QueryState
from anomaly_detector.series_table import SeriesTable
from anomaly_detector.sink.ending import ending
from anomaly_detector.sink.lanes import outputs_of
from anomaly_detector.sink.outputs import Outputs, Page
from anomaly_detector.sink.wire import Batch
from heronwatch.log_lines import timestamp
from heronwatch.logs import get_logger

log = get_logger(__name__)


class Outgoing:
    """Of one query and its `groups`. While `leads` says so it offers to `outbox`, else it keeps.

    `pages` are the newest words, where there is nobody to write to.
    """

    def __init__(
        self,
        plan: QueryPlan,
        *,
        outbox: Outbox,
        groups: RunningGroups,
        metrics: Metrics,
        leads: Callable[[], bool],
    ) -> None:
        self.pages: list[Page] = []
        self._outputs: dict[str, Outputs] = outputs_of(plan)
        self._plan, self._outbox, self._groups, self._metrics, self._leads = plan, outbox, groups, metrics, leads
        self._handed_over, self._kept = HandedOver(), StandBy()

    @property
    def after_s(self) -> float:
        """The instant up to which nothing is written."""
        return self._handed_over.after_s

    def begin(self, newest_s: float, written_s: float) -> None:
        """Begin a run, or begin anew, at the instant `newest_s`; `written_s` is the newest score the server knows."""
        self._handed_over.begin(newest_s, written_s)

    def forget(self) -> None:
        """Forget what was encoded and shown, because the rows of the query mean other series now."""
        self._outputs, self.pages = outputs_of(self._plan), []

    def follow(self, table: SeriesTable) -> None:
        """Encode the labels of rows that hold another series than before."""
        for outputs in self._outputs.values():
            outputs.follow(table.labels, table.version)

    def wants(self, time_s: float, now_s: float) -> bool:
        """Return whether the outputs of an instant are to be handed over."""
        return self._handed_over.wants(time_s, now_s)

    def too_late(self, time_s: float, now_s: float) -> bool:
        """Return whether an instant that was never written is older than any receiver takes."""
        return self._handed_over.too_late(time_s, now_s)

    def hand_over(self, words: list[Judged], values: F64, rolled: Batch) -> None:
        """Hand over one instant: the `values` of all rows, and what of devices and sites is `rolled` up."""
        leads = self._leads()
        for judged in words:
            with self._metrics.timed("encode"):
                batch = self._outputs[judged.lane].batch(judged, values[judged.rows])
            if len(batch) and leads:
                self._outbox.offer(batch)
                self._handed_over.note(judged.time_s)
            elif len(batch):
                self._kept.keep(batch)
        if len(rolled):
            (self._outbox.offer if leads else self._kept.keep)(rolled)
        wanted = words if leads and self._outbox.wants_pages else []
        self.pages = [
            page for judged in wanted for page in self._outputs[judged.lane].pages(judged, values[judged.rows])
        ] + self._groups.pages(wanted)

    def take_over(self, newest_score: Callable[[str], float]) -> None:
        """Hand over what was kept while another led and what that one did not write any more.

        `newest_score` asks the server when it last got a score of the query; only where something was kept.
        """
        if not self._kept or not self._leads():
            return
        written_s = newest_score(self._plan.alias)
        missing = self._kept.after(written_s)
        for batch in missing:
            self._outbox.offer(batch)
            self._handed_over.note(batch.time_ms / 1000)
        log.info("took over", query=self._plan.alias, written_until=timestamp(written_s), instants_added=len(missing))

    def end_some(self, state: QueryState, rows: Mask, now_s: float) -> None:
        """End the series in `rows` (one entry a row), which make room for others now."""
        self.follow(state.table)
        words = ending(state, rows)
        if self.wants(words[0].time_s, now_s):
            self.hand_over(words, np.zeros(0), NOTHING)

    def end(self, state: QueryState) -> None:
        """End the series of every model."""
        if self._leads():
            for judged in ending(state):
                self._outbox.offer(self._outputs[judged.lane].batch(judged))

    def end_groups(self) -> None:
        """End the series of devices and sites."""
        if self._leads() and len(rolled := self._groups.ending()):
            self._outbox.offer(rolled)
