"""What is around a query while it runs: where its batches go, and what may change meanwhile."""

import threading
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from anomaly_detector.feedback.effects import Marks
from anomaly_detector.scoring.learning import Pause
from anomaly_detector.sink.wire import Batch
from anomaly_detector.source.reading import Source


class Outbox(Protocol):
    """Takes batches for all receivers; never blocks. `wants_pages`: nobody is written to, `/scores` is scraped."""

    @property
    def wants_pages(self) -> bool:
        """Whether to make what the scores page shows."""
        ...

    def offer(self, batch: Batch) -> None:
        """Queue a batch."""
        ...


class Circumstances(msgspec.Struct, frozen=True, kw_only=True):
    """What may change while a query runs: what is not learnt, whether scores are written, what people said.

    `past` opens another connection, for what is played again beside the query; of all queries one at a time has its
    `turn` with that.
    """

    pauses: Callable[[], Sequence[Pause]] = tuple
    leads: Callable[[], bool] = lambda: True
    marks: Callable[[], Marks] = Marks
    past: Callable[[], Source] | None = None
    turn: threading.Semaphore = msgspec.field(default_factory=threading.Semaphore)


ALONE = Circumstances()
