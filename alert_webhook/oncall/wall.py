"""Times on the wall of a place → instants, and back; plain `zoneinfo` arithmetic. Pure.

A wall time that a clock change leaves out counts as the moment of that change; one that comes twice counts the first
time. So a later wall time is never an earlier instant, and what follows one another on the wall neither overlaps nor
leaves a hole.
"""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, ClassVar, Literal, Self
from zoneinfo import ZoneInfo, available_timezones

from heronwatch.faults import quoted
from heronwatch.words import hint

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LAST_MINUTE = 24 * 60
_TIME = re.compile(r"([0-9]{1,2}):([0-9]{2})", re.ASCII)
_WALL = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}:[0-9]{2})(?::00)?", re.ASCII)


class Zone:
    """A time zone of the IANA database.

    >>> Zone.parse("Europe/Madrid")
    Zone('Europe/Madrid')
    >>> Zone.parse("Europe/Madird")
    Traceback (most recent call last):
    ValueError: 'Europe/Madird' is not a time zone (did you mean 'Europe/Madrid'?)
    """

    __slots__ = ("_info", "name")
    __schema__: ClassVar[dict[str, Any]] = {
        "type": "string",
        "title": "time zone",
        "description": "a name of the IANA database, as Europe/Madrid",
        "minLength": 1,
    }

    def __init__(self, name: str) -> None:
        self.name = name
        self._info = ZoneInfo(name)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the zone that a text names."""
        try:
            return cls(text)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f"{quoted(text)} is not a time zone{hint(text, sorted(available_timezones()))}") from error

    def instant(self, wall: datetime) -> float:
        """Return the Unix time of a wall time without a zone: see the rules at the top of this file."""
        first = wall.replace(tzinfo=self._info, fold=0)
        second = wall.replace(tzinfo=self._info, fold=1)
        if _offset_s(first) >= _offset_s(second):  # PEP 495: less only for a time that the clocks leave out
            return first.timestamp()
        return self._change(second.timestamp(), first.timestamp(), _offset_s(second))

    def later_reading(self, wall: datetime) -> float:
        """Return the Unix time as RFC 5545 section 3.3.5 has it: what is left out counts by the offset before."""
        return wall.replace(tzinfo=self._info, fold=0).timestamp()

    def wall(self, at: float) -> datetime:
        """Return what the wall shows at a Unix time, without a zone."""
        return datetime.fromtimestamp(at, self._info).replace(tzinfo=None, fold=0)

    def shown(self, at: float) -> str:
        """Return a time as people of the zone read it.

        >>> Zone("Europe/Madrid").shown(0.0)
        'Thu 1970-01-01 01:00 CET'
        """
        return f"{self.wall(at):%a %Y-%m-%d %H:%M} {self.called(at)}"

    def called(self, at: float) -> str:
        """Return what people of the zone call its time then; where it has no name, how far it is from UTC.

        >>> Zone("Europe/Madrid").called(0.0), Zone("Asia/Kathmandu").called(0.0)
        ('CET', 'UTC+0530')
        """
        name = datetime.fromtimestamp(at, self._info).tzname() or ""
        return f"UTC{name}" if name.startswith(("+", "-")) else name

    def _change(self, before: float, after: float, offset_s: float) -> float:
        """Return the whole second between two instants from which on the zone has this offset."""
        low, high = int(before), int(after)
        while low < high:
            middle = (low + high) // 2
            if _offset_s(datetime.fromtimestamp(middle, self._info)) == offset_s:
                high = middle
            else:
                low = middle + 1
        return float(low)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Zone) and self.name == other.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f"Zone({self.name!r})"


class TimeOfDay(int):
    """A time of day in minutes after midnight, written 09:00; 24:00 is the end of the day.

    >>> TimeOfDay.parse("09:30"), int(TimeOfDay.parse("24:00"))
    (TimeOfDay('09:30'), 1440)
    """

    __slots__ = ()
    __schema__: ClassVar[dict[str, Any]] = {
        "type": ["string", "integer"],
        "title": "time of day",
        "description": "09:00; 24:00 is the end of the day",
        "pattern": "^([01]?[0-9]|2[0-4]):[0-5][0-9]$",
        "maximum": 0,
        "minimum": 0,
    }

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the time of day that a text means."""
        match = _TIME.fullmatch(text)
        minutes = int(match[1]) * 60 + int(match[2]) if match and int(match[2]) < 60 else LAST_MINUTE + 1
        if minutes > LAST_MINUTE:
            raise ValueError(f"{quoted(text)} is not a time of day (09:00)")
        return cls(minutes)

    def __str__(self) -> str:
        return f"{self // 60:02}:{self % 60:02}"

    def __repr__(self) -> str:
        return f"TimeOfDay('{self}')"


class Day(date):
    """A date, written 2026-01-05."""

    __slots__ = ()
    __schema__: ClassVar[dict[str, Any]] = {"type": "string", "format": "date", "title": "date"}

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the date that a text means."""
        try:
            found = date.fromisoformat(text)
        except ValueError:
            found = date.min
        if found.year < 1990 or found.year > 2200:
            raise ValueError(f"{quoted(text)} is not a date from 1990 to 2200 (2026-01-05)")
        return cls(found.year, found.month, found.day)


class WallTime(datetime):
    """A date and a time on the wall, without a zone, written 2026-12-24 09:00."""

    __slots__ = ()
    __schema__: ClassVar[dict[str, Any]] = {
        "type": "string",
        "title": "date and time",
        "description": "2026-12-24 09:00, in the time zone of the schedule",
        "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:00)?$",
    }

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the wall time that a text means."""
        match = _WALL.fullmatch(text)
        message = f"{quoted(text)} is not a date and time (2026-12-24 09:00, in the schedule's time zone)"
        if match is None:
            raise ValueError(message)
        try:
            found = datetime.combine(Day.parse(match[1]), time.fromisoformat(match[2]))
        except ValueError as error:
            raise ValueError(message) from error
        return cls(found.year, found.month, found.day, found.hour, found.minute)


def at_minute(day: date, minutes: int) -> datetime:
    """Return the wall time so many minutes after the midnight that begins `day`."""
    return datetime.combine(day, time()) + timedelta(minutes=minutes)


def utc(at: float) -> datetime:
    """Return a Unix time in UTC."""
    return datetime.fromtimestamp(at, UTC)


def _offset_s(moment: datetime) -> float:
    offset = moment.utcoffset()
    return offset.total_seconds() if offset is not None else 0.0
