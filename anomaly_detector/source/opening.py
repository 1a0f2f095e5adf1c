"""From a query's plan to where it reads, and to which series are its own there."""

import numpy as np

from anomaly_detector.plan import QueryPlan
from anomaly_detector.query_state import QueryState
from anomaly_detector.source.counters import CounterWary
from anomaly_detector.source.prom_api import PromApi
from anomaly_detector.source.reading import Source, Timed, untimed
from anomaly_detector.source.sharded import Ownership, ShardedSource


def source_of(plan: QueryPlan, *, timed: Timed = untimed) -> Source:
    """Return the source of a query: the server, or this shard of it."""
    query, owned = plan.query, ownership(plan)
    wary = None if query.allow_counter else CounterWary(plan.reader, query.expr, timed=timed)
    source = wary or PromApi(plan.reader, timed=timed)
    return source if owned is None else ShardedSource(source, owned)


def ownership(plan: QueryPlan) -> Ownership | None:
    """Return which series of a query are this shard's, None where all are."""
    device = plan.groups.groups.device if plan.groups else ""
    return None if plan.settings.shard is None else Ownership(plan.settings.shard, plan.query, device)


def keep_own(state: QueryState | None, plan: QueryPlan) -> None:
    """Forget series that another shard has now; their outputs do not end, as that one goes on with them."""
    owned = ownership(plan)
    if state is None or owned is None:
        return
    own = owned.of([dict(labels or ()) for labels in state.table.labels])
    if not own.all():
        state.forget_learnt(state.table.forget(np.logical_not(own)))
