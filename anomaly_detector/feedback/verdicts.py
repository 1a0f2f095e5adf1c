"""What a person says about an alarm, and the lines of the journal. Values and their text; no I/O, no clock."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Literal, TypeAlias

import msgspec

from anomaly_detector.scoring.learning import Instant

Verdict: TypeAlias = Literal["false_alarm", "incident", "expected", "accepted"]
Scope: TypeAlias = Literal["series", "device"]
FALSE_ALARM: Verdict = "false_alarm"
ACCEPTED: Verdict = "accepted"  # what it has been since `start` is its new level
HOST = "instance"  # the label by which series belong to one device
ALIAS = "for"  # the label by which every series of ours names its query
FARTHEST_S = 7 * 86_400.0  # how far beyond its saying a span may reach: what is planned for longer is a learning pause
LATEST_S = 253_402_300_800.0  # the year 10,000

Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,199}\Z")]
Value = Annotated[str, msgspec.Meta(max_length=1024)]


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """The body of `POST /api/v1/feedback`: the labels of the alert or series, from when to when, and what it was.

    `start` and `end` are Unix seconds, or text with an offset as in RFC 3339. `force` keeps a false alarm of what did
    not alarm.
    """

    labels: Annotated[dict[Name, Value], msgspec.Meta(min_length=1, max_length=64)]
    start: float | str
    end: float | str
    verdict: Verdict
    who: Annotated[str, msgspec.Meta(max_length=200)] = ""
    force: bool = False


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One verdict as the journal keeps it; times are Unix seconds, `at` is when it was said.

    What has the scope `device` is about all series in that query with the same label `by`: that device or site had
    alarmed.
    """

    id: str
    at: float
    verdict: Verdict
    labels: Mapping[str, str]
    start: float
    end: float
    who: str = ""
    scope: Scope = "series"
    by: str = HOST

    @property
    def query(self) -> str:
        """Alias of the query that it is about, "" for all."""
        return self.labels.get(ALIAS, "")

    @property
    def reaches_to(self) -> float:
        """Where a span ends: an older journal may hold some that were taken for longer."""
        return min(self.end, self.at + FARTHEST_S)


class Undo(msgspec.Struct, frozen=True, kw_only=True):
    """An entry taken back."""

    id: str
    at: float
    who: str = ""


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """A week's listing was made, of so many raised thresholds."""

    at: float
    raised: int


Line: TypeAlias = Entry | Undo | Listing


class _Written(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line as it stands in the file: one of three kinds, told by which key is there."""

    at: str
    id: str = ""
    verdict: Verdict | None = None
    labels: dict[str, str] = {}
    start: str = ""
    end: str = ""
    undo: str = ""
    listed: int = -1
    who: str = ""
    scope: Scope = "series"
    by: str = HOST


_DECODER = msgspec.json.Decoder(_Written)
_BODY = msgspec.json.Decoder(Said)


def entry_of(body: bytes, *, identity: str, now: float) -> Entry:
    """Read a request's body; ValueError says what is wrong with it."""
    try:
        said = _BODY.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise ValueError(f"not a verdict: {exc}") from exc
    start, end = _seconds("start", said.start), _seconds("end", said.end)
    if end < start:
        raise ValueError("end is before start")
    if end > now + FARTHEST_S:
        raise ValueError("end is more than 7 days ahead")
    if said.verdict == ACCEPTED and start > now:
        raise ValueError("start is ahead: a level is accepted once it is there")
    if said.verdict in (FALSE_ALARM, ACCEPTED) and not said.labels.get(ALIAS):
        raise ValueError(f"labels.{ALIAS} is missing: the verdict is about one series of one query")
    return Entry(id=identity, at=now, verdict=said.verdict, labels=said.labels, start=start, end=end, who=said.who)


def forced(body: bytes) -> bool:
    """Return whether a request's body, which is a verdict, asks to be kept whatever the scores say."""
    return _BODY.decode(body).force


def written(line: Line) -> bytes:
    r"""Return a line of the journal, newline included.

    >>> written(Undo(id="1f", at=0.0, who="ana"))
    b'{"at":"1970-01-01T00:00:00.000+00:00","undo":"1f","who":"ana"}\n'
    """
    if isinstance(line, Entry):
        out = _Written(
            at=moment(line.at),
            id=line.id,
            verdict=line.verdict,
            labels=dict(line.labels),
            start=moment(line.start),
            end=moment(line.end),
            who=line.who,
            scope=line.scope,
            by=line.by,
        )
    elif isinstance(line, Undo):
        out = _Written(at=moment(line.at), undo=line.id, who=line.who)
    else:
        out = _Written(at=moment(line.at), listed=line.raised)
    return msgspec.json.encode(out) + b"\n"


def read(line: bytes) -> Line:
    """Read a line of the journal; ValueError when it is none."""
    try:
        told = _DECODER.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise ValueError(str(exc)) from exc
    at = float(Instant.parse(told.at))
    if told.undo:
        return Undo(id=told.undo, at=at, who=told.who)
    if told.listed >= 0:
        return Listing(at=at, raised=told.listed)
    if not told.id or told.verdict is None or not told.labels:
        raise ValueError("neither a verdict nor an undo nor a listing")
    start, end = float(Instant.parse(told.start)), float(Instant.parse(told.end))
    return Entry(
        id=told.id,
        at=at,
        verdict=told.verdict,
        labels=told.labels,
        start=start,
        end=end,
        who=told.who,
        scope=told.scope,
        by=told.by,
    )


def moment(time_s: float) -> str:
    """Return a time as text in UTC, to the millisecond.

    >>> moment(1_792_893_600.25)
    '2026-10-25T02:00:00.250+00:00'
    """
    return datetime.fromtimestamp(time_s, UTC).isoformat(timespec="milliseconds")


def _seconds(name: str, told: float | str) -> float:
    try:
        time_s = float(Instant.parse(told)) if isinstance(told, str) else told
    except ValueError as exc:
        raise ValueError(f"{name}: {exc}") from exc
    if not math.isfinite(time_s) or not 0 <= time_s < LATEST_S:
        raise ValueError(f"{name} is not a time")
    return time_s
