"""The seam between a query and where it reads: a server, a shard of one, a past played again."""

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from anomaly_detector.models.model import F64
from anomaly_detector.source.matrix import Matrix


class Source(Protocol):
    """What a query asks of the server it reads. Not to be shared between threads, but for `close`."""

    def server_time(self) -> float:
        """Return the server's own idea of now in Unix seconds."""
        ...

    def newest_score(self, query: str) -> float:
        """Return when a score of a query was last written, as far as the server knows; 0 when it knows of none."""
        ...

    def query_range(self, expr: str, times_s: F64, *, step_s: float, max_series: int) -> Matrix:
        """Evaluate an expression at regular instants; raises a SourceError or a QueryFaultError."""
        ...

    def close(self) -> None:
        """Close what is open; a reading that another thread is in fails soon."""
        ...


class Timed(Protocol):
    """Measures how long a stage takes: `with timed("fetch"): ...`."""

    def __call__(self, stage: str, /) -> AbstractContextManager[object]:
        """Return what to enter."""
        ...


def untimed(_stage: str, /) -> AbstractContextManager[object]:
    """Measure nothing."""
    return nullcontext()
