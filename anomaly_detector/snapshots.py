"""When a query's snapshot is read and written, and what is said about it; `state` is the file itself."""

from anomaly_detector.errors import DetectorError, SnapshotError
from anomaly_detector.metrics import Metrics
from anomaly_detector.packing import pack, unpack
from anomaly_detector.plan import QueryPlan
from anomaly_detector.query_state import QueryState
from anomaly_detector.state import load, save, snapshot_path
from heronwatch.clock import Clock
from heronwatch.logs import get_logger

RETRY_S = 60.0  # after a snapshot that could not be written: a disk is full for longer than a step
log = get_logger(__name__)


class Snapshots:
    """The snapshot of one query; without `settings.state_dir` there is none, and nothing happens."""

    def __init__(self, plan: QueryPlan, *, metrics: Metrics, clock: Clock) -> None:
        self._plan, self._metrics, self._clock = plan, metrics, clock
        directory = plan.settings.state_dir
        self._path = None if directory is None else snapshot_path(directory, plan.alias)
        self._due_at = 0.0
        self._failed = False

    def restored(self, newest_s: float) -> QueryState | None:
        """Return what the last run left, None where there is nothing that can be used at the instant `newest_s`."""
        self._wait(float(self._plan.settings.snapshot_every))
        if self._path is None or not self._plan.settings.restore_state:
            return None
        try:
            state = unpack(*load(self._path, fingerprint=self._plan.fingerprint), self._plan)
        except SnapshotError as exc:
            self._count("load", "missing" if isinstance(exc.__cause__, FileNotFoundError) else "refused")
            log.info("no snapshot used", query=self._plan.alias, detail=str(exc))
            return None
        if state.last_s > newest_s + self._plan.step_s:
            log.warning("snapshot from the server's future not used", query=self._plan.alias)
            return None
        self._count("load", "done")
        missed = round((newest_s - state.last_s) / self._plan.step_s)
        log.info("snapshot restored", query=self._plan.alias, series=state.table.series, instants_missed=missed)
        return state

    def save_if_due(self, state: QueryState) -> bool:
        """Write a snapshot every `snapshot_every`; return whether it was due."""
        due = self._clock.monotonic() >= self._due_at
        if due:
            self.save(state)
        return due

    def save(self, state: QueryState) -> None:
        """Write a snapshot; when that fails the one before stays, and it is tried again soon."""
        every_s = float(self._plan.settings.snapshot_every)
        self._wait(every_s)
        if self._path is None:
            return
        try:
            save(self._path, *pack(state, self._plan))
        except DetectorError as exc:
            self._wait(min(RETRY_S, every_s))
            self._count("save", "failed")
            log.warning("snapshot not written", query=self._plan.alias, detail=str(exc))
            self._failed = True
            return
        self._count("save", "done")
        if self._failed:
            log.info("snapshots are written again", query=self._plan.alias)
        self._failed = False

    def _wait(self, seconds: float) -> None:
        self._due_at = self._clock.monotonic() + seconds

    def _count(self, action: str, outcome: str) -> None:
        self._metrics.snapshots.labels(action, outcome).inc()
