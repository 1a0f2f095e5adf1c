"""Which series learn nothing at an instant, found label by label, so that many pauses over many series stay cheap.

No I/O. `learning` says what a pause is; here its regular expressions see each distinct value of a label once.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from anomaly_detector.models.model import Mask
from anomaly_detector.scoring.learning import Condition, Pause
from anomaly_detector.series_table import Rows, SeriesTable

Codes = npt.NDArray[np.int32]
Conditions = tuple[Condition, ...]


class HeldSeries:
    """Remembers which rows a pause is about, as long as the rows hold the same series."""

    def __init__(self) -> None:
        self._version = -1
        self._columns: dict[str, tuple[Codes, list[str]]] = {}
        self._meant: dict[Conditions, Mask] = {}

    def at(self, pauses: Sequence[Pause], table: SeriesTable, rows: Rows, time_s: float) -> Mask | None:
        """Return which of `rows` learn nothing at an instant, None when all may."""
        now = {pause.conditions for pause in pauses if pause.begins <= time_s < pause.to}
        if not now:
            return None
        if table.version != self._version:
            self._version, self._columns, self._meant = table.version, {}, {}
        self._meant = {conditions: self._about(conditions, table) for conditions in now}
        return np.asarray(np.logical_or.reduce(list(self._meant.values()))[rows], np.bool_)

    def _about(self, conditions: Conditions, table: SeriesTable) -> Mask:
        known = self._meant.get(conditions)
        if known is not None:
            return known
        out = np.ones(len(table), np.bool_)
        for one in conditions:
            codes, values = self._column(one.label, table)
            out &= np.array([one.holds(value) for value in values], np.bool_)[codes]
        return out

    def _column(self, name: str, table: SeriesTable) -> tuple[Codes, list[str]]:
        """Return the values of a label: which one each row has, and what they are; without it, it is empty."""
        if name not in self._columns:
            code_of: dict[str, int] = {}
            values = (dict(labels or ()).get(name, "") for labels in table.labels)
            codes = np.array([code_of.setdefault(value, len(code_of)) for value in values], np.int32)
            self._columns[name] = codes, list(code_of)
        return self._columns[name]
