"""Answers of `query_range` as a matrix on a fixed grid.

Labels are not decoded: the bytes of each `metric` object are the key of the series, and only bytes never seen before
are decoded once (source of the speed: a server writes the same series the same way every time).
"""

from itertools import chain
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from anomaly_detector.errors import BadAnswerError, ResponseTooLargeError, SourceUnavailableError, printable
from anomaly_detector.models.model import F64


class _Series(msgspec.Struct):
    metric: msgspec.Raw
    values: list[tuple[float, float]] = []
    histograms: list[msgspec.Raw] = []  # native ones, of which nothing can be scored


class _Data(msgspec.Struct):
    resultType: str  # noqa: N815 - the API's own name
    result: list[_Series] = []


class _Answer(msgspec.Struct):
    status: str
    data: _Data | None = None
    error: str = ""
    isPartial: bool = False  # noqa: N815 - VictoriaMetrics' own name
    warnings: list[str] = []  # by which Thanos says that a store is away


_DECODER = msgspec.json.Decoder(_Answer, strict=False)
MOST_CELLS = 16_000_000  # of a matrix, 128 MB: a past full of short-lived series is read in smaller parts
LATEST_S = 253_402_300_800.0  # the year 10,000: later than any time that can be reckoned with
_GARBLED = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)  # the last: nested too deeply
_LABELS = msgspec.json.Decoder(dict[str, str])


class Matrix(msgspec.Struct, frozen=True, kw_only=True):
    """Values on a grid: `values[i, j]` is series `keys[j]` at `times_s[i]`, NaN where there is no sample.

    `keys` are the raw JSON bytes of the label sets. Samples that are NaN or infinite are no samples here;
    `unusable` counts them. `partial`: a store was away, so that a series that is missing need not have ended.
    """

    keys: list[bytes]
    times_s: F64
    values: F64
    unusable: int = 0
    partial: bool = False


def grid_times(start_s: float, end_s: float, step_s: float) -> F64:
    """Return the instants from `start_s` to `end_s`, both included.

    >>> grid_times(60, 120, 15).tolist()
    [60.0, 75.0, 90.0, 105.0, 120.0]
    """
    count = int(np.floor((end_s - start_s) / step_s + 1e-6)) + 1
    return start_s + step_s * np.arange(max(0, count), dtype=np.float64)


def parse_matrix(body: bytes, times_s: F64, *, max_series: int, partial: bool = False) -> Matrix:
    """Decode an answer to a range query over `times_s`; `partial` says whether one may lack what a store has.

    Samples off the grid are dropped. Raises BadAnswerError for anything that is not such an answer,
    ResponseTooLargeError above `max_series`, and SourceUnavailableError for one that says it is not whole.
    """
    answer, every = _decode(body)
    series = [one for one in every if one.values]
    if answer.isPartial and not partial:
        raise SourceUnavailableError("the answer is partial: a storage node is away")
    if len(times_s) > 1 and len(series) * len(times_s) > MOST_CELLS:
        raise ResponseTooLargeError(f"{len(series)} series at {len(times_s)} instants at once")
    if len(series) > max_series:
        raise ResponseTooLargeError(
            f"{len(series)} series, the budget is {max_series}: narrow the expression, or raise max_series or "
            "max_state_bytes"
        )
    values = np.full((len(times_s), len(series)), np.nan)
    counts = np.fromiter((len(one.values) for one in series), np.intp, len(series))
    flat = chain.from_iterable(chain.from_iterable(one.values for one in series))
    pairs = np.fromiter(flat, np.float64, 2 * int(counts.sum())).reshape(-1, 2)
    column = np.repeat(np.arange(len(series)), counts)
    instant = _instants(pairs[:, 0], times_s)
    finite = np.isfinite(pairs[:, 1])
    known = (instant >= 0) & finite
    values[instant[known], column[known]] = pairs[known, 1]
    keys = [bytes(one.metric) for one in series]
    return Matrix(
        keys=keys,
        times_s=times_s,
        values=values,
        unusable=int((~finite).sum()) + sum(len(one.histograms) for one in every),
        partial=partial and (answer.isPartial or bool(answer.warnings)),
    )


def parse_labels(key: bytes) -> dict[str, str]:
    """Decode the labels behind a key; BadAnswerError if they are not a map of strings."""
    try:
        return _LABELS.decode(key)
    except _GARBLED as exc:
        raise BadAnswerError(f"labels are not a map of strings: {exc}") from exc


def parse_number(body: bytes) -> float:
    """Decode the answer to an instant query of one number, `time()`: a scalar, or a vector of one (VictoriaMetrics)."""
    try:
        data: Any = msgspec.json.decode(body)["data"]
        pair = data["result"] if data["resultType"] == "scalar" else data["result"][0]["value"]
        number = float(pair[1])
    except (*_GARBLED, KeyError, IndexError, TypeError, ValueError, OverflowError) as exc:
        raise BadAnswerError(f"not one number: {printable(str(exc))}") from exc
    if not abs(number) < LATEST_S:
        raise BadAnswerError(f"{number:g} where a time is due")
    return number


def parse_types(body: bytes, name: str) -> frozenset[str]:
    """Decode what an answer of the metadata API says a metric is; nothing where it is no such answer.

    >>> sorted(parse_types(b'{"data":{"x":[{"type":"counter"},{"type":"unknown"}]}}', "x"))
    ['counter', 'unknown']
    """
    try:
        return frozenset(one.type for one in msgspec.json.decode(body, type=_Metadata).data.get(name, []))
    except _GARBLED:
        return frozenset()


def parse_error(body: bytes) -> str:
    """Return what the server says in an error answer, at most 300 characters; text that is no JSON as it is."""
    try:
        said = msgspec.json.decode(body, type=_Error).error
    except _GARBLED:
        said = body[:4000].decode("utf-8", "replace")
    return printable(said)


class _Kind(msgspec.Struct):
    type: str = ""


class _Metadata(msgspec.Struct):
    data: dict[str, list[_Kind]] = {}


class _Error(msgspec.Struct):
    error: str = ""


def _decode(body: bytes) -> tuple[_Answer, list[_Series]]:
    # the decoder reads "NaN" and "-Inf" but not "+Inf"; no label holds these bytes, as its quotes are escaped
    try:
        answer = _DECODER.decode(body.replace(b',"+Inf"]', b',"Inf"]'))
    except _GARBLED as exc:
        raise BadAnswerError(f"not an answer to a range query: {exc}") from exc
    if answer.status != "success" or answer.data is None:
        raise BadAnswerError(f"status {printable(answer.status)!r}: {printable(answer.error)}")
    if answer.data.resultType != "matrix":
        raise BadAnswerError(f"a {printable(answer.data.resultType)}, not a matrix")
    return answer, answer.data.result


def _instants(times: F64, grid: F64) -> npt.NDArray[np.intp]:
    """Return the grid index of each time, -1 where it is not on the grid (within a millisecond)."""
    if not len(grid):
        return np.full(len(times), -1, np.intp)
    step = grid[1] - grid[0] if len(grid) > 1 else 1.0
    index = np.rint((times - grid[0]) / step)
    inside = np.isfinite(index) & (index >= 0) & (index < len(grid))
    index = np.where(inside, index, 0).astype(np.intp)
    return np.where(inside & (np.abs(grid[index] - times) < 1e-3), index, -1)
