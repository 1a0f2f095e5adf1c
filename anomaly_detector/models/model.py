"""The model seam: what every anomaly model offers, and the values that cross the seam.

A model is pure: no I/O, no clock, no randomness of its own. It works on blocks of series at once. Everything it
remembers lives in a `State`, a mapping of arrays whose LAST axis is the series, so that a block of series is a slice
of views and a snapshot is the arrays themselves.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeAlias, runtime_checkable

import msgspec
import numpy as np
import numpy.typing as npt

from heronwatch.values import Duration

F32: TypeAlias = npt.NDArray[np.float32]
F64: TypeAlias = npt.NDArray[np.float64]
Mask: TypeAlias = npt.NDArray[np.bool_]
State: TypeAlias = dict[str, npt.NDArray[Any]]
Ahead: TypeAlias = dict[tuple[str, str], npt.NDArray[np.float64]]

DAY_S = 86_400.0


class Grid(msgspec.Struct, frozen=True, kw_only=True):
    """One instant of a query's fixed grid.

    `time_s` is Unix time, `step_s` the distance to the next instant, `day_s` the seconds since local midnight in the
    configured timezone (0 <= day_s < 86,400; on the long day of a DST change the repeated hour counts twice). `free`
    says whether that is a weekend's or a holiday's, by the configured calendar.
    """

    time_s: float
    step_s: float
    day_s: float
    free: bool = False


class History(msgspec.Struct, frozen=True, kw_only=True):
    """Past values on a regular grid, oldest first.

    `values` has the shape (instants, series) and is NaN where there was no sample; `step_s` is the distance between
    instants here, `target_step_s` that of the live grid (history may be coarser, to bound memory). `free` marks the
    instants of free days, None for none.
    """

    values: F64
    day_s: F64
    step_s: float
    target_step_s: float
    free: Mask | None = None


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a model says about one block at one instant; every array is finite.

    `score`: 1 is the alarm threshold, 0 while warming up or without a sample. `expected`, `lower` and `upper` are in
    the unit of the series. `contribution` has one row for each of the model's `features`: that feature's own score.
    `confidence` is 1 once warmed up. The arrays have one entry for each series. `ahead` is what a forecaster says of
    the future, by the output's name and its horizon ("" for none): NaN where nothing is to be said, and a time may be
    infinite.
    """

    score: F32
    expected: F64
    lower: F64
    upper: F64
    contribution: F32
    confidence: F32
    ahead: Ahead = {}


class Model(Protocol):
    """What is normal for many series at once."""

    features: tuple[str, ...]

    def blank(self, count: int) -> State:
        """Return the state of `count` series that were never seen; nothing of it needs history."""
        ...

    def fit(self, history: History, mask: Mask) -> State:
        """Learn from history; `mask` (shape of `history.values`) is False where learning is not wanted."""
        ...

    def step(self, block: F64, state: State, learn: Mask, grid: Grid) -> Verdict:
        """Judge one value of each series against the state, then learn from it, in place.

        `block` is NaN where a series has no sample. A series learns where `learn` is True, it has a sample and the
        model itself does not call it anomalous. The verdict never uses what this very sample taught.
        """
        ...


@runtime_checkable
class Heir(Protocol):
    """A model whose new series begin with what the others of the query teach, not with nothing."""

    def newborn(self, state: State, warm: Mask, count: int) -> State:
        """Return the state of `count` new series; `warm` marks those of `state` that know what is usual."""
        ...


@runtime_checkable
class Pooled(Protocol):
    """A model that also learns what all series of a query share: arrays of any shape, kept in snapshots as they are."""

    pool: State


class ModelOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every model block of the configuration has; a model's own options are fields of a subclass, with defaults.

    `queries`: aliases of the queries it watches, all when left out; `schedulers` likewise of what says more of when it
    learns and judges. `fit_window`: how much history it learns from when it starts without a snapshot (7d, unless a
    scheduler says otherwise).
    """

    class_: str = msgspec.field(default="", name="class")
    queries: tuple[str, ...] | None = None
    schedulers: tuple[str, ...] | None = None
    fit_window: Duration | None = None

    @property
    def history_s(self) -> float:
        """How much history it learns from, in seconds."""
        return float(7 * DAY_S if self.fit_window is None else self.fit_window)


class Plugin(msgspec.Struct, frozen=True, kw_only=True):
    """A model as the registry knows it: its `class` in the configuration, its options, and what makes it of them.

    `knows_the_hour`: what is usual depends on the hour of day; the contract suite asks less of a model without.
    """

    name: str
    options: type[ModelOptions]
    make: Callable[[Any], Model]
    knows_the_hour: bool = True


def block_of(state: Mapping[str, npt.NDArray[Any]], first: int, last: int) -> State:
    """Return views of the series `first` to `last` (exclusive): writing to them writes to `state`.

    >>> state = {"level": np.zeros(4, np.float32), "profile": np.zeros((24, 4), np.float32)}
    >>> block_of(state, 1, 3)["profile"].shape
    (24, 2)
    """
    return {name: array[..., first:last] for name, array in state.items()}


def bytes_per_series(state: Mapping[str, npt.NDArray[Any]]) -> int:
    """Return what one series costs in this state, in bytes.

    >>> bytes_per_series({"level": np.zeros(4, np.float32), "profile": np.zeros((24, 4), np.float32)})
    100
    """
    return sum(array.nbytes // max(1, array.shape[-1]) for array in state.values())
