"""A query's state as the arrays of a snapshot, and back. No I/O."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from anomaly_detector.errors import SnapshotError
from anomaly_detector.models.model import Pooled
from anomaly_detector.plan import QueryPlan
from anomaly_detector.query_state import QueryState
from anomaly_detector.series_table import Labels, Rows, SeriesTable
from anomaly_detector.state import FORMAT, Arrays, Header

SEEN, LIVE, WARMING, POOL = "seen_s", "live", "warming", "pool"


def pack(state: QueryState, plan: QueryPlan) -> tuple[Header, Arrays]:
    """Return what a snapshot holds: the rows in use, without the gaps between them. The arrays are copies."""
    rows, labels = _stored_labels(state.table)
    arrays: dict[str, npt.NDArray[Any]] = {SEEN: state.seen_s[rows], LIVE: state.live[rows]}
    for lane in state.lanes:
        arrays[f"{lane.alias}/{WARMING}"] = lane.warming[rows]
        arrays |= {f"{lane.alias}/state/{name}": array[..., rows] for name, array in lane.state.items()}
        if isinstance(lane.model, Pooled):
            arrays |= {f"{lane.alias}/{POOL}/{name}": array.copy() for name, array in lane.model.pool.items()}
    header = Header(
        format=FORMAT,
        fingerprint=plan.fingerprint,
        last_s=state.last_s,
        series=[list(one) for one in labels],
        accepted=sorted(state.accepted),
    )
    return header, arrays


def unpack(header: Header, arrays: Mapping[str, npt.NDArray[Any]], plan: QueryPlan) -> QueryState:
    """Return the state that a snapshot holds; SnapshotError when an array is missing or has another shape."""
    state = QueryState(plan, last_s=header.last_s)
    state.accepted = set(header.accepted)
    try:
        state.table.extend([tuple((name, value) for name, value in labels) for labels in header.series])
    except ValueError as exc:
        raise SnapshotError(f"the snapshot does not fit: {exc}") from exc
    if not np.isfinite(header.last_s):
        raise SnapshotError("the snapshot's time is none")
    state.make_room()
    rows = np.arange(len(header.series))
    state.seen_s[rows] = _fitting(arrays, SEEN, state.seen_s[rows])
    state.live[rows] = _fitting(arrays, LIVE, state.live[rows])
    for lane in state.lanes:
        lane.warming[rows] = _fitting(arrays, f"{lane.alias}/{WARMING}", lane.warming[rows])
        wanted = {name: array[..., rows] for name, array in lane.state.items()}
        lane.put(rows, {name: _fitting(arrays, f"{lane.alias}/state/{name}", array) for name, array in wanted.items()})
        if isinstance(lane.model, Pooled):
            prefix = f"{lane.alias}/{POOL}/"
            lane.model.pool |= {name[len(prefix) :]: array for name, array in arrays.items() if name.startswith(prefix)}
    return state


def _fitting(arrays: Mapping[str, npt.NDArray[Any]], name: str, like: npt.NDArray[Any]) -> npt.NDArray[Any]:
    array = arrays.get(name)
    if array is None or array.shape != like.shape or array.dtype != like.dtype:
        raise SnapshotError(f"the snapshot's array {name} is missing or has another shape")
    return array


def _stored_labels(table: SeriesTable) -> tuple[Rows, list[Labels]]:
    """Return the rows that hold a series, and their labels."""
    held = [(row, labels) for row, labels in enumerate(table.labels) if labels is not None]
    return np.array([row for row, _ in held], np.intp), [labels for _, labels in held]
