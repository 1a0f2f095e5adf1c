"""Samples by the column: one family, its rows' labels, and as many values. Iterating gives ordinary samples.

Collectors of large tables hand these back, so that nothing is built for a single sample. Label texts that several
columns share, or that are the same in the next scrape, are one `Rows`, which remembers what they look like in print.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, repeat
from operator import itemgetter
from typing import Any, Self, overload

from msgspec import Struct

from exporters.metric.samples import Family, Sample


class Rows:
    r"""Label texts, as `label_text` renders them, in the order of the rows.

    >>> Rows(['{i="1"}', '{i="2"}']).template
    b'{i="1"} %d\n{i="2"} %d'
    """

    __slots__ = ("_distinct", "_size", "_template", "labels")

    def __init__(self, labels: Iterable[str]) -> None:
        self.labels = tuple(labels)
        self._distinct: bool | None = None
        self._size = -1
        self._template: bytes | None = None

    @property
    def distinct(self) -> bool:
        """Whether no two rows have the same labels."""
        if self._distinct is None:
            self._distinct = len(set(self.labels)) == len(self.labels)
        return self._distinct

    @property
    def size(self) -> int:
        """The characters of all label texts together."""
        if self._size < 0:
            self._size = sum(map(len, self.labels))
        return self._size

    @property
    def template(self) -> bytes:
        """Lines that lack nothing but the family's name before and a whole number in place of each `%d`."""
        if self._template is None:
            lines = " %d\n".join([text.replace("%", "%%") if "%" in text else text for text in self.labels])
            self._template = f"{lines} %d".encode()
        return self._template

    def __len__(self) -> int:
        return len(self.labels)


class Block(Struct, frozen=True, eq=False):
    """Samples of one family, one for each row. `whole` says that every value is an `int` (and none a `bool`)."""

    family: Family
    rows: Rows
    values: Sequence[float | int]
    whole: bool = False


class SampleBlocks(Sequence[Sample]):
    """Samples, kept as blocks.

    >>> up = Family("up", "gauge", "")
    >>> found = SampleBlocks([Block(up, Rows(['{i="1"}', '{i="2"}']), [1, 0])])
    >>> found += [(up, '{i="3"}', 1)]
    >>> [(labels, value) for _, labels, value in found], len(found.blocks)
    ([('{i="1"}', 1), ('{i="2"}', 0), ('{i="3"}', 1)], 2)
    """

    __slots__ = ("blocks",)

    def __init__(self, blocks: Iterable[Block] = ()) -> None:
        self.blocks = list(blocks)

    def __iadd__(self, samples: Iterable[Sample]) -> Self:
        self.blocks += blocks_of(samples)
        return self

    def __len__(self) -> int:
        return sum([len(block.values) for block in self.blocks])

    def __iter__(self) -> Iterator[Sample]:
        for block in self.blocks:
            yield from zip(repeat(block.family), block.rows.labels, block.values, strict=False)

    @overload
    def __getitem__(self, place: int) -> Sample: ...
    @overload
    def __getitem__(self, place: slice) -> list[Sample]: ...
    def __getitem__(self, place: Any) -> Any:
        return list(self)[place]

    def __eq__(self, other: object) -> bool:
        return list(self) == list(other) if isinstance(other, Sequence) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # as a list: it grows

    def __repr__(self) -> str:
        return f"SampleBlocks({self.blocks!r})"


def blocks_of(samples: Iterable[Sample]) -> list[Block]:
    """Return samples as blocks: neighbours of one family become one."""
    if isinstance(samples, SampleBlocks):
        return samples.blocks
    return [_block(family, list(run)) for family, run in groupby(samples, key=itemgetter(0))]


def _block(family: Family, samples: Sequence[Sample]) -> Block:
    return Block(family, Rows([sample[1] for sample in samples]), [sample[2] for sample in samples])
