"""A recording: the answers of a server over a span, in a folder, and a source that gives them again.

The folder holds `recording.json` and, for each query and each part of its span, one array (instants, series) of
float64 as `.npy` without pickles. A backtest may be repeated from it with other options and without a server.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import msgspec
import numpy as np

from anomaly_detector.errors import BadAnswerError, DetectorError, QueryRejectedError, ResponseTooLargeError
from anomaly_detector.models.model import F64
from anomaly_detector.plan import QueryPlan
from anomaly_detector.source.history import SAMPLES_PER_ANSWER
from anomaly_detector.source.matrix import Matrix, grid_times
from anomaly_detector.source.reading import Source

Heard: TypeAlias = Callable[[float, float | None], None]  # which share is done, and the first time of a sample
FORMAT = 1
INDEX = "recording.json"
FIRST_CHUNK = 60  # instants; more are asked for once it is known how many series there are


class RecordingError(DetectorError):
    """A recording cannot be read or written, or is not of these queries."""

    reason = "recording"


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One array: its file, the first instant, how many, and which series its columns are (places in `Track.series`)."""

    file: str
    start_s: float
    instants: int
    columns: list[int]


class Track(msgspec.Struct, frozen=True, kw_only=True):
    """What was recorded of one query; `series` are the label sets as JSON text.

    `first_s` is the first instant with a sample, None where there is none (or an older version has recorded it).
    """

    expr: str
    step_s: float
    start_s: float
    end_s: float
    series: list[str]
    parts: list[Part]
    first_s: float | None = None


class Recording(msgspec.Struct, frozen=True, kw_only=True):
    """The index of a folder."""

    format: int
    queries: dict[str, Track]


def record(source: Source, plan: QueryPlan, folder: Path, *, start_s: float, end_s: float, told: Heard) -> Track:
    """Read a query from `start_s` to `end_s` and keep it; `told` hears which share is done, and `Track.first_s`.

    Raises as `Source.query_range` does.
    """
    times_s = grid_times(np.ceil(start_s / plan.step_s) * plan.step_s, end_s, plan.step_s)
    known: dict[str, int] = {}
    parts: list[Part] = []
    done, size, first_s = 0, FIRST_CHUNK, None
    while done < len(times_s):
        part = times_s[done : done + size]
        try:
            matrix = source.query_range(plan.query.expr, part, step_s=plan.step_s, max_series=SAMPLES_PER_ANSWER)
        except (QueryRejectedError, ResponseTooLargeError):
            if size == 1:
                raise
            size = max(1, size // 4)
            continue
        first_s = _first(matrix) if first_s is None else first_s
        parts.append(_kept(matrix, known, folder / f"{plan.alias}.{len(parts):05}.npy"))
        done += len(part)
        size = max(1, min(10_000, SAMPLES_PER_ANSWER // max(1, len(matrix.keys))))
        told(done / len(times_s), first_s)
    first, last = (float(times_s[0]), float(times_s[-1])) if len(times_s) else (start_s, end_s)
    return Track(
        expr=plan.query.expr,
        step_s=plan.step_s,
        start_s=first,
        end_s=last,
        series=list(known),
        parts=parts,
        first_s=first_s,
    )


def save_index(folder: Path, tracks: Mapping[str, Track]) -> None:
    """Write the index; a folder without one is no recording."""
    try:
        (folder / INDEX).write_bytes(msgspec.json.encode(Recording(format=FORMAT, queries=dict(tracks))))
    except OSError as exc:
        raise RecordingError(f"{folder}: {exc.strerror}") from exc


def load_index(folder: Path) -> Recording:
    """Read the index; RecordingError when there is none or it is damaged."""
    try:
        recording = msgspec.json.decode((folder / INDEX).read_bytes(), type=Recording)
    except OSError as exc:
        raise RecordingError(f"{folder / INDEX}: {exc.strerror}") from exc
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise RecordingError(f"{folder / INDEX} is damaged: {exc}") from exc
    if recording.format != FORMAT:
        raise RecordingError(f"{folder} has format {recording.format}, this version reads {FORMAT}")
    return recording


def piece(folder: Path, track: Track, wanted: Sequence[int]) -> tuple[list[bytes], F64]:
    """Return the keys and values (instants, series) of some series of a track."""
    count = round((track.end_s - track.start_s) / track.step_s) + 1
    values = np.full((count, len(wanted)), np.nan)
    place_of = {series: place for place, series in enumerate(wanted)}
    for part in track.parts:
        columns = [(place_of[series], column) for column, series in enumerate(part.columns) if series in place_of]
        if columns:
            first = round((part.start_s - track.start_s) / track.step_s)
            to, of = (np.array(side, np.intp) for side in zip(*columns, strict=True))
            values[first : first + part.instants, to] = _array(folder / part.file, part)[:, of]
    return [track.series[series].encode() for series in wanted], values


class RecordedSource:
    """Gives a piece of a recording as a server would; the time is that of its end."""

    def __init__(self, keys: list[bytes], values: F64, *, start_s: float, step_s: float) -> None:
        self._keys, self._values = keys, values
        self._start_s, self._step_s = start_s, step_s

    def server_time(self) -> float:
        """See Source."""
        return self._start_s + self._step_s * len(self._values)

    def newest_score(self, query: str) -> float:  # noqa: ARG002  # a past has no scores of ours
        """See Source."""
        return 0.0

    def query_range(self, expr: str, times_s: F64, *, step_s: float, max_series: int) -> Matrix:  # noqa: ARG002
        """See Source; the expression is the recording's own."""
        place = np.rint((times_s - self._start_s) / self._step_s).astype(np.intp)
        inside = (place >= 0) & (place < len(self._values))
        values = np.full((len(times_s), len(self._keys)), np.nan)
        values[inside] = self._values[place[inside]]
        there = np.isfinite(values).any(axis=0)
        if int(there.sum()) > max_series:
            raise ResponseTooLargeError(f"{int(there.sum())} series, the budget is {max_series}")
        keys = [key for key, one in zip(self._keys, there.tolist(), strict=True) if one]
        return Matrix(keys=keys, times_s=times_s, values=values[:, there])

    def close(self) -> None:
        """Nothing is open."""


def _kept(matrix: Matrix, known: dict[str, int], path: Path) -> Part:
    columns = [known.setdefault(_text(key), len(known)) for key in matrix.keys]
    try:
        np.save(path, matrix.values, allow_pickle=False)
    except OSError as exc:
        raise RecordingError(f"{path}: {exc.strerror}") from exc
    return Part(file=path.name, start_s=float(matrix.times_s[0]), instants=len(matrix.times_s), columns=columns)


def _first(matrix: Matrix) -> float | None:
    """Return the first instant with a sample."""
    there = np.isfinite(matrix.values).any(axis=1)
    return float(matrix.times_s[there.argmax()]) if there.any() else None


def _text(key: bytes) -> str:
    try:
        return key.decode()
    except UnicodeDecodeError as exc:
        raise BadAnswerError(f"labels are not UTF-8: {exc}") from exc


def _array(path: Path, part: Part) -> F64:
    try:
        array: F64 = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as exc:
        raise RecordingError(f"{path} cannot be read: {exc}") from exc
    if array.shape != (part.instants, len(part.columns)):
        raise RecordingError(f"{path} is not what {INDEX} says")
    return array
