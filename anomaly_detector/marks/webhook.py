"""Incidents and maintenance windows as our webhook tells them (`/api/v1/incidents`, `/api/v1/maintenance`). No I/O.

Only the fields used here are asked for; tests/contracts/test_marks.py holds them against the webhook itself.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

import msgspec

from anomaly_detector.errors import BadAnswerError, printable
from anomaly_detector.grid import timezone_named
from anomaly_detector.marks.matching import ALWAYS_S, Says, closest, pause_of
from anomaly_detector.scoring.learning import Pause

T = TypeVar("T")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
AHEAD_S = 2 * 86_400.0
"""How far ahead the hours of a window are reckoned; they are read again long before."""


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """An incident: Unix seconds, `resolved_at` None while it lasts."""

    id: int
    labels: Mapping[str, str]
    started_at: float
    resolved_at: float | None


class WeeklyHours(msgspec.Struct, frozen=True, kw_only=True):
    """Hours of some weekdays on the wall; `to` that is not after `from` is the next day's."""

    days: Sequence[str]
    begins: str = msgspec.field(name="from")
    to: str


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """A maintenance window; `begins` and `to` are None where it has no beginning or end."""

    id: int
    title: str
    match: Mapping[str, str]
    match_re: Mapping[str, str]
    begins: float | None = msgspec.field(name="from")
    to: float | None
    time_zone: str | None
    hours: Sequence[WeeklyHours]


class _Incidents(msgspec.Struct, frozen=True):
    incidents: list[Incident]


class _Windows(msgspec.Struct, frozen=True):
    windows: list[Window]


def parse_incidents(body: bytes) -> list[Incident]:
    """Decode a page of incidents, newest first; BadAnswerError when it is none."""
    return _decoded(body, _Incidents).incidents


def parse_windows(body: bytes) -> list[Window]:
    """Decode the maintenance windows that are not over; BadAnswerError when that is none."""
    return _decoded(body, _Windows).windows


def incident_pauses(incident: Incident, by: Sequence[str], *, before_s: float) -> list[Pause]:
    """Return the pause that an incident means, if any; it begins `before_s` before the incident was opened."""
    to_s = ALWAYS_S[1] if incident.resolved_at is None else incident.resolved_at
    pause = pause_of(closest(incident.labels, by), by, begins_s=incident.started_at - before_s, to_s=to_s)
    return [pause] if pause is not None and pause.begins < pause.to else []


def window_pauses(window: Window, by: Sequence[str], *, now_s: float, back_s: float) -> list[Pause]:
    """Return the pauses that a window means, with hours one for each occasion from `back_s` ago on.

    ValueError when a pattern, a zone or hours cannot be read.
    """
    says = [Says(label=name, text=text) for name, text in window.match.items()]
    says += [Says(label=name, text=text, pattern=True) for name, text in window.match_re.items()]
    begins_s = ALWAYS_S[0] if window.begins is None else window.begins
    to_s = ALWAYS_S[1] if window.to is None else window.to
    spans: Iterable[tuple[float, float]] = [(begins_s, to_s)]
    if window.hours:
        first_s, last_s = max(begins_s, now_s - back_s), min(to_s, now_s + AHEAD_S)
        spans = ((max(begin, first_s), min(end, last_s)) for begin, end in _occasions(window, first_s, last_s))
    found = (pause_of(says, by, begins_s=begin, to_s=end) for begin, end in spans if begin < end)
    return [pause for pause in found if pause is not None]


def _occasions(window: Window, first_s: float, last_s: float) -> Iterator[tuple[float, float]]:
    """Yield every occasion of a window's hours between two instants, and perhaps a day around."""
    zone = timezone_named(window.time_zone or "UTC")
    day = datetime.fromtimestamp(first_s, zone).date() - timedelta(days=1)
    last = datetime.fromtimestamp(last_s, zone).date()
    while day <= last:
        midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
        for hours in window.hours:
            if WEEKDAYS[day.weekday()] in hours.days:
                begin, end = _minutes(hours.begins), _minutes(hours.to)
                end += 0 if end > begin else 24 * 60
                yield _wall(midnight, begin), _wall(midnight, end)
        day += timedelta(days=1)


def _wall(midnight: datetime, minutes: int) -> float:
    """Return when a clock on the wall shows so many minutes after midnight: adding to a local time does not see DST."""
    return (midnight + timedelta(minutes=minutes)).timestamp()


def _minutes(text: str) -> int:
    hour, _, minute = text.partition(":")
    return 60 * int(hour) + int(minute)


def _decoded(body: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise BadAnswerError(f"not what the webhook says: {printable(str(exc))}") from exc
