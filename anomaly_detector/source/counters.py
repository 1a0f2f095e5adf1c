"""A server that is asked what a metric is, before an expression that takes it as it is may be read."""

import time
from collections.abc import Callable

from anomaly_detector.config import Reader
from anomaly_detector.errors import RawCounterError, SourceUnavailableError
from anomaly_detector.models.model import F64
from anomaly_detector.promql import Selector, raw_selectors
from anomaly_detector.source.matrix import Matrix
from anomaly_detector.source.prom_api import PromApi
from anomaly_detector.source.reading import Timed, untimed

AGAIN_S = 600.0  # what is not known may be known later: a server knows a metric once it has scraped a target
MOST_ASKED = 20  # metrics of one expression


class CounterWary(PromApi):
    """Refuses to read `expr` while the server's metadata says that it takes a counter without a rate.

    A server that knows nothing of a metric, or has no metadata, refuses nothing.
    """

    def __init__(
        self, reader: Reader, expr: str, *, timed: Timed = untimed, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(reader, timed=timed)
        self._expr, self._monotonic = expr, monotonic
        self._unknown = {one.name: one for one in list(raw_selectors(expr))[:MOST_ASKED]}
        self._ask_at = monotonic()

    def query_range(self, expr: str, times_s: F64, *, step_s: float, max_series: int) -> Matrix:
        """See PromApi; raises RawCounterError."""
        if expr == self._expr and self._unknown and self._monotonic() >= self._ask_at:
            self._refuse_counters()
        return super().query_range(expr, times_s, step_s=step_s, max_series=max_series)

    def _refuse_counters(self) -> None:
        """Ask about every metric that is not known yet; a counter is asked about again at the next reading."""
        for name, selector in list(self._unknown.items()):
            try:
                types = self.metric_types(name)
            except SourceUnavailableError:
                break  # the query itself says what is wrong, or this server has nothing but queries
            if is_counter(types):
                raise RawCounterError(refusal(selector))
            if types:
                del self._unknown[name]
        self._ask_at = self._monotonic() + AGAIN_S


def is_counter(types: frozenset[str]) -> bool:
    """Return whether targets agree that a metric is a counter; who does not know does not count."""
    return types - {"", "unknown", "untyped"} == {"counter"}


def refusal(selector: Selector) -> str:
    """Return what is wrong, and what to write."""
    return f"'{selector.name}' is a counter by the server's metadata, so it only ever rises: {selector.remedy}"
