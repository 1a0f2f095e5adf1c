"""Errors of the detector, drawn by what the caller does next.

DetectorError
├── SourceError                 reading failed
│   ├── SourceUnavailableError  try the same again later: no connection, time-out, 429, 5xx
│   ├── SourceDeniedError       nothing works until a person changes credentials or the URL: 401, 403, 404, redirect
│   ├── SourceClockError        wait: the server's clock went back
│   └── QueryRejectedError      this query fails, others do not: bad expression, too many samples
├── QueryFaultError             the answer cannot be used: costs this query this step
│   ├── ResponseTooLargeError   more bytes, series or points than the budget
│   ├── SeriesCollisionError    two series are one once `__name__` is dropped
│   ├── RawCounterError         a counter without a rate, as the server's metadata tells
│   └── BadAnswerError          not the JSON the API promises
├── SnapshotError               a snapshot cannot be used: start from history instead
└── ConversionError             a file is no configuration of vmanomaly: say so and end

Failed writes are values (`sink.remote_write.Outcome`), because most of them are expected.
"""

from heronwatch.errors import HeronwatchError


def printable(text: str, *, most: int = 300) -> str:
    r"""Return what the other side says as one line of at most `most` characters, without control characters.

    >>> printable("parse\n\x00\x1b error")
    'parse error'
    """
    kept = (char if char.isprintable() else " " for char in text[: 4 * most])
    return " ".join("".join(kept).split())[:most]


class DetectorError(HeronwatchError):
    """Anything the detector itself reports; `reason` is the stable word used in metrics."""

    reason = "internal"


class SourceError(DetectorError):
    """Reading from the Prometheus HTTP API failed."""

    reason = "source"


class SourceUnavailableError(SourceError):
    """The server did not answer, or said to come back later."""

    reason = "unavailable"


class SourceDeniedError(SourceError):
    """The server refuses us, or there is no such API at this URL."""

    reason = "denied"


class SourceClockError(SourceError):
    """The server's clock is far behind what it was: nothing may be written before it has caught up."""

    reason = "clock"


class QueryRejectedError(SourceError):
    """The server says this query cannot be answered."""

    reason = "rejected"


class QueryFaultError(DetectorError):
    """The server's answer cannot be used."""

    reason = "answer"


class ResponseTooLargeError(QueryFaultError):
    """The answer is larger than the budget."""

    reason = "too_large"


class SeriesCollisionError(QueryFaultError):
    """Two series of one answer differ in `__name__` only."""

    reason = "collision"


class RawCounterError(QueryFaultError):
    """An expression takes a counter as it is, which only ever rises."""

    reason = "counter"


class BadAnswerError(QueryFaultError):
    """The answer is not what the API promises."""

    reason = "bad_answer"


class ConversionError(DetectorError):
    """A file to be converted is not what it should be."""

    reason = "conversion"


class SnapshotError(DetectorError):
    """A snapshot is missing, damaged, or of another configuration."""

    reason = "snapshot"
