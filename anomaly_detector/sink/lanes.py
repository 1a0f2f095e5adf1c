"""The outputs of a query: one for each of its models. No I/O."""

import numpy as np

from anomaly_detector.models.model import F64
from anomaly_detector.plan import QueryPlan
from anomaly_detector.series_table import Rows
from anomaly_detector.sink.outputs import Outputs
from anomaly_detector.sink.series import Identity, PromqlIdentity


def outputs_of(plan: QueryPlan) -> dict[str, Outputs]:
    """Return the outputs of every model over a query, by its alias."""
    promql = plan.profile == "promql_anomaly_detection"
    return {
        lane.alias: Outputs(
            Identity(plan.alias, lane.alias, plan.query.page),
            plan.query.provide_series,
            features=lane.make().features,
            promql=PromqlIdentity(plan.alias, lane.alias, plan.query.anomaly_type) if promql else None,
        )
        for lane in plan.lanes
    }


def dense(rows: Rows, values: F64, *, count: int) -> F64:
    """Return values row by row, NaN where a row has none.

    >>> dense(np.array([2, 0]), np.array([5.0, 7.0]), count=3).tolist()
    [7.0, nan, 5.0]
    """
    out = np.full(count, np.nan)
    out[rows] = values
    return out
