"""How many of a query's series warm up. No I/O."""

from anomaly_detector.query_state import QueryState


def warming_share(state: QueryState) -> float:
    """Return the share of the living series that warm up, by the model that knows least."""
    live = state.live
    young = max((int((lane.warming & live[: len(lane.warming)]).sum()) for lane in state.lanes), default=0)
    return young / max(1, int(live.sum()))
