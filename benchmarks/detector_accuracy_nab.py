"""The Numenta Anomaly Benchmark: its rules for scoring a stream of scores, its files, its windowed Gaussian.

Rules (numenta/NAB, the paper of Lavin and Ahmad, 2015): the first detection in a window earns a scaled sigmoid of its
position, a window without one costs 1, every detection outside costs 0.11 times a sigmoid of its distance behind the
last window; one threshold for all files, the best; 0 is a detector that says nothing, 100 a perfect one.
"""

import csv
import json
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np

from anomaly_detector.models.model import F64

FALSE_POSITIVE = 0.11  # NAB's standard profile: a false detection costs this, a found or missed window 1
PROBATION_SHARE = 0.15
PROBATION_ROWS = 5000  # of longer files only this many count for the share
FAR_BEHIND = 3.0
Window = tuple[int, int]


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """One file: `windows` are rows (first, last), both inside; `times_s` is the local clock as Unix time."""

    name: str
    times_s: F64
    values: F64
    windows: tuple[Window, ...]

    @property
    def probation(self) -> int:
        """How many rows at the beginning are for learning and never scored."""
        return probation(len(self.values))


def read(folder: Path) -> list[Series]:
    """Read every file that has windows in the labels, in their order; what is not there is passed over.

    ValueError when no file is there.
    """
    labels = json.loads((folder / "labels" / "combined_windows.json").read_text())
    there = {name: spans for name, spans in labels.items() if (folder / "data" / name).exists()}
    if not there:
        raise ValueError(f"{folder / 'data'}: none of the {len(labels)} files that the labels name is there")
    return [_read_one(folder / "data" / name, spans) for name, spans in there.items()]


def probation(rows: int) -> int:
    """Return the rows that are not scored.

    >>> probation(1000), probation(20_000)
    (150, 750)
    """
    return math.floor(PROBATION_SHARE * min(rows, PROBATION_ROWS))


def standard_score(files: Sequence[Series], scores: Sequence[F64]) -> float:
    """Return NAB's normalised standard score, at the best threshold for all files together; nan without a window."""
    count = sum(len(one.windows) for one in files)
    if not count:
        return float("nan")
    return 100 * (best(files, scores)[1] + count) / (2 * count)


def best(files: Sequence[Series], scores: Sequence[F64]) -> tuple[float, float]:
    """Return the best threshold and the sum of points it brings."""
    levels, points = [], []
    for one, score in zip(files, scores, strict=True):
        for level, gain in _gains(one, score):
            levels.append(level)
            points.append(gain)
    every, gain = np.concatenate([[np.inf], *levels]), np.concatenate([[0.0], *points])
    order = np.argsort(-every, kind="stable")
    every, total = every[order], np.cumsum(gain[order])
    last = np.append(np.diff(every) != 0, True)  # equal scores pass a threshold together
    every, total = every[last], total[last]
    top = int(total.argmax())
    return float(every[top]), float(total[top]) - sum(len(one.windows) for one in files)


def _gains(one: Series, score: F64) -> list[tuple[F64, F64]]:
    """Return levels of the threshold at which points change, and by how much, as the threshold falls."""
    start, weights = one.probation, row_points(len(score), one.windows)
    outside = np.ones(len(score), bool)
    gains = []
    for first, last in one.windows:
        outside[first : last + 1] = False
        rows = np.arange(max(first, start), last + 1)
        order = rows[np.argsort(-score[rows], kind="stable")]
        earned = np.maximum.accumulate(np.concatenate([[-1.0], weights[order]]))
        gains.append((score[order], np.diff(earned)))
    outside[:start] = False
    return [*gains, (score[outside], weights[outside])]


def row_points(rows: int, windows: Sequence[Window]) -> F64:
    """Return what a detection at each row is worth.

    >>> row_points(4, [(1, 2)]).round(3).tolist()
    [-0.11, 1.0, 0.86, -0.109]
    """
    points = np.full(rows, -FALSE_POSITIVE)
    for place, (first, last) in enumerate(windows):
        end = windows[place + 1][0] if place + 1 < len(windows) else rows
        inside, behind = np.arange(first, last + 1), np.arange(last + 1, end)
        points[inside] = _sigmoid((inside - last - 1) / (last - first + 1)) / _sigmoid(np.array(-1.0))
        distance = (behind - last) / max(last - first, 1)
        points[behind] = FALSE_POSITIVE * np.where(distance > FAR_BEHIND, -1.0, _sigmoid(distance))
    return points


def _sigmoid(position: F64) -> F64:
    return np.asarray(2 / (1 + np.exp(5 * position)) - 1)


def _read_one(path: Path, spans: Sequence[Sequence[str]]) -> Series:
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    times = np.array([_seconds(row["timestamp"]) for row in rows])
    windows = tuple(
        (int(np.searchsorted(times, _seconds(first))), int(np.searchsorted(times, _seconds(last), side="right")) - 1)
        for first, last in spans
    )
    values = np.array([float(row["value"]) for row in rows])
    return Series(name=path.name, times_s=times, values=values, windows=windows)


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()
