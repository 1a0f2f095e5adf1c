"""Why a query does not work now, and for how many readings it has not: said once, counted each time."""

from anomaly_detector.metrics import Metrics
from anomaly_detector.plan import QueryPlan
from heronwatch.logs import get_logger
from heronwatch.retry import Backoff

BACKOFF = Backoff(first_s=1.0, factor=2.0, cap_s=30.0, jitter=0.5)
log = get_logger(__name__)


class Trouble:
    """Of one query. `words` is why it does not work, "" when it does.

    `reason` is how the last reading went (`ok`, or a reason of the read failures, "" before the first), `failures` how
    many failed since one worked.
    """

    def __init__(self, plan: QueryPlan, *, metrics: Metrics) -> None:
        self.words, self.reason, self.failures = "not read yet", "", 0
        self._plan, self._metrics = plan, metrics

    def failed(self, reason: str, words: str) -> None:
        """Take note that a reading failed, and say so where the words are new."""
        self.failures, self.reason = self.failures + 1, reason
        self._metrics.read_failures.labels(self._plan.alias, reason).inc()
        if words != self.words:
            log.warning("query fails", query=self._plan.alias, reason=reason, detail=words)
        self.words = words

    def worked(self, *, series: int) -> None:
        """Take note that a cycle was run with so many series, and say so where the one before was not."""
        if self.words:
            log.info("query works", query=self._plan.alias, series=series)
            if not series:
                log.warning("query matches no series", query=self._plan.alias, expr=self._plan.query.expr)
        self.words, self.reason, self.failures = "", "ok", 0

    def retry_s(self) -> float:
        """Return after how many seconds to ask a server again that is away: never later than a step."""
        return min(BACKOFF.delay(self.failures, 1.0), max(self._plan.step_s, 1.0))
