"""One model over the series of a query: its state, row by row, and its words about an instant. No I/O."""

from typing import Any

import numpy as np

from anomaly_detector.draining import Draining
from anomaly_detector.models.model import F64, Grid, Heir, Mask, Model, State, Verdict, block_of
from anomaly_detector.series_table import Rows

BLOCK = 10_240  # series judged at once: their state and the temporaries stay in the cache
ARRAYS = tuple(name for name in Verdict.__struct_fields__ if name != "ahead")


class Lane:
    """One model over the series of a query, and its state."""

    def __init__(self, alias: str, model: Model, *, draining: Draining) -> None:
        self.alias = alias
        self.model = model
        self.draining = draining
        self.state: State = model.blank(0)
        self.warming: Mask = np.zeros(0, np.bool_)

    def grow(self, count: int) -> None:
        """Make room for `count` rows."""
        more = count - len(self.warming)
        if more > 0:
            blank = self.model.blank(more)
            self.state = {name: np.concatenate((array, blank[name]), axis=-1) for name, array in self.state.items()}
            self.warming = np.concatenate((self.warming, np.zeros(more, np.bool_)))
            self.draining.grow(count)

    def reset(self, rows: Rows) -> None:
        """Forget what was learnt about rows that get another series."""
        blank = self.model.blank(len(rows))
        for name, array in self.state.items():
            array[..., rows] = blank[name]
        self.warming[rows] = False
        self.draining.reset(rows)

    def bear(self, rows: Rows, live: Mask) -> None:
        """Let new series begin with what the living and warm ones teach, where the model knows how."""
        if isinstance(self.model, Heir):
            self.put(rows, self.model.newborn(self.state, live & ~self.warming, len(rows)))

    def put(self, rows: Rows, state: State) -> None:
        """Take over state for rows, in their order."""
        for name, array in self.state.items():
            array[..., rows] = state[name]

    def step(self, values: F64, learn: Mask, grid: Grid) -> Verdict:
        """Judge one value for each row (NaN where there is none), block by block."""
        blocks = [
            self.model.step(values[first:last], block_of(self.state, first, last), learn[first:last], grid)
            for first, last in _blocks(len(values))
        ]
        return blocks[0] if len(blocks) == 1 else _joined(blocks)


def _blocks(count: int) -> list[tuple[int, int]]:
    return [(first, min(first + BLOCK, count)) for first in range(0, max(count, 1), BLOCK)]


def _joined(blocks: list[Verdict]) -> Verdict:
    def join(name: str) -> Any:
        return np.concatenate([getattr(block, name) for block in blocks], axis=-1)

    ahead = {key: np.concatenate([block.ahead[key] for block in blocks]) for key in blocks[0].ahead}
    return Verdict(**{name: join(name) for name in ARRAYS}, ahead=ahead)
