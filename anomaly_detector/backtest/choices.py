"""Sensitivities to choose from where incidents are known: what each finds, and what it costs. Pure arithmetic."""

import msgspec
import numpy as np

from anomaly_detector.backtest.alarms import SENSITIVITIES, Places
from anomaly_detector.models.model import F64


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """A sensitivity (1 as configured): how many incidents it finds, and what it notifies of a week beside them."""

    sensitivity: float
    found: int
    a_week: float


def choices(a_week: F64, found: Places, *, meets: float | None) -> tuple[Choice, ...]:
    """Return the lowest sensitivity that finds so many incidents, for each number; that configured; and `meets`.

    Entries are those of SENSITIVITIES, from the lowest; `meets` is the one that meets the budget.

    >>> found = np.where(SENSITIVITIES < 2, 1, 2)
    >>> [(one.sensitivity, one.found) for one in choices(SENSITIVITIES, found, meets=0.5)]
    [(0.25, 1), (0.5, 1), (1.0, 1), (2.0, 2)]
    """
    most = np.maximum.accumulate(found)
    more = np.flatnonzero(np.diff(most, prepend=-1) > 0).tolist()
    chosen = {place for place in more if most[place]}
    chosen |= {place for place, one in enumerate(SENSITIVITIES.tolist()) if one in {1.0, meets}}
    return tuple(
        Choice(sensitivity=float(SENSITIVITIES[place]), found=int(found[place]), a_week=float(a_week[place]))
        for place in sorted(chosen)
    )
