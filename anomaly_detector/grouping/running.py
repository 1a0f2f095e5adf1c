"""The groups of one running query: followed, shown, kept."""

from collections.abc import Sequence

from anomaly_detector.errors import DetectorError, SnapshotError
from anomaly_detector.grouping.follow import QueryGroups, every_row, groups_of
from anomaly_detector.grouping.keeping import keep, path_of, restore
from anomaly_detector.grouping.metrics import PastStatus
from anomaly_detector.grouping.outputs import NOTHING, GroupOutputs, Shown
from anomaly_detector.grouping.rehearsing import Aside, Rehearsing
from anomaly_detector.instant import Judged
from anomaly_detector.models.model import F64, Mask
from anomaly_detector.plan import QueryPlan
from anomaly_detector.query_state import QueryState
from anomaly_detector.scoring.levelling import SPANS_S
from anomaly_detector.series_table import Rows
from anomaly_detector.sink.ending import JUST_AFTER_S
from anomaly_detector.sink.outputs import Page
from anomaly_detector.sink.series import Identity
from anomaly_detector.sink.wire import Batch
from heronwatch.logs import get_logger

LATELY_S = max(SPANS_S)  # signs that nobody followed for longer say nothing any more
log = get_logger(__name__)


class RunningGroups:
    """Rolls up what the first model of a query says; does nothing where the plan asks for no groups.

    With `aside` the past is played again where devices are not known yet.
    """

    def __init__(self, plan: QueryPlan, aside: Aside | None = None) -> None:
        self._plan, self._aside = plan, aside
        self._last_s = self._kept_s = 0.0  # the last instant, and the one that the file of the run before ends with
        self._rehearsing: Rehearsing | None = None
        self._groups = self._restored() or groups_of(plan)
        self._outputs = None if self._groups is None else self._showing(self._groups)

    def at(
        self,
        state: QueryState,
        words: list[Judged],
        rows: Rows,
        values: F64,
        held: Mask | None,
        *,
        silent: Mask | None = None,
    ) -> Batch:
        """Take an instant, `values`, `held` and `silent` of `rows`; return what to write, which may be nothing."""
        if self._groups is None or self._outputs is None or not words:
            return NOTHING
        if self._is_in_file(self._groups, words[0].time_s):
            return NOTHING
        self._take_over_past(self._groups)
        every, still = every_row(len(state.table), rows, values, held)
        quiet = still if silent is None else every_row(len(state.table), rows, values, silent)[1]
        told = self._groups.at(state.table, words[0], every, still, silent=quiet)
        self._last_s = words[0].time_s
        self._begin_past(self._groups, state)
        return self._outputs.ending(self._last_s) if told is None else self._outputs.batch(told, state.table)

    @property
    def devices_known(self) -> bool | None:
        """Whether enough is known of devices to score them; None where there are none."""
        if self._groups is None or not self._groups.devices:
            return None
        return self._groups.roll_up.levels is not None

    @property
    def past(self) -> PastStatus | None:
        """What is done with the past of devices; None where nothing has to be played."""
        return self._rehearsing.status() if self._rehearsing is not None else None

    def inherit(self, before: "RunningGroups") -> None:
        """Go on with the groups of the run before, where they fit: what it showed goes on or is ended by this one."""
        mine, theirs = self._plan, before._plan  # noqa: SLF001  # our class
        groups, outputs = before._groups, before._outputs  # noqa: SLF001
        if mine.groups is None or groups is None or outputs is None or fingerprint(mine) != fingerprint(theirs):
            return
        groups.use(mine.groups, retention_s=float(mine.settings.retention))
        self._groups, self._last_s, self._kept_s = groups, before._last_s, before._kept_s  # noqa: SLF001
        self._outputs = self._showing(groups, shown=outputs.shown)

    def close(self) -> None:
        """End the thread beside, and write what is remembered."""
        if self._rehearsing is not None:
            self._rehearsing.stop()
        if self._groups is not None:
            self._take_over_past(self._groups)
        self.keep()

    def pages(self, wanted: Sequence[Judged]) -> list[Page]:
        """Return what `/scores` shows beside the `wanted` words; nothing where those are none."""
        return [] if self._outputs is None or not wanted else self._outputs.pages(self._last_s)

    def ending(self) -> Batch:
        """Return what ends everything shown, when nothing goes on with this query."""
        return NOTHING if self._outputs is None else self._outputs.ending(self._last_s + JUST_AFTER_S)

    def keep(self) -> None:
        """Write what is remembered, with every snapshot; a failure costs nothing but that."""
        directory = self._plan.settings.state_dir
        if directory is None or self._groups is None or not self._groups.devices or not self._last_s:
            return
        path = path_of(directory, self._plan.alias)
        try:
            keep(path, self._groups, fingerprint=fingerprint(self._plan), last_s=self._last_s)
        except DetectorError as exc:
            log.warning("levels of devices not kept", query=self._plan.alias, detail=str(exc))

    def _is_in_file(self, groups: QueryGroups, time_s: float) -> bool:
        """Return whether an instant is judged again that the run before has followed already; asked once for each."""
        since_s, known = time_s - self._kept_s, self._kept_s > 0
        if known and abs(since_s) > LATELY_S:
            groups.rest()
        if known and -LATELY_S <= since_s <= 0:
            return True
        self._kept_s = 0.0
        return False

    def _begin_past(self, groups: QueryGroups, state: QueryState) -> None:
        """Begin to play the past where devices are not known; tell one that plays how far the live query is."""
        if self._rehearsing is not None:
            self._rehearsing.newest_s = self._last_s
        elif self._aside and groups.devices and groups.roll_up.levels is None and groups.plan.groups.history > 0:
            series = state.table.series
            self._rehearsing = Rehearsing(self._plan, self._aside, newest_s=self._last_s, series=series)
            self._rehearsing.start()

    def _take_over_past(self, groups: QueryGroups) -> None:
        known = self._rehearsing.known() if self._rehearsing is not None else None
        if known is not None:
            groups.take_over(known)
            self.keep()

    def _showing(self, groups: QueryGroups, shown: Shown | None = None) -> GroupOutputs:
        identity = Identity(self._plan.alias, self._plan.lanes[0].alias, self._plan.query.page)
        shard, site = self._plan.settings.shard, groups.plan.groups.site
        parted = shard is not None and shard.by != (site,)  # each shard sees a part of a site
        of_site = {"shard": str(shard.number)} if shard is not None and parted else {}
        return GroupOutputs(identity, groups, of_site=of_site, shown=shown)

    def _restored(self) -> QueryGroups | None:
        directory, groups = self._plan.settings.state_dir, groups_of(self._plan)
        if directory is None or groups is None or not self._plan.settings.restore_state:
            return None
        path = path_of(directory, self._plan.alias)
        try:
            self._kept_s = restore(path, groups, fingerprint=fingerprint(self._plan))
        except SnapshotError as exc:
            if not isinstance(exc.__cause__, FileNotFoundError):  # else it is a first start
                log.info("levels of devices begin anew", query=self._plan.alias, detail=str(exc))
            return None
        return groups


def fingerprint(plan: QueryPlan) -> str:
    """Return what shapes the levels: those of another series' world do not fit."""
    groups = plan.groups.groups if plan.groups else None
    world = [groups.device, groups.site, groups.score] if groups else []
    return f"{plan.fingerprint} {world} {plan.rules!r}"
