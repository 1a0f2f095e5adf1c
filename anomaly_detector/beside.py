"""What runs beside the queries: the reading of marks, and the lease that says who writes."""

from collections.abc import Sequence

from anomaly_detector.config import Config
from anomaly_detector.lease import Lease
from anomaly_detector.marks.reader import MarkedPauses
from anomaly_detector.metrics import Metrics
from anomaly_detector.plan import plans
from anomaly_detector.running import Running, join, started
from anomaly_detector.scoring.learning import Pause

FIRST_MARKS_S = 15.0  # how long history waits for the marks that keep it from learning faults


class Beside:
    """Marks and lease of the configuration in force."""

    def __init__(self, config: Config, metrics: Metrics) -> None:
        self._metrics = metrics
        self._running: dict[str, Running] = {}
        self._lease = _lease(config)
        self._marks = self._marks_of(config)

    def leads(self) -> bool:
        """Return whether scores are written now."""
        return self._lease.leads

    def pauses(self) -> Sequence[Pause]:
        """Return what was marked, after the first reading or a while."""
        if self._marks is None:
            return ()
        self._marks.wait_for_first(FIRST_MARKS_S)
        return self._marks.pauses

    def not_ready(self) -> list[str]:
        """Return what is in trouble; a stand-by is ready, as it does its work."""
        return [self._lease.trouble] if self._lease.trouble else []

    def start(self) -> None:
        """Start both."""
        self._start_lease()
        self._start_marks()

    def stop(self) -> None:
        """Stop both; the lease last, so that nothing is written without it."""
        self._end("marks")
        self._end("lease")

    def reload(self, config: Config) -> None:
        """Go over to another configuration; what is unchanged keeps running."""
        fresh = _lease(config)
        if (fresh.path, fresh.standby) != (self._lease.path, self._lease.standby):
            self._end("lease")
            self._lease = fresh
            self._start_lease()
        if config.marks != (self._marks.marks if self._marks else None):
            self._end("marks")
            self._marks = self._marks_of(config)
            self._start_marks()

    def _start_lease(self) -> None:
        self._lease.turn()
        if self._lease.path is not None:
            self._running["lease"] = started("lease", self._lease.run)

    def _start_marks(self) -> None:
        if self._marks is not None:
            self._running["marks"] = started("marks", self._marks.run)

    def _end(self, name: str) -> None:
        running = self._running.pop(name, None)
        if running is not None:
            running.stop.set()
            join([running])

    def _marks_of(self, config: Config) -> MarkedPauses | None:
        if config.marks is None:
            return None
        back_s = max(plan.history_s for plan in plans(config))
        back_s += float(config.groups.history) if config.groups is not None else 0.0  # played again, with that before
        return MarkedPauses(config.marks, back_s=back_s, metrics=self._metrics)


def _lease(config: Config) -> Lease:
    return Lease(config.settings.lease_file, standby=config.settings.standby)
