"""A restarted pod, a renumbered interface: a new series goes on with what its kin had learnt. No I/O.

Kin are series of one query that agree in `identity_labels`, or in all labels but `drop_labels`.
"""

import hashlib
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from anomaly_detector.config import Query
from anomaly_detector.query_state import NEVER, QueryState
from anomaly_detector.series_table import Labels, Rows
from anomaly_detector.sink.wire import encode_labels

NOBODY = np.int64(0)


def identity_of(labels: Labels, query: Query) -> Labels:
    """Return what makes a series kin of another.

    >>> identity_of((("app", "web"), ("pod", "web-7f9")), Query(expr="up", drop_labels=("pod",)))
    (('app', 'web'),)
    """
    if query.identity_labels:
        return tuple(pair for pair in labels if pair[0] in query.identity_labels)
    return tuple(pair for pair in labels if pair[0] not in query.drop_labels)


class Kinship:
    """Finds for every new series the one it follows, and frees the rows of those that were followed."""

    def __init__(self, query: Query) -> None:
        self._query = query
        self._version = -1
        self._kin: npt.NDArray[np.int64] = np.zeros(0, np.int64)  # of each row, by the hash of what kin share
        self._followed: set[int] = set()

    def inherit(self, state: QueryState, present: Rows) -> int:
        """Let series without a past go on with what their kin learnt; return how many did.

        `present` are the rows of this instant. Kin that has gone is followed by one series only; without any, a new
        series learns from the one seen last.
        """
        if not (self._query.identity_labels or self._query.drop_labels):
            return 0
        self._free(state)
        if state.table.version == self._version:
            return 0
        fresh = self._note(state)
        gone = np.ones(len(self._kin), np.bool_)
        gone[present] = False
        pairs = self._pairs(fresh, state.seen_s[: len(self._kin)], gone)
        for row, donor in pairs.items():
            _copy(state, donor, row)
        self._followed |= {donor for donor in pairs.values() if gone[donor]}
        return len(pairs)

    def _note(self, state: QueryState) -> list[int]:
        """Take note of every row's kin; return the rows of series without a past."""
        known, count = len(self._kin), len(state.table)
        self._version = state.table.version
        self._kin = np.concatenate((self._kin, np.full(count - known, NOBODY)))
        fresh = [row for row in state.unlearnt if state.seen_s[row] == NEVER]
        for row in {*fresh, *range(known, count)}:
            labels = state.table.labels[row]
            alone = labels is None or not self._is_named(labels)
            self._kin[row] = NOBODY if alone else _hash(identity_of(labels or (), self._query))
        return fresh

    def _is_named(self, labels: Labels) -> bool:
        """Return whether a series has every label that its kin have to share: those without one are strangers."""
        return {name for name, value in labels if value}.issuperset(self._query.identity_labels)

    def _pairs(
        self, fresh: list[int], seen_s: npt.NDArray[np.float64], gone: npt.NDArray[np.bool_]
    ) -> Mapping[int, int]:
        """Return whom each of the fresh follows; the gone come first, and among equals the one seen last."""
        past = np.flatnonzero(seen_s > NEVER)
        past = past[np.lexsort((-seen_s[past], ~gone[past], self._kin[past]))]
        kin = self._kin[past]
        out: dict[int, int] = {}
        taken: dict[int, int] = {}
        for row in fresh:
            first, last = np.searchsorted(kin, self._kin[row], "left"), np.searchsorted(kin, self._kin[row], "right")
            if first == last or self._kin[row] == NOBODY:
                continue
            place = first + taken.get(int(first), 0)
            place = place if place < last and gone[past[place]] else first
            taken[int(first)] = taken.get(int(first), 0) + 1
            out[row] = int(past[place])
        return out

    def _free(self, state: QueryState) -> None:
        """Forget series that were followed, once their outputs have ended; one that came back stays."""
        ended = [row for row in self._followed if not state.live[row]]
        if not ended:
            return
        gone = np.zeros(len(state.table), np.bool_)
        gone[ended] = True
        state.forget_learnt(state.table.forget(gone))
        self._followed -= set(ended)


def _copy(state: QueryState, donor: int, row: int) -> None:
    for lane in state.lanes:
        for array in lane.state.values():
            array[..., row] = array[..., donor]
    state.unlearnt.pop(row, None)


def _hash(labels: Labels) -> np.int64:
    return np.frombuffer(hashlib.blake2b(encode_labels(labels), digest_size=8).digest(), np.int64)[0] or np.int64(1)
