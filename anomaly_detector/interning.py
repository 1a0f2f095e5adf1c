"""Byte strings known by numbers, in packed arrays: no Python object for each of a million series.

A string is looked up by 128 bits of hash, Python's own (SipHash, keyed for each process) of the string and of the
string with a byte more: two strings that are taken for one are not to be expected in the life of the universe. Hashes
never leave the process.
"""

from array import array
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from anomaly_detector.models.model import Mask

Hashes = npt.NDArray[np.int64]  # (2, strings)
Numbers = npt.NDArray[np.intp]


def hashes_of(texts: Sequence[bytes]) -> Hashes:
    """Return the 128 bits of each string."""
    out = np.empty((2, len(texts)), np.int64)
    out[0] = np.fromiter(map(hash, texts), np.int64, len(texts))
    out[1] = np.fromiter((hash(text + b"+") for text in texts), np.int64, len(texts))
    return out


class HashIndex:
    """From hashes to numbers: 20 bytes an entry, sorted by the first half of the hash."""

    def __init__(self) -> None:
        self._first = np.zeros(0, np.int64)
        self._second = np.zeros(0, np.int64)
        self._number = np.zeros(0, np.int32)

    def __len__(self) -> int:
        return len(self._number)

    def find(self, hashes: Hashes) -> Numbers:
        """Return the number of each hash, -1 where there is none."""
        first, second = hashes
        place = np.searchsorted(self._first, first)
        out = np.full(len(first), -1, np.intp)
        left = np.flatnonzero(place < len(self))
        while len(left):
            left = left[self._first[place[left]] == first[left]]
            hit = self._second[place[left]] == second[left]
            out[left[hit]] = self._number[place[left[hit]]]
            left = left[~hit]  # the same first half, the next entry may be it
            place[left] += 1
            left = left[place[left] < len(self)]
        return out

    def add(self, hashes: Hashes, numbers: Numbers) -> None:
        """Take in hashes that are not there yet."""
        order = np.argsort(hashes[0], kind="stable")
        place = np.searchsorted(self._first, hashes[0][order])
        self._first = np.insert(self._first, place, hashes[0][order])
        self._second = np.insert(self._second, place, hashes[1][order])
        self._number = np.insert(self._number, place, numbers[order].astype(np.int32))

    def drop(self, gone: Mask) -> None:
        """Leave out the entries whose number is marked in `gone`."""
        kept = ~gone[self._number]
        self._first, self._second, self._number = self._first[kept], self._second[kept], self._number[kept]


class Interned:
    """Distinct byte strings one after the other, each with the number of its turn."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._ends = array("Q")
        self._index = HashIndex()

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, number: int) -> bytes:
        return bytes(self._bytes[self._ends[number - 1] if number else 0 : self._ends[number]])

    def numbers(self, texts: Sequence[bytes]) -> Numbers:
        """Return the number of each of some distinct strings; those not yet known get the next ones."""
        hashes = hashes_of(texts)
        found = self._index.find(hashes)
        fresh = np.flatnonzero(found < 0)
        if len(fresh):
            found[fresh] = len(self) + np.arange(len(fresh))
            self._index.add(hashes[:, fresh], found[fresh])
            for place in fresh.tolist():
                self._bytes += texts[place]
                self._ends.append(len(self._bytes))
        return found
