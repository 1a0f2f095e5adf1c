"""`heronwatch detector check --online`: what only the server knows of each query, asked once."""

from collections.abc import Callable, Iterator

import msgspec
import numpy as np

from anomaly_detector.config import Config
from anomaly_detector.errors import DetectorError
from anomaly_detector.grid import newest_instant
from anomaly_detector.plan import QueryPlan, plans
from anomaly_detector.source.opening import source_of
from anomaly_detector.source.reading import Source


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """What the server says of a query: how many series it has now, or why it cannot be read ("" when it can)."""

    query: str
    series: int = 0
    fault: str = ""

    def __str__(self) -> str:
        """One line for people."""
        if self.fault:
            return f"reader.queries.{self.query}: {self.fault}"
        return f"online  {self.query}: {self.series} series now"


def answered(config: Config, *, opened: Callable[[QueryPlan], Source] = source_of) -> Iterator[Answered]:
    """Ask the server for the newest instant of every query."""
    for plan in plans(config):
        source = opened(plan)
        try:
            yield Answered(query=plan.alias, series=_series_now(source, plan))
        except DetectorError as exc:
            yield Answered(query=plan.alias, fault=str(exc))
        finally:
            source.close()


def _series_now(source: Source, plan: QueryPlan) -> int:
    now_s = source.server_time()
    times_s = np.array([newest_instant(now_s, plan.step_s, float(plan.reader.latency_offset))])
    return len(source.query_range(plan.query.expr, times_s, step_s=plan.step_s, max_series=plan.max_series).keys)
