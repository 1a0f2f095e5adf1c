"""What the models knew ahead of an instant: the query's snapshot, narrowed to some series, else learnt from history."""

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from anomaly_detector.errors import SnapshotError
from anomaly_detector.feedback.verdicts import moment
from anomaly_detector.packing import POOL, unpack
from anomaly_detector.plan import QueryPlan
from anomaly_detector.query_state import QueryState
from anomaly_detector.replay import Replay
from anomaly_detector.state import Header, load, snapshot_path
from heronwatch.values import Duration

LEAD = 60  # instants judged at least ahead of the one explained when learning anew: what is smoothed settles
LEAD_S = 86_400.0  # and of the query that was asked about so much: what began since then is not learnt as normal
MOST_LEAD = 1440  # instants: some seconds of a core


def knowledge(
    plan: QueryPlan, replay: Replay, at_s: float, only: Mapping[str, str], *, lead_s: float = 0.0
) -> tuple[QueryState, str]:
    """Return the state to go on from up to `at_s`, and in words where it comes from.

    `only`: labels of the series that are wanted. `lead_s`: what is learnt anew ends so long before `at_s`. Raises as
    `Source.query_range` does.
    """
    window_s = plan.history_s
    state = _stored(plan, only)
    if state is not None and at_s - window_s <= state.last_s < at_s:
        return state, f"the snapshot of {moment(state.last_s)[:16]}Z"
    until_s = at_s - max(LEAD, min(MOST_LEAD, round(lead_s / plan.step_s))) * plan.step_s
    words = f"{Duration(window_s)} of history, learnt anew: what was before {moment(until_s)[:16]}Z is taken as normal"
    return replay.learnt(until_s), words


def narrowed_snapshot(
    header: Header, arrays: Mapping[str, npt.NDArray[Any]], only: Mapping[str, str]
) -> tuple[Header, dict[str, npt.NDArray[Any]]]:
    """Return a snapshot of the series with these labels alone; what all series share is kept whole."""
    wanted = set(only.items())
    keep = [place for place, labels in enumerate(header.series) if wanted <= {(name, value) for name, value in labels}]
    series = [header.series[place] for place in keep]
    rows = np.array(keep, np.intp)
    return msgspec.structs.replace(header, series=series), {
        name: array if f"/{POOL}/" in name else array[..., rows] for name, array in arrays.items()
    }


def _stored(plan: QueryPlan, only: Mapping[str, str]) -> QueryState | None:
    directory = plan.settings.state_dir
    if directory is None or not plan.settings.restore_state:
        return None
    try:
        header, arrays = load(snapshot_path(directory, plan.alias), fingerprint=plan.fingerprint)
        return unpack(*narrowed_snapshot(header, arrays, only), plan)
    except (SnapshotError, IndexError):  # an array that is not of the series: learnt anew
        return None
