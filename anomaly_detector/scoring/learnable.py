"""What of history may be learnt: samples that exist and are wanted, no larger than a model can bear."""

from collections.abc import Iterator

import numpy as np

from anomaly_detector.models.model import F64, History, Mask, State, block_of
from anomaly_detector.scoring.incidents import without_incident


def learnable(values: F64, mask: Mask, *, largest: float) -> F64:
    """Return values clipped at `largest` to both sides, NaN where `mask` is False or there is no finite sample.

    >>> learnable(np.array([[1e30, np.inf, 3.0]]), np.array([[True, True, False]]), largest=1e15).tolist()
    [[1000000000000000.0, nan, nan]]
    """
    return np.where(mask & np.isfinite(values), np.clip(values, -largest, largest), np.nan)


def blocks_to_learn(
    history: History, mask: Mask, state: State, *, size: int, largest: float
) -> Iterator[tuple[F64, State]]:
    """Yield what is learnable of `size` series at a time, and the views of their `state`: bounds a fit's memory.

    What an incident of the past left is not in them. Nothing comes of an empty history.
    """
    instants, series = history.values.shape
    for first in range(0, series if instants else 0, size):
        last = first + size
        values = learnable(history.values[:, first:last], mask[:, first:last], largest=largest)
        yield without_incident(values, history), block_of(state, first, last)
