"""The groups of one running query: followed, shown, kept."""

from collections.abc import Sequence

import msgspec
import numpy as np

from anomaly_detector.errors import DetectorError, SnapshotError
from anomaly_detector.grouping.follow import QueryGroups
from anomaly_detector.grouping.keeping import keep, path_of, restore
from anomaly_detector.grouping.outputs import NOTHING, GroupOutputs
from anomaly_detector.models.model import F64, Mask
from anomaly_detector.plan import QueryPlan
from anomaly_detector.query_state import Judged, QueryState
from anomaly_detector.series_table import Rows
from anomaly_detector.sink.ending import JUST_AFTER_S
from anomaly_detector.sink.outputs import Page
from anomaly_detector.sink.series import Identity
from anomaly_detector.sink.wire import Batch
from heronwatch.logs import get_logger

KEPT_EVERY_S = 3600.0
log = get_logger(__name__)


class RunningGroups:
    """Rolls up what the first model of a query says; does nothing where the plan asks for no groups."""

    def __init__(self, plan: QueryPlan) -> None:
        self._plan = plan
        self._kept_s = self._last_s = 0.0
        self._groups = self._restored() or groups_of(plan)
        identity = Identity(plan.alias, plan.lanes[0].alias, plan.query.page)
        self._outputs = None if self._groups is None else GroupOutputs(identity, self._groups)

    def at(self, state: QueryState, words: list[Judged], rows: Rows, values: F64, held: Mask | None) -> Batch:
        """Take an instant, `values` and `held` of `rows`; return what to write about it, which may be nothing."""
        if self._groups is None or self._outputs is None or not words:
            return NOTHING
        told = self._groups.at(state.table, words[0], *dense(len(state.table), rows, values, held))
        self._last_s = words[0].time_s
        if self._last_s >= self._kept_s + KEPT_EVERY_S:
            self.keep()
        return NOTHING if told is None else self._outputs.batch(told, state.table)

    def pages(self, wanted: Sequence[Judged]) -> list[Page]:
        """Return what `/scores` shows beside the `wanted` words; nothing where those are none."""
        return [] if self._outputs is None or not wanted else self._outputs.pages(self._last_s)

    def ending(self) -> Batch:
        """Return what ends everything shown, when nothing goes on with this query."""
        return NOTHING if self._outputs is None else self._outputs.ending(self._last_s + JUST_AFTER_S)

    def keep(self) -> None:
        """Write what is remembered; a failure costs nothing but that."""
        directory = self._plan.settings.state_dir
        self._kept_s = self._last_s
        if directory is None or self._groups is None or not self._groups.devices:
            return
        path = path_of(directory, self._plan.alias)
        try:
            keep(path, self._groups, fingerprint=fingerprint(self._plan), last_s=self._last_s)
        except DetectorError as exc:
            log.warning("levels of devices not kept", query=self._plan.alias, detail=str(exc))

    def _restored(self) -> QueryGroups | None:
        directory, groups = self._plan.settings.state_dir, groups_of(self._plan)
        if directory is None or groups is None or not self._plan.settings.restore_state:
            return None
        try:
            restore(path_of(directory, self._plan.alias), groups, fingerprint=fingerprint(self._plan))
        except SnapshotError as exc:
            log.info("levels of devices begin anew", query=self._plan.alias, detail=str(exc))
            return None
        return groups


def groups_of(plan: QueryPlan) -> QueryGroups | None:
    """Return a query's groups, nothing known yet; None where the plan asks for none."""
    if plan.groups is None:
        return None
    return QueryGroups(plan.groups, step_s=plan.step_s, direction=plan.rules.direction)


def fingerprint(plan: QueryPlan) -> str:
    """Return what shapes the levels: those of another series' world do not fit."""
    groups = plan.groups.groups if plan.groups else None
    return f"{plan.fingerprint} {msgspec.json.encode(groups).decode()} {plan.rules!r}"


def dense(count: int, rows: Rows, values: F64, held: Mask | None) -> tuple[F64, Mask]:
    """Return values and what is held with one entry for each of `count` rows."""
    every, still = np.full(count, np.nan), np.zeros(count, np.bool_)
    every[rows] = values
    if held is not None:
        still[rows] = held
    return every, still
