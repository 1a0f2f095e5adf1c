"""From a query's plan to where it reads, and to which series are its own there."""

import numpy as np

from anomaly_detector.plan import QueryPlan
from anomaly_detector.query_state import QueryState
from anomaly_detector.source.prom_api import PromApi
from anomaly_detector.source.reading import Source, Timed, untimed
from anomaly_detector.source.sharded import Ownership, ShardedSource


def source_of(plan: QueryPlan, *, timed: Timed = untimed) -> Source:
    """Return the source of a query: the server, or this shard of it."""
    source, shard = PromApi(plan.reader, timed=timed), plan.settings.shard
    return source if shard is None else ShardedSource(source, Ownership(shard, plan.query))


def keep_own(state: QueryState | None, plan: QueryPlan) -> None:
    """Forget series that another shard has now; their outputs do not end, as that one goes on with them."""
    shard = plan.settings.shard
    if state is None or shard is None:
        return
    own = Ownership(shard, plan.query).of([dict(labels or ()) for labels in state.table.labels])
    if not own.all():
        state.forget_learnt(state.table.forget(np.logical_not(own)))
