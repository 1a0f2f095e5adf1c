"""Which row of the state belongs to which series; rows of series long gone are given to new ones.

A series costs some 109 bytes: its labels are packed (label_store.py), and both its identity and the spelling that the
server uses are found by their hashes (interning.py).
"""

import hashlib
from array import array
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from anomaly_detector.errors import ResponseTooLargeError, SeriesCollisionError
from anomaly_detector.interning import Hashes, HashIndex, hashes_of
from anomaly_detector.label_store import LabelStore, LabelTuple, coded, identity
from anomaly_detector.models.model import Mask
from anomaly_detector.source.matrix import parse_labels

Rows = npt.NDArray[np.intp]
Labels = LabelTuple
SPELLINGS_PER_ROW = 4  # of one label set, remembered on average before all are forgotten and learnt anew
CHUNK = 10_240  # label sets decoded at once: bounds the memory of the decoded ones


class SeriesTable:
    """Rows 0 to `len(self)`, free ones among them.

    The identity of a series is its labels without `__name__`; the hashes of the raw bytes of a label set are
    remembered, so that labels are decoded once. `version` changes whenever a row gets another series.
    """

    def __init__(self) -> None:
        self.labels = LabelStore()
        self.version = 0
        self._known = HashIndex()
        self._spelt = HashIndex()
        self._free = array("q")
        self._last_digest = b""
        self._last_rows: npt.NDArray[np.int32] = np.zeros(0, np.int32)

    def __len__(self) -> int:
        """Return the number of rows, free ones included."""
        return len(self.labels)

    @property
    def series(self) -> int:
        """How many rows hold a series."""
        return len(self._known)

    def rows_of(self, keys: Sequence[bytes], *, max_series: int) -> tuple[Rows, list[int]]:
        """Return the row of each key, and the rows that are new.

        Raises SeriesCollisionError when two keys are one series, ResponseTooLargeError when more than `max_series`
        would have to be remembered; then nothing has changed.
        """
        digest = _digest(keys)
        if digest == self._last_digest:
            return self._last_rows.astype(np.intp), []
        spelt = hashes_of(keys)
        rows = self._spelt.find(spelt)
        unknown = np.flatnonzero(rows < 0)
        hashes = _identities(keys, unknown)
        rows[unknown] = self._known.find(hashes)
        new = rows[unknown] < 0
        fresh, hashes = unknown[new], hashes[:, new]
        self._check(keys, rows, fresh, hashes, max_series)
        rows[fresh] = self._enter([keys[place] for place in fresh.tolist()], hashes)
        self._remember(spelt[:, unknown], rows[unknown])
        self._last_digest, self._last_rows = digest, rows.astype(np.int32)
        return rows, rows[fresh].tolist()

    def find(self, keys: Sequence[bytes]) -> Rows:
        """Return the row of each key, -1 for series without one; none is added."""
        rows = self._spelt.find(hashes_of(keys))
        unknown = np.flatnonzero(rows < 0)
        rows[unknown] = self._known.find(_identities(keys, unknown))
        return rows

    def add(self, labels: Labels) -> int:
        """Give one series a row: a free one, or the next."""
        return int(self.extend([labels])[0])

    def extend(self, series: Sequence[Labels]) -> Rows:
        """Give series rows, in their order; ValueError when two are the same, or one has a row already."""
        same = [identity(dict(labels)) for labels in series]
        hashes = hashes_of(coded(same))
        if len(np.unique(hashes, axis=1).T) < len(same) or (self._known.find(hashes) >= 0).any():
            raise ValueError("the series are not distinct")
        rows = self._place(same)
        self._known.add(hashes, rows)
        self.version += 1
        return rows

    def forget(self, gone: Mask) -> Rows:
        """Free the rows where `gone` (one entry a row) is True; return those that held a series."""
        marked = self.labels.taken()
        marked[: len(gone)] &= gone
        marked[len(gone) :] = False
        rows = np.flatnonzero(marked)
        if len(rows):
            self._known.drop(marked)
            self._spelt.drop(marked)
            self.labels.clear(rows.tolist())
            self._free.extend(rows.tolist())
            self._last_digest, self._last_rows = b"", np.zeros(0, np.int32)
            self.version += 1
        return rows

    def _check(self, keys: Sequence[bytes], rows: Rows, fresh: Rows, hashes: Hashes, max_series: int) -> None:
        """Raise what `rows_of` says; `fresh` are the places of keys without a row, `hashes` those of their series."""
        distinct = rows.copy()
        if len(fresh):
            distinct[fresh] = len(self) + np.unique(hashes, axis=1, return_inverse=True)[1].reshape(-1)
        found, first = np.unique(distinct, return_index=True)
        if len(found) < len(rows):
            place = int(np.setdiff1d(np.arange(len(rows)), first)[0])
            told = ", ".join(f'{name}="{value}"' for name, value in identity(parse_labels(keys[place])))
            raise SeriesCollisionError(
                f"{{{told}}} appears twice once __name__ is dropped: "
                "name the metric in the expression, or keep the name with label_replace"
            )
        if self.series + len(fresh) > max_series:
            raise ResponseTooLargeError(
                f"{self.series + len(fresh)} series to remember, the budget is {max_series}: "
                "narrow the expression or raise max_series"
            )

    def _enter(self, keys: Sequence[bytes], hashes: Hashes) -> Rows:
        """Give series that have none their rows."""
        parts = [
            self._place([identity(parse_labels(key)) for key in keys[first : first + CHUNK]])
            for first in range(0, len(keys), CHUNK)
        ]
        if not parts:
            return np.zeros(0, np.intp)
        rows = np.concatenate(parts)
        self._known.add(hashes, rows)
        self.version += 1
        return rows

    def _place(self, series: Sequence[Labels]) -> Rows:
        """Put labels into free rows, the others behind the last."""
        reused = [self._free.pop() for _ in range(min(len(self._free), len(series)))]
        rows = [*reused, *range(len(self), len(self) + len(series) - len(reused))]
        self.labels.put(rows, series)
        return np.array(rows, np.intp)

    def _remember(self, spelt: Hashes, rows: Rows) -> None:
        """Note which row a spelling means."""
        if len(self._spelt) + len(rows) > SPELLINGS_PER_ROW * len(self) + 1000:
            self._spelt = HashIndex()
        self._spelt.add(spelt, rows)


def _identities(keys: Sequence[bytes], places: Rows) -> Hashes:
    """Return the hashes of the identities behind some of the keys."""
    out = np.empty((2, len(places)), np.int64)
    for first in range(0, len(places), CHUNK):
        part = places[first : first + CHUNK].tolist()
        out[:, first : first + CHUNK] = hashes_of(coded([identity(parse_labels(keys[place])) for place in part]))
    return out


def _digest(keys: Sequence[bytes]) -> bytes:
    """Return 128 bits that tell this answer's label sets and their order from any other's.

    A label set is a JSON object, so that where one ends and the next begins needs no mark.
    """
    told = hashlib.blake2b(digest_size=16)
    for first in range(0, len(keys), CHUNK):
        told.update(b"".join(keys[first : first + CHUNK]))
    return told.digest()
