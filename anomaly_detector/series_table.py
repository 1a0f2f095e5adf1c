"""Which row of the state belongs to which series; rows of series long gone are given to new ones."""

import sys

import numpy as np
import numpy.typing as npt

from anomaly_detector.errors import ResponseTooLargeError, SeriesCollisionError
from anomaly_detector.models.model import Mask
from anomaly_detector.source.matrix import parse_labels

Rows = npt.NDArray[np.intp]
Labels = tuple[tuple[str, str], ...]
NAME = "__name__"
KEYS_PER_ROW = 4  # spellings of one label set remembered on average before all are forgotten and learnt anew


class SeriesTable:
    """Rows 0 to `len(self)`, free ones among them.

    The identity of a series is its labels without `__name__`; the raw bytes of a label set are remembered, so that
    labels are decoded once. `version` changes whenever a row gets another series.
    """

    def __init__(self) -> None:
        self.labels: list[Labels | None] = []
        self.version = 0
        self._rows: dict[Labels, int] = {}
        self._keys: dict[bytes, int] = {}
        self._free: list[int] = []
        self._last_keys: list[bytes] = []
        self._last_rows: Rows = np.zeros(0, np.intp)

    def __len__(self) -> int:
        """Return the number of rows, free ones included."""
        return len(self.labels)

    @property
    def series(self) -> int:
        """How many rows hold a series."""
        return len(self._rows)

    def rows_of(self, keys: list[bytes], *, max_series: int) -> tuple[Rows, list[int]]:
        """Return the row of each key, and the rows that are new.

        Raises SeriesCollisionError when two keys are one series, ResponseTooLargeError when more than `max_series`
        would have to be remembered; then nothing has changed.
        """
        if keys == self._last_keys:
            return self._last_rows, []
        known = [self._keys.get(key, -1) for key in keys]
        unknown = {place: _identity(keys[place]) for place, row in enumerate(known) if row < 0}
        self._check(known, unknown, max_series)
        new = [self._enter(known, keys, place, labels) for place, labels in unknown.items()]
        rows = np.array(known, np.intp)
        self._last_keys, self._last_rows = list(keys), rows
        return rows, [row for row in new if row >= 0]

    def find(self, keys: list[bytes]) -> Rows:
        """Return the row of each key, -1 for series without one; none is added."""
        rows = (self._keys.get(key, -1) for key in keys)
        return np.array(
            [row if row >= 0 else self._rows.get(_identity(key), -1) for row, key in zip(rows, keys, strict=True)],
            np.intp,
        )

    def add(self, labels: Labels) -> int:
        """Give a series a row: a free one, or the next."""
        row = self._free.pop() if self._free else len(self.labels)
        if row == len(self.labels):
            self.labels.append(labels)
        else:
            self.labels[row] = labels
        self._rows[labels] = row
        self.version += 1
        return row

    def forget(self, gone: Mask) -> Rows:
        """Free the rows where `gone` (one entry a row) is True; return those that held a series."""
        held = {row: labels for row in np.flatnonzero(gone).tolist() if (labels := self.labels[row]) is not None}
        for row, labels in held.items():
            del self._rows[labels]
            self.labels[row] = None
            self._free.append(row)
        if held:
            self._keys = {key: row for key, row in self._keys.items() if row not in held}
            self._last_keys, self._last_rows = [], np.zeros(0, np.intp)
            self.version += 1
        return np.array(list(held), np.intp)

    def _check(self, known: list[int], unknown: dict[int, Labels], max_series: int) -> None:
        rows = [row for row in known if row >= 0] + [self._rows[one] for one in unknown.values() if one in self._rows]
        fresh = [one for one in unknown.values() if one not in self._rows]
        if len(set(rows)) < len(rows) or len(set(fresh)) < len(fresh):
            raise SeriesCollisionError(
                f"{_twice(rows, fresh, self.labels)} appears twice once __name__ is dropped: "
                "name the metric in the expression, or keep the name with label_replace"
            )
        if self.series + len(fresh) > max_series:
            raise ResponseTooLargeError(
                f"{self.series + len(fresh)} series to remember, the budget is {max_series}: "
                "narrow the expression or raise max_series"
            )

    def _enter(self, known: list[int], keys: list[bytes], place: int, labels: Labels) -> int:
        """Note the row of a key not seen before; return it when the series is new, else -1."""
        is_new = labels not in self._rows
        known[place] = self.add(labels) if is_new else self._rows[labels]
        if len(self._keys) > KEYS_PER_ROW * len(self.labels) + 1000:
            self._keys.clear()
        self._keys[keys[place]] = known[place]
        return known[place] if is_new else -1


def _identity(key: bytes) -> Labels:
    labels = parse_labels(key).items()
    return tuple(sorted((sys.intern(name), sys.intern(value)) for name, value in labels if name != NAME and value))


def _twice(rows: list[int], fresh: list[Labels], labels: list[Labels | None]) -> str:
    every = [labels[row] or () for row in rows] + fresh
    seen: set[Labels] = set()
    for one in every:
        if one in seen:
            return "{" + ", ".join(f'{name}="{value}"' for name, value in one) + "}"
        seen.add(one)
    return "a series"
