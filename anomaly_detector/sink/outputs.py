"""From verdicts to write batches and to lines of the scores page, for one model over one query."""

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from anomaly_detector.models.model import F64
from anomaly_detector.query_state import Judged
from anomaly_detector.series_table import Labels, Rows
from anomaly_detector.sink.series import (
    CONFIDENCE,
    EXPECTED,
    LOWER,
    SCORE,
    UPPER,
    Identity,
    encoded,
    output_labels,
    text,
)
from anomaly_detector.sink.wire import STALE, Batch, Template, join

FIELDS = {SCORE: "score", EXPECTED: "expected", LOWER: "lower", UPPER: "upper"}


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """The newest values of one output: `lines` are the series as text, one for each value."""

    name: str
    lines: Sequence[str]
    values: F64
    time_ms: int


class Outputs:
    """Encodes the output series once, and again only when the rows hold other series."""

    def __init__(self, identity: Identity, wanted: Sequence[str]) -> None:
        self._identity = identity
        self._wanted = tuple(wanted)
        self._labels: dict[Labels, Labels] = {}
        self._version = -1
        self._templates: dict[str, Template] = {}
        self._lines: dict[str, npt.NDArray[np.object_]] = {}

    def follow(self, labels: Sequence[Labels | None], version: int) -> None:
        """Take note of the series in the rows; `version` tells whether anything changed."""
        if version == self._version:
            return
        known = self._labels
        self._labels = {
            one: known.get(one) or output_labels(dict(one), self._identity) for one in labels if one is not None
        }
        self._rows = labels
        self._templates, self._lines, self._version = {}, {}, version

    def batch(self, judged: Judged) -> Batch:
        """Return everything to write about one instant; series that end get stale markers."""
        time_ms = _milliseconds(judged.time_s)
        shown = [self._render(name, rows, values, time_ms) for name, rows, values in self._values(judged)]
        ends = [*((name, judged.ended) for name in self._wanted), (CONFIDENCE, judged.warmed)]
        stale = [self._render(name, rows, np.full(len(rows), STALE), time_ms) for name, rows in ends if len(rows)]
        return join([*shown, *stale], time_ms)

    def pages(self, judged: Judged) -> list[Page]:
        """Return what the scores page shows about one instant."""
        time_ms = _milliseconds(judged.time_s)
        return [
            Page(name=name, lines=self._text(name)[rows].tolist(), values=values, time_ms=time_ms)
            for name, rows, values in self._values(judged)
        ]

    def _values(self, judged: Judged) -> Iterator[tuple[str, Rows, F64]]:
        """Yield every output that has values now: its name, rows and values."""
        verdict, rows = judged.verdict, judged.rows
        young = verdict.confidence < 1
        for name in self._wanted if len(rows) else ():
            yield name, rows, np.asarray(getattr(verdict, FIELDS[name]), np.float64)
        if young.any():
            yield CONFIDENCE, rows[young], verdict.confidence[young].astype(np.float64)

    def _render(self, name: str, rows: Rows, values: F64, time_ms: int) -> Batch:
        if name not in self._templates:
            self._templates[name] = Template(
                [b"" if one is None else encoded(name, self._labels[one]) for one in self._rows]
            )
        return self._templates[name].render(rows, values, time_ms)

    def _text(self, name: str) -> npt.NDArray[np.object_]:
        if name not in self._lines:
            lines = ["" if one is None else text(name, self._labels[one]) for one in self._rows]
            self._lines[name] = np.array(lines, np.object_)
        return self._lines[name]


def _milliseconds(time_s: float) -> int:
    return round(time_s * 1000)
