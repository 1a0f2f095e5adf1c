"""Remote read 1.0 (`/api/v1/read`): raw samples of a plain selector, put on the grid as PromQL would. No I/O.

The messages (prometheus/prompb, remote read specification), whose wire form is this:

    ReadRequest    { repeated Query queries = 1; }
    Query          { int64 start_timestamp_ms = 1; int64 end_timestamp_ms = 2; repeated LabelMatcher matchers = 3; }
    LabelMatcher   { Type type = 1 (=, !=, =~, !~); string name = 2; string value = 3; }
    ReadResponse   { repeated QueryResult results = 1; }
    QueryResult    { repeated TimeSeries timeseries = 1; }
    TimeSeries     { repeated Label labels = 1; repeated Sample samples = 2; }
    Sample         { double value = 1; int64 timestamp = 2; }
"""

import struct
from collections.abc import Iterator, Sequence

import msgspec
import numpy as np

from anomaly_detector.errors import BadAnswerError, ResponseTooLargeError
from anomaly_detector.models.model import F64
from anomaly_detector.sink.wire import STALE, packed, unpacked, varint
from anomaly_detector.source.matrix import MOST_CELLS, Matrix
from anomaly_detector.source.selector import Matcher

LOOK_BACK_S = 300.0  # Prometheus' query.lookback-delta: how old a sample may be and still be the value
VARINT, FIXED64, DELIMITED, FIXED32 = 0, 1, 2, 5
SAMPLE = np.dtype(
    [("tag", "u1"), ("size", "u1"), ("value_tag", "u1"), ("value", "<f8"), ("time_tag", "u1"), ("time", "u1", 6)]
)
PLAIN_SAMPLE = (0x12, 16, 0x09, 0x10)  # of a Sample with a value and a timestamp of 6 bytes, in this order
STALE_BITS = np.array([STALE]).view(np.uint64)[0]
KINDS = ("=", "!=", "=~", "!~")


class Raw(msgspec.Struct, frozen=True):
    """An answer on the grid, and how many samples it was made of."""

    matrix: Matrix
    samples: int


def request(matchers: Sequence[Matcher], start_s: float, end_s: float) -> bytes:
    """Return the body of a request, compressed; both ends are included."""
    query = _number(1, round(start_s * 1000)) + _number(2, round(end_s * 1000))
    for one in matchers:
        kind = KINDS.index(one.kind)
        inside = (_number(1, kind) if kind else b"") + _text(2, one.name.encode()) + _text(3, one.value.encode())
        query += _text(3, inside)
    return packed(_text(1, query))


def parse_response(body: bytes, times_s: F64, *, max_bytes: int, max_series: int) -> Raw:
    """Decode an answer as values on a grid: at each instant the newest sample of the last five minutes.

    BadAnswerError when it is none, ResponseTooLargeError above `max_bytes` unpacked or `max_series`.
    """
    keys: list[bytes] = []
    columns: list[F64] = []
    unusable = samples = 0
    for series in _series(_unpacked(body, max_bytes)):
        labels, sample_times, values = _decoded(series)
        stale = values.view(np.uint64) == STALE_BITS
        unusable += int((~np.isfinite(values) & ~stale).sum())
        samples += len(values)
        keys.append(msgspec.json.encode(labels))
        columns.append(on_grid(sample_times, values, times_s))
        if len(keys) > max_series:
            raise ResponseTooLargeError(f"more than {max_series} series")
        if len(keys) * len(times_s) > MOST_CELLS:
            raise ResponseTooLargeError(f"{len(keys)} series and more at {len(times_s)} instants at once")
    matrix = np.array(columns).T if columns else np.zeros((len(times_s), 0))
    return Raw(Matrix(keys=keys, times_s=times_s, values=matrix, unusable=unusable), samples)


def on_grid(sample_times: F64, values: F64, times_s: F64) -> F64:
    """Return the value at each instant, NaN where the newest sample is older than five minutes, stale or infinite.

    >>> on_grid(np.array([0.0, 60.0]), np.array([1.0, 2.0]), np.array([30.0, 60.0, 400.0])).tolist()
    [1.0, 2.0, nan]
    """
    place = np.searchsorted(sample_times, times_s + 1e-6, side="right") - 1
    known = place >= 0
    place = np.maximum(place, 0)
    if not len(values):
        return np.full(len(times_s), np.nan)
    fresh = known & (times_s - sample_times[place] < LOOK_BACK_S) & np.isfinite(values[place])
    return np.where(fresh, values[place], np.nan)


def _number(field: int, value: int) -> bytes:
    return varint(field << 3 | VARINT) + varint(value)


def _text(field: int, payload: bytes) -> bytes:
    return varint(field << 3 | DELIMITED) + varint(len(payload)) + payload


def _unpacked(body: bytes, max_bytes: int) -> memoryview:
    try:
        size, _ = _varint(memoryview(body), 0)
        if size > max_bytes:
            raise ResponseTooLargeError(f"{size} bytes, the budget is {max_bytes}: raise max_response_bytes")
        return memoryview(unpacked(body))
    except (ValueError, IndexError) as exc:
        raise BadAnswerError("not a snappy block") from exc


def _series(message: memoryview) -> Iterator[memoryview]:
    for field, result in _fields(message):
        if field == 1 and isinstance(result, memoryview):
            yield from (one for inner, one in _fields(result) if inner == 1 and isinstance(one, memoryview))


def _decoded(series: memoryview) -> tuple[dict[str, str], F64, F64]:
    """Return labels, times in seconds and values of a TimeSeries."""
    labels: dict[str, str] = {}
    start = 0
    for field, part, end in _walk(series, 0):
        if field != 1 or not isinstance(part, memoryview):
            break
        pair = {inner: _string(text) for inner, text in _fields(part) if isinstance(text, memoryview)}
        labels[pair.get(1, "")] = pair.get(2, "")
        start = end
    times, values = _samples(series[start:])
    return labels, times / 1000, values


def _string(text: memoryview) -> str:
    try:
        return bytes(text).decode()
    except UnicodeDecodeError as exc:
        raise BadAnswerError("an answer to a remote read with a label that is no text") from exc


def _samples(region: memoryview) -> tuple[F64, F64]:
    """Return the samples of a series; nearly always each is of the same form, and all are read at once."""
    if len(region) % SAMPLE.itemsize == 0:
        found = np.frombuffer(region, SAMPLE)
        forms = (found["tag"], found["size"], found["value_tag"], found["time_tag"])
        if all((form == wanted).all() for form, wanted in zip(forms, PLAIN_SAMPLE, strict=True)):
            bits = found["time"].astype(np.int64) & 0x7F
            return (bits << (7 * np.arange(6))).sum(axis=1).astype(np.float64), found["value"].astype(np.float64)
    pairs = [_sample(part) for field, part in _fields(region) if field == 2 and isinstance(part, memoryview)]
    both = np.array(pairs, np.float64).reshape(-1, 2)
    return both[:, 0], both[:, 1].copy()


def _sample(part: memoryview) -> tuple[float, float]:
    """Return time and value of a Sample; what is 0 is left out."""
    told = dict(_fields(part))
    value = told.get(1, b"")
    number = struct.unpack("<d", value)[0] if isinstance(value, memoryview) and len(value) == 8 else 0.0
    time_ms = told.get(2, 0)
    return (float(time_ms) if isinstance(time_ms, int) else 0.0), number


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview | int]]:
    return ((field, part) for field, part, _ in _walk(message, 0))


def _walk(message: memoryview, at: int) -> Iterator[tuple[int, memoryview | int, int]]:
    """Yield every field of a message: its number, its payload, where it ends; BadAnswerError when it is none."""
    try:
        while at < len(message):
            tag, at = _varint(message, at)
            part, at = _payload(message, at, tag & 7)
            yield tag >> 3, part, at
    except IndexError as exc:
        raise BadAnswerError("not an answer to a remote read") from exc


def _payload(message: memoryview, at: int, kind: int) -> tuple[memoryview | int, int]:
    if kind == VARINT:
        return _varint(message, at)
    if kind == DELIMITED:
        size, at = _varint(message, at)
    elif kind in (FIXED64, FIXED32):
        size = 8 if kind == FIXED64 else 4
    else:
        raise BadAnswerError(f"not an answer to a remote read: wire type {kind}")
    if at + size > len(message):
        raise BadAnswerError("an answer to a remote read that breaks off")
    return message[at : at + size], at + size


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = message[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
        shift += 7
        if shift > 63:
            raise BadAnswerError("not an answer to a remote read: a number without end")
