"""What is drawn of a series: its span cut into as many pieces as a picture has columns. No I/O."""

from collections import Counter
from collections.abc import Collection, Sequence

import msgspec
import numpy as np

from anomaly_detector.backtest.alarms import Alarm, Places
from anomaly_detector.models.model import F32, F64, Mask, Verdict
from anomaly_detector.series_table import Labels

COLUMNS = 700  # pieces of a picture


class Scene:
    """What one model said about a block over its span; arrays (series, instants)."""

    def __init__(self, series: int, instants: int) -> None:
        shape = (series, instants)
        self.score: F32 = np.zeros(shape, np.float32)
        self.expected, self.lower, self.upper = (np.full(shape, np.nan, np.float32) for _ in range(3))
        self.warming: Mask = np.zeros(shape, np.bool_)

    def note(self, place: int, columns: Places, verdict: Verdict) -> None:
        """Take the verdict of an instant about some series."""
        self.score[columns, place] = verdict.score
        self.expected[columns, place] = verdict.expected
        self.lower[columns, place] = verdict.lower
        self.upper[columns, place] = verdict.upper
        self.warming[columns, place] = verdict.confidence < 1


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """One series to be drawn: `times_s` is the begin of each piece; NaN where nothing is known.

    `low` and `high` are the extremes of the samples in a piece, `score` is its highest, the band its mean.
    """

    query: str
    model: str
    labels: Labels
    alarms: int
    times_s: F64
    low: F32
    high: F32
    expected: F32
    lower: F32
    upper: F32
    score: F32
    spans: list[tuple[float, float]]


class Where(msgspec.Struct, frozen=True, kw_only=True):
    """Which model over which query, its first instant and their distance."""

    query: str
    model: str
    first_s: float
    step_s: float


def traces(
    scene: Scene,
    values: F32,
    labels: Sequence[Labels],
    alarms: Sequence[Alarm],
    *,
    where: Where,
    most: int,
    also: Collection[Labels] = (),
) -> list[Trace]:
    """Return the noisiest series of a block, those with most alarms and then the highest peak first; then `also`."""
    counts = Counter(alarm.labels for alarm in alarms)
    peaks = scene.score[: len(labels)].max(axis=1, initial=0)
    order = sorted(range(len(labels)), key=lambda one: (-counts[labels[one]], -float(peaks[one])))
    return [
        Trace(
            query=where.query,
            model=where.model,
            labels=labels[one],
            alarms=counts[labels[one]],
            times_s=np.asarray(where.first_s + where.step_s * _starts(values.shape[1]), np.float64),
            low=_pieces(values[one], np.fmin),
            high=_pieces(values[one], np.fmax),
            expected=_means(scene.expected[one]),
            lower=_means(scene.lower[one]),
            upper=_means(scene.upper[one]),
            score=_pieces(scene.score[one], np.fmax),
            spans=[(alarm.begins, alarm.ends) for alarm in alarms if alarm.labels == labels[one]],
        )
        for one in [*order[:most], *(one for one in order[most:] if labels[one] in also)]
        if values.shape[1]
    ]


def _starts(instants: int) -> Places:
    size = max(1, -(-instants // COLUMNS))
    return np.arange(0, instants, size)


def _pieces(row: F32, reduce: np.ufunc) -> F32:
    out: F32 = reduce.reduceat(row, _starts(len(row)))
    return out


def _means(row: F32) -> F32:
    known = np.isfinite(row)
    starts = _starts(len(row))
    count = np.add.reduceat(known.astype(np.float32), starts)
    total = np.add.reduceat(np.where(known, row, 0), starts, dtype=np.float64)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)
