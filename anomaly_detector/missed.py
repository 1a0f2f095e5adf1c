"""What a query missed: counted instant by instant, said once it has caught up."""

from anomaly_detector.metrics import Metrics
from anomaly_detector.plan import QueryPlan
from heronwatch.log_lines import timestamp
from heronwatch.logs import get_logger

ALL_AT_ONCE = 2  # instants in one cycle: more means that there was something to catch up with
log = get_logger(__name__)


class Missed:
    """Instants that were given up, or judged too late to be written, since the last time it was said."""

    def __init__(self, plan: QueryPlan, *, metrics: Metrics) -> None:
        self._plan, self._metrics = plan, metrics
        self._first_s = self._last_s = 0.0
        self._judged = self._late = self._given_up = 0

    def skip(self, last_s: float, first_s: float) -> None:
        """Take note that after the instant `last_s` the next one judged is `first_s`: further back is not learnt."""
        count = round((first_s - last_s) / self._plan.step_s) - 1
        if count > 0:
            self._given_up += count
            self._count("given_up", count)

    def judged(self, time_s: float, *, too_late: bool) -> None:
        """Take note of an instant that was judged; `too_late`: no receiver would take its scores any more."""
        self._first_s = self._first_s if self._judged else time_s
        self._last_s = time_s
        self._judged += 1
        if too_late:
            self._late += 1
            self._count("too_late", 1)

    def tell(self) -> None:
        """Say what was caught up with, if anything, and begin anew."""
        if self._judged > ALL_AT_ONCE or self._given_up:
            log.info(
                "caught up",
                query=self._plan.alias,
                instants=self._judged,
                first=timestamp(self._first_s),
                last=timestamp(self._last_s),
                learnt_but_too_late_to_write=self._late,
                given_up=self._given_up,
            )
        self._judged = self._late = self._given_up = 0

    def _count(self, reason: str, count: int) -> None:
        self._metrics.missed.labels(self._plan.alias, reason).inc(count)
