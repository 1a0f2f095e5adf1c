"""From verdicts to write batches and to lines of the scores page, for one model over one query."""

from collections.abc import Iterable, Iterator, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from anomaly_detector.instant import Judged
from anomaly_detector.label_store import LabelStore
from anomaly_detector.models.model import F64
from anomaly_detector.series_table import Labels, Rows
from anomaly_detector.sink.encoding import encoded_rows
from anomaly_detector.sink.near_alarm import NearAlarm
from anomaly_detector.sink.series import (
    CONFIDENCE,
    CONTRIBUTION,
    EXPECTED,
    LEVEL,
    LOWER,
    LOWER_BAND,
    SCORE,
    UPPER,
    UPPER_BAND,
    Identity,
    PromqlIdentity,
    output_labels,
    text,
)
from anomaly_detector.sink.wire import STALE, Batch, Template, join

FIELDS = {SCORE: "score", EXPECTED: "expected", LOWER: "lower", UPPER: "upper"}
BANDS = {LOWER_BAND: "lower", UPPER_BAND: "upper"}
FEW = 8  # of so many series fewer than one
Key = tuple[str, str]  # the name of an output, and the horizon of a forecast


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """The newest values of one output: `lines` are the series as text, one for each value."""

    name: str
    lines: Sequence[str]
    values: F64
    time_ms: int


class Outputs:
    """Encodes the output series once, and again only when the rows hold other series.

    `features` are those of the model. With `promql`, level and bands are written in promql-anomaly-detection's names
    as well; then `batch` and `pages` want the values that were judged.
    """

    def __init__(
        self,
        identity: Identity,
        wanted: Sequence[str],
        *,
        features: Sequence[str] = (),
        promql: PromqlIdentity | None = None,
    ) -> None:
        self._identity = identity
        self._wanted = tuple(wanted)
        self._promql = promql
        self._near = NearAlarm(identity, features)
        self._rows: Sequence[Labels | None] = ()
        self._version, self._turn = -1, 0
        self._ahead: tuple[Key, ...] = ()
        self._templates: dict[Key, Template] = {}
        self._lines: dict[Key, npt.NDArray[np.object_]] = {}

    def follow(self, labels: Sequence[Labels | None], version: int) -> None:
        """Take note of the series in the rows; `version` tells whether anything changed."""
        if version == self._version:
            return
        if isinstance(labels, LabelStore) and labels is self._rows:
            self._alter(labels.changed(self._turn))
        else:
            self._templates, self._lines = {}, {}
        self._rows, self._version = labels, version
        self._turn = labels.turn if isinstance(labels, LabelStore) else 0
        self._near.follow(labels)

    def _alter(self, rows: list[int]) -> None:
        """Encode anew what rows hold other series now, and that alone."""
        count = len(self._rows)
        for key, template in self._templates.items():
            self._templates[key] = template.altered(rows, self._encoded(key, rows), count=count)
        for key, lines in self._lines.items():
            self._lines[key] = np.concatenate((lines, np.full(count - len(lines), "", np.object_)))
            self._lines[key][rows] = self._written(key, rows)

    def batch(self, judged: Judged, values: F64 | None = None) -> Batch:
        """Return everything to write about one instant; series that end get stale markers.

        `values` are those of `judged.rows`.
        """
        time_ms = _milliseconds(judged.time_s)
        self._ahead = tuple(judged.verdict.ahead) or self._ahead
        shown = [self._render(key, rows, numbers, time_ms) for key, rows, numbers in self._values(judged, values)]
        every = (*self._wanted, *((LEVEL, *BANDS) if self._promql else ()))
        ends = [((name, ""), judged.ended) for name in every] + [(key, judged.ended) for key in self._ahead]
        ends.append(((CONFIDENCE, ""), judged.warmed))
        stale = [self._render(key, rows, np.full(len(rows), STALE), time_ms) for key, rows in ends if len(rows)]
        near = self._near.batch(judged, time_ms)
        return join([*shown, *stale, *([near] if near else [])], time_ms)

    def pages(self, judged: Judged, values: F64 | None = None) -> list[Page]:
        """Return what the scores page shows about one instant, after the batch about it."""
        time_ms = _milliseconds(judged.time_s)
        every = [
            Page(name=key[0], lines=self._text(key)[rows].tolist(), values=numbers, time_ms=time_ms)
            for key, rows, numbers in self._values(judged, values)
        ]
        lines, shares = self._near.lines(judged)
        return [*every, Page(name=CONTRIBUTION, lines=lines, values=shares, time_ms=time_ms)] if lines else every

    def _values(self, judged: Judged, values: F64 | None) -> Iterator[tuple[Key, Rows, F64]]:
        """Yield every output that has values now: its key, rows and values."""
        verdict, rows = judged.verdict, judged.rows
        young = verdict.confidence < 1
        for name in self._wanted if len(rows) else ():
            yield (name, ""), rows, np.asarray(getattr(verdict, FIELDS[name]), np.float64)
        for key, numbers in verdict.ahead.items():
            known = ~np.isnan(numbers)
            yield key, rows[known], numbers[known]
        if self._promql and values is not None and len(rows):
            yield (LEVEL, ""), rows, values
            yield from (((name, ""), rows, np.asarray(getattr(verdict, field))) for name, field in BANDS.items())
        if young.any():
            yield (CONFIDENCE, ""), rows[young], verdict.confidence[young].astype(np.float64)

    def _render(self, key: Key, rows: Rows, values: F64, time_ms: int) -> Batch:
        """Return some rows of an output; what few of them have is not kept encoded for all."""
        if key[0] == CONFIDENCE and len(rows) * FEW < len(self._rows):
            self._templates.pop(key, None)
            return Template(self._encoded(key, rows.tolist())).render(np.arange(len(rows)), values, time_ms)
        if key not in self._templates:
            self._templates[key] = Template(self._encoded(key, range(len(self._rows))))
        return self._templates[key].render(rows, values, time_ms)

    def _encoded(self, key: Key, rows: Iterable[int]) -> list[bytes]:
        return encoded_rows(self._rows, rows, key[0], self._identity_of(key))

    def _written(self, key: Key, rows: Iterable[int]) -> list[str]:
        identity, every = self._identity_of(key), (self._rows[row] for row in rows)
        return ["" if one is None else text(key[0], output_labels(dict(one), identity)) for one in every]

    def _identity_of(self, key: Key) -> Identity | PromqlIdentity:
        name, horizon = key
        if self._promql and (name == LEVEL or name in BANDS):
            return self._promql
        return self._identity.at(horizon) if horizon else self._identity

    def _text(self, key: Key) -> npt.NDArray[np.object_]:
        if key not in self._lines:
            self._lines[key] = np.array(self._written(key, range(len(self._rows))), np.object_)
        return self._lines[key]


def _milliseconds(time_s: float) -> int:
    return round(time_s * 1000)
