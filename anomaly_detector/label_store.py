"""The labels of every row, packed: a row is some numbers of pairs, a pair is there once for all series that have it."""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import overload

import numpy as np

from anomaly_detector.interning import Interned
from anomaly_detector.models.model import Mask
from anomaly_detector.sink.wire import encode_labels

LabelTuple = tuple[tuple[str, str], ...]
NAME = "__name__"
FREE = 0xFFFF  # in place of the number of labels
LEAST_WASTE = 10_000  # numbers of pairs out of use, before it is worth packing anew


class LabelStore(Sequence[LabelTuple | None]):
    """LabelTuple row by row, None for a free row; decoded whenever they are looked at, so keep what you use often."""

    def __init__(self) -> None:
        self._pairs = Interned()
        self._numbers = array("I")  # of the pairs of every row
        self._starts = array("Q")  # where those of a row begin
        self._counts = array("H")  # how many they are
        self._used = 0  # entries of `_numbers` that belong to a row
        self.turn = 0  # grows with every change, and
        self._turns = array("I")  # when each row last changed

    def __len__(self) -> int:
        return len(self._counts)

    @property
    def pairs(self) -> int:
        """How many distinct pairs are remembered, in use or not."""
        return len(self._pairs)

    @overload
    def __getitem__(self, row: int) -> LabelTuple | None: ...

    @overload
    def __getitem__(self, row: slice) -> list[LabelTuple | None]: ...

    def __getitem__(self, row: int | slice) -> LabelTuple | list[LabelTuple | None] | None:
        if isinstance(row, slice):
            return [self[one] for one in range(*row.indices(len(self)))]
        if self._counts[row] == FREE:
            return None
        return tuple([_decoded(self._pairs[number]) for number in self._of(row)])

    def __iter__(self) -> Iterator[LabelTuple | None]:
        decoded: dict[int, tuple[str, str]] = {}  # each pair once
        for row in range(len(self)):
            if self._counts[row] == FREE:
                yield None
                continue
            numbers = self._of(row)
            decoded |= {number: _decoded(self._pairs[number]) for number in numbers if number not in decoded}
            yield tuple([decoded[number] for number in numbers])

    def put(self, rows: Sequence[int], series: Sequence[LabelTuple]) -> None:
        """Give free rows, or the next ones, their labels."""
        pairs = list({pair for labels in series for pair in labels})
        number_of = dict(
            zip(pairs, self._pairs.numbers([encode_labels((pair,)) for pair in pairs]).tolist(), strict=True)
        )
        self.turn += 1
        for row, labels in zip(rows, series, strict=True):
            if row == len(self):
                self._starts.append(0)
                self._counts.append(FREE)
                self._turns.append(0)
            self._turns[row] = self.turn
            self._starts[row], self._counts[row] = len(self._numbers), len(labels)
            self._numbers.extend([number_of[pair] for pair in labels])
            self._used += len(labels)

    def clear(self, rows: Sequence[int]) -> None:
        """Make rows free."""
        self.turn += 1
        for row in rows:
            self._turns[row] = self.turn
            self._used -= self._counts[row]
            self._counts[row] = FREE
        if len(self._numbers) > 2 * self._used + LEAST_WASTE:
            self._pack()

    def changed(self, turn: int) -> list[int]:
        """Return the rows that changed after a turn, ascending."""
        return np.flatnonzero(np.array(self._turns, np.uint32) > turn).tolist()

    def encoded(self, rows: Iterable[int]) -> Iterator[list[tuple[bytes, bytes]]]:
        """Yield the labels of rows as (name, encoded pair), sorted by name; nothing for a free row."""
        known: dict[int, tuple[bytes, bytes]] = {}  # each pair once
        for row in rows:
            numbers = self._of(row) if self._counts[row] != FREE else ()
            for number in numbers:
                if number not in known:
                    pair = self._pairs[number]
                    known[number] = _name(pair), pair
            yield [known[number] for number in numbers]

    def taken(self) -> Mask:
        """Return which rows hold a series."""
        return np.not_equal(np.array(self._counts, np.uint16), FREE)

    def _of(self, row: int) -> "array[int]":
        start = self._starts[row]
        return self._numbers[start : start + self._counts[row]]

    def _pack(self) -> None:
        """Leave out what no row uses any more, pairs as well."""
        rows = np.flatnonzero(self.taken()).tolist()
        held = [(row, self._of(row)) for row in rows]
        before, self._pairs, self._numbers = self._pairs, Interned(), array("I")
        in_use = sorted({number for _, numbers in held for number in numbers})
        new = dict(zip(in_use, self._pairs.numbers([before[number] for number in in_use]).tolist(), strict=True))
        for row, numbers in held:
            self._starts[row] = len(self._numbers)
            self._numbers.extend([new[number] for number in numbers])


def identity(labels: Mapping[str, str]) -> LabelTuple:
    """Return what tells a series from others: its labels without name and without empty ones, sorted.

    >>> identity({"job": "snmp", "__name__": "up", "b": "", "a": "1"})
    (('a', '1'), ('job', 'snmp'))
    """
    pairs = [pair for pair in labels.items() if pair[1] and pair[0] != NAME]
    pairs.sort()
    return tuple(pairs)


def coded(series: Sequence[LabelTuple]) -> list[bytes]:
    """Return identities as the bytes by which they are looked up; each pair is encoded once."""
    pairs = {pair for labels in series for pair in labels}
    parts = {pair: encode_labels((pair,)) for pair in pairs}
    return [b"".join([parts[pair] for pair in labels]) for labels in series]


def _name(pair: bytes) -> bytes:
    """Return the name in an encoded label."""
    _, at = _length(pair, 1)
    size, at = _length(pair, at + 1)
    return pair[at : at + size]


def _decoded(pair: bytes) -> tuple[str, str]:
    """Return the pair of an encoded label; see `sink.wire.encode_labels`."""
    _, at = _length(pair, 1)
    size, at = _length(pair, at + 1)
    name, at = pair[at : at + size].decode(), at + size
    size, at = _length(pair, at + 1)
    return name, pair[at : at + size].decode()


def _length(text: bytes, at: int) -> tuple[int, int]:
    """Return the varint at a place, and the place behind it."""
    number, shift = 0, 0
    while True:
        byte = text[at]
        number |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return number, at
