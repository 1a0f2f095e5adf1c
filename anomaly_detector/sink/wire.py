"""Remote write 1.0 bodies: protobuf by hand, labels encoded once, values and timestamps patched in.

The messages (prometheus/prompb, remote-write specification 1.0), whose wire form is this:

    WriteRequest { repeated TimeSeries timeseries = 1; }
    TimeSeries   { repeated Label labels = 1; repeated Sample samples = 2; }
    Label        { string name = 1; string value = 2; }
    Sample       { double value = 1; int64 timestamp = 2; }

A Sample is 16 bytes here, as every timestamp between 1971 and 2109 in milliseconds is a varint of 6 bytes: so the
bytes of a series differ from one step to the next at two fixed places only.
"""

import struct
from collections.abc import Iterable, Sequence

import cramjam
import msgspec
import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Offsets = npt.NDArray[np.int64]

_LENGTH_DELIMITED_1 = b"\x0a"  # field 1, wire type 2: TimeSeries, Label, name
_LENGTH_DELIMITED_2 = b"\x12"  # field 2, wire type 2: Sample, value of a label
_DOUBLE_1 = b"\x09"  # field 1, wire type 1
_VARINT_2 = b"\x10"  # field 2, wire type 0
_TIMESTAMP_RANGE_MS = (1 << 35, 1 << 42)  # varints of exactly 6 bytes: 1971 to 2109
STALE = np.float64(struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))[0])  # Prometheus' stale marker


def varint(number: int) -> bytes:
    """Encode a non-negative integer (protobuf encoding, "Base 128 Varints").

    >>> varint(300).hex()
    'ac02'
    """
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _field(tag: bytes, payload: bytes) -> bytes:
    return tag + varint(len(payload)) + payload


_SAMPLE = _field(_LENGTH_DELIMITED_2, _DOUBLE_1 + bytes(8) + _VARINT_2 + bytes(6))


def packed(body: bytes) -> bytes:
    """Return bytes as a snappy block, as remote write and read want them."""
    return bytes(cramjam.snappy.compress_raw(body))


def unpacked(body: bytes) -> bytes:
    """Return what a snappy block holds; ValueError when it is none. Its length stands first, as a varint."""
    try:
        return bytes(cramjam.snappy.decompress_raw(body))
    except cramjam.DecompressionError as exc:
        raise ValueError("not a snappy block") from exc


def encode_labels(labels: Iterable[tuple[str, str]]) -> bytes:
    """Encode label pairs as the `labels` of a TimeSeries, sorted by name as receivers demand."""
    return b"".join(
        _field(
            _LENGTH_DELIMITED_1,
            _field(_LENGTH_DELIMITED_1, name.encode()) + _field(_LENGTH_DELIMITED_2, value.encode()),
        )
        for name, value in sorted(labels)
    )


def encode_series(labels: bytes) -> bytes:
    """Encode a TimeSeries of these encoded labels and one empty sample, whose places the last 15 bytes are."""
    return _field(_LENGTH_DELIMITED_1, labels + _SAMPLE)


def encode_time(time_ms: int) -> bytes:
    """Encode a timestamp as 6 bytes; ValueError outside 1971 to 2109."""
    if not _TIMESTAMP_RANGE_MS[0] <= time_ms < _TIMESTAMP_RANGE_MS[1]:
        raise ValueError(f"timestamp {time_ms} ms is outside 1971 to 2109")
    return varint(time_ms)


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """An encoded write request, not yet compressed: `bounds` are the ends of its series, from 0 on.

    All samples have the timestamp `time_ms`, so the order of batches is the order of every series.
    """

    body: bytes
    bounds: Offsets
    time_ms: int

    def __len__(self) -> int:
        return len(self.bounds) - 1

    def part(self, first: int, last: int) -> "Batch":
        """Return the series `first` to `last` (exclusive) as a batch of their own."""
        begin, end = int(self.bounds[first]), int(self.bounds[last])
        return Batch(body=self.body[begin:end], bounds=self.bounds[first : last + 1] - begin, time_ms=self.time_ms)

    def pick(self, places: Sequence[int]) -> "Batch":
        """Return some series, in this order, as a batch of their own."""
        return join([self.part(place, place + 1) for place in places], self.time_ms)

    def identity(self, place: int) -> bytes:
        """Return the bytes of a series without its sample, the same in every batch."""
        return self.body[int(self.bounds[place]) : int(self.bounds[place + 1]) - len(_SAMPLE)]

    def parts(self, size: int) -> list["Batch"]:
        """Cut into batches of at most `size` series."""
        return [self.part(first, min(first + size, len(self))) for first in range(0, len(self), size)]

    def compressed(self) -> bytes:
        """Return the body as the snappy block that remote write 1.0 wants."""
        return packed(self.body)


class Template:
    """The encoded series of one output, in a fixed order, ready to take values.

    Rendering all of them copies one array and scatters 8 bytes for each; rendering some of them gathers those first.
    """

    def __init__(self, series: Sequence[bytes]) -> None:
        """Take the result of `encode_series` for every series."""
        self._bytes: Bytes = np.frombuffer(b"".join(series), np.uint8)
        self._bounds: Offsets = np.zeros(len(series) + 1, np.int64)
        np.cumsum([len(one) for one in series], out=self._bounds[1:])

    def __len__(self) -> int:
        return len(self._bounds) - 1

    def render(self, rows: npt.NDArray[np.intp], values: npt.NDArray[np.float64], time_ms: int) -> Batch:
        """Return the series `rows` (indices, ascending) with their values (same length) at one time."""
        body, bounds = self._gather(rows)
        ends = bounds[1:]
        doubles = np.ndarray(max(0, len(body) - 7), "<f8", buffer=body, strides=(1,))  # one at every byte, unaligned
        doubles[ends - 15] = values
        body[(ends - 6)[:, None] + np.arange(6)] = np.frombuffer(encode_time(time_ms), np.uint8)
        return Batch(body=body.tobytes(), bounds=bounds, time_ms=time_ms)

    def altered(self, rows: Sequence[int], series: Sequence[bytes], *, count: int) -> "Template":
        """Return a template of `count` series of which those at `rows` (ascending) are others; the rest is kept.

        Every series beyond the present ones has to be among `rows`.
        """
        out = Template(())
        lengths = np.zeros(count, np.int64)
        lengths[: len(self)] = np.diff(self._bounds)[:count]
        lengths[np.array(rows, np.intp)] = [len(one) for one in series]
        old, kept_from = memoryview(self._bytes), 0  # type: ignore[arg-type]  # an array is a buffer
        parts: list[bytes | memoryview] = []
        for row, one in zip(rows, series, strict=True):
            parts += [self._between(old, kept_from, row), one]
            kept_from = row + 1
        parts.append(self._between(old, kept_from, count))
        out._bytes, out._bounds = np.frombuffer(b"".join(parts), np.uint8), np.zeros(count + 1, np.int64)
        np.cumsum(lengths, out=out._bounds[1:])
        return out

    def _between(self, old: memoryview, first: int, last: int) -> memoryview:
        first, last = min(first, len(self)), min(last, len(self))
        return old[int(self._bounds[first]) : int(self._bounds[last])]

    def _gather(self, rows: npt.NDArray[np.intp]) -> tuple[Bytes, Offsets]:
        if len(rows) == len(self):
            return self._bytes.copy(), self._bounds
        starts, lengths = self._bounds[rows], np.diff(self._bounds)[rows]
        bounds = np.zeros(len(rows) + 1, np.int64)
        np.cumsum(lengths, out=bounds[1:])
        index = np.arange(int(bounds[-1])) + np.repeat(starts - bounds[:-1], lengths)
        return self._bytes[index], bounds


def join(batches: Sequence[Batch], time_ms: int) -> Batch:
    """Return one batch of several of the same time; a WriteRequest is nothing but its series one after the other."""
    if len(batches) == 1:
        return batches[0]
    starts = np.cumsum([0, *(int(batch.bounds[-1]) for batch in batches)])
    bounds = [np.zeros(1, np.int64), *(batch.bounds[1:] + start for batch, start in zip(batches, starts, strict=False))]
    return Batch(body=b"".join(batch.body for batch in batches), bounds=np.concatenate(bounds), time_ms=time_ms)
