"""Dips that a rate's window makes by itself: a lost scrape, a reset, a device that goes. No I/O.

Such a dip lasts for as long as the window at the most, while traffic that stops for a time makes one that is longer by
that time. So what falls below the band is no sample to a model until it has stayed there for a window.
"""

import numpy as np
import numpy.typing as npt

from anomaly_detector.models.model import F64, Mask, Verdict

F32 = npt.NDArray[np.float32]
NO_DIP = np.float32(-1)
NO_BAND = np.float32(-np.inf)  # nothing is below it


class Draining:
    """Follows the dips of one query's series under one model: 8 bytes a series, nothing where there is no window."""

    def __init__(self, window_s: float, *, least: float) -> None:
        """`window_s` of the query's rates (0 without), and the least value that is not wrong by itself."""
        self._window_s, self._least = window_s, least
        self._lower: F32 = np.zeros(0, np.float32)  # end of the band at the last sample
        self._lasted_s: F32 = np.zeros(0, np.float32)

    def grow(self, count: int) -> None:
        """Make room for `count` rows."""
        more = max(0, count - len(self._lower)) if self._window_s else 0
        self._lower = np.concatenate((self._lower, np.full(more, NO_BAND)))
        self._lasted_s = np.concatenate((self._lasted_s, np.full(more, NO_DIP)))

    def reset(self, rows: npt.NDArray[np.intp]) -> None:
        """Forget what is known of rows that get another series."""
        if self._window_s:
            self._lower[rows] = NO_BAND
            self._lasted_s[rows] = NO_DIP

    def at(self, values: F64, step_s: float) -> Mask:
        """Return which of the next `values` (one for each row, NaN for none) are a dip that may be the window's own."""
        if not self._window_s:
            return np.zeros(len(values), np.bool_)
        lasted_s = self._lasted_s[: len(values)]
        dips = (values < self._lower[: len(values)]) & (values >= self._least)
        lasted_s[:] = np.where(dips, np.where(lasted_s < 0, 0, lasted_s + np.float32(step_s)), NO_DIP)
        return np.asarray(dips & (lasted_s < self._window_s), np.bool_)

    def follow(self, values: F64, verdict: Verdict) -> None:
        """Take note of the band; whoever warms up or alarms already has none, so that every sample counts."""
        if not self._window_s:
            return
        lower = np.where((verdict.confidence >= 1) & (verdict.score <= 1), verdict.lower, NO_BAND)
        np.copyto(self._lower[: len(values)], lower.astype(np.float32), where=np.isfinite(values))
