"""An iCalendar file → what its events say about a stretch of time. Pure; nothing here is unbounded.

All-day events last from midnight to midnight; times without a zone are those of X-WR-TIMEZONE or of the schedule. An
event that cannot be read is told and left out, the others count.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

from msgspec import Struct

from alert_webhook.errors import CalendarError
from alert_webhook.oncall.ical_lines import Component, Property, read_lines
from alert_webhook.oncall.recurrence import Bounds, parse_rule, starts
from alert_webhook.oncall.wall import Zone

MAX_OCCURRENCES = 5_000
MAX_STEPS = 200_000  # of all recurrence rules of a file together
MAX_FAULTS = 20
_DATE = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})(?:T([0-9]{2})([0-9]{2})([0-9]{2})(Z?))?", re.ASCII)
_DURATION = re.compile(
    r"\+?P(?:(\d{1,4})W)?(?:(\d{1,5})D)?(?:T(?:(\d{1,5})H)?(?:(\d{1,6})M)?(?:(\d{1,7})S)?)?", re.ASCII
)
_UTC = Zone("UTC")


class Happening(Struct, frozen=True, order=True):
    """One event, or one of its repetitions: Unix seconds, and its title."""

    start: float
    end: float
    title: str


class Read(Struct, frozen=True):
    """What a calendar says, and what in it could not be read."""

    happenings: tuple[Happening, ...]
    faults: tuple[str, ...]


class _Moment(Struct, frozen=True):
    wall: datetime
    zone: Zone
    whole_day: bool

    @property
    def at(self) -> float:
        return self.zone.later_reading(self.wall)


class _Event(Struct, frozen=True):
    uid: str
    title: str
    begin: _Moment
    length: timedelta
    rule: str
    extra: tuple[_Moment, ...]
    without: frozenset[float]
    replaces: float | None
    cancelled: bool


class _Budget:
    def __init__(self) -> None:
        self._left = MAX_STEPS

    def spend(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise CalendarError("its recurrence rules have too many repetitions")


def read_calendar(content: bytes, *, zone: Zone, start: float, end: float) -> Read:
    """Return what happens between two instants; CalendarError when the file as a whole cannot be read."""
    lines = read_lines(content)
    own = _own_zone(lines.calendar) or zone
    events, faults = [], []
    for component in lines.events:
        try:
            events.append(_event(component, own))
        except (CalendarError, OverflowError) as error:
            faults.append(f"{_title(component)!r}: {error}")
    return _happening(events, faults, start, end)


def _happening(events: list[_Event], faults: list[str], start: float, end: float) -> Read:
    replaced: dict[str, set[float]] = defaultdict(set)
    for event in events:
        if event.replaces is not None:
            replaced[event.uid].add(event.replaces)
    budget, found = _Budget(), []
    for event in events:
        if event.cancelled:
            continue
        without = event.without | (replaced[event.uid] if event.replaces is None else set())
        try:
            found += [each for each in _repetitions(event, start, end, budget) if each.start not in without]
        except OverflowError:
            faults.append(f"{event.title!r}: beyond the end of the calendar")
        if len(found) > MAX_OCCURRENCES:
            raise CalendarError(f"more than {MAX_OCCURRENCES} events in the time that counts")
    return Read(tuple(sorted(set(found))), tuple(faults[:MAX_FAULTS]))


def _repetitions(event: _Event, start: float, end: float, budget: _Budget) -> Iterator[Happening]:
    for moment in (*_moments(event, start, end, budget), *event.extra):
        last = replace_wall(moment, moment.wall + event.length)
        if moment.at < end and last.at > max(start, moment.at):
            yield Happening(moment.at, last.at, event.title)


def _moments(event: _Event, start: float, end: float, budget: _Budget) -> Iterator[_Moment]:
    if not event.rule:
        yield event.begin
        return
    rule = parse_rule(event.rule)
    until = _moment(rule.until, {}, event.begin.zone) if rule.until else None
    earliest = event.begin.zone.wall(start).date() - event.length - timedelta(days=2)
    bounds = Bounds(earliest, event.begin.zone.wall(end).date(), budget.spend)
    for wall in starts(rule, event.begin.wall, bounds):
        moment = replace_wall(event.begin, wall)
        if moment.at >= end or (until is not None and _is_after(moment, until)):
            return
        yield moment


def replace_wall(moment: _Moment, wall: datetime) -> _Moment:
    """Return the moment at another time on the same wall."""
    return _Moment(wall, moment.zone, moment.whole_day)


def _is_after(moment: _Moment, until: _Moment) -> bool:
    return moment.wall.date() > until.wall.date() if until.whole_day else moment.at > until.at


def _event(component: Component, zone: Zone) -> _Event:
    first = {prop.name: prop for prop in reversed(component)}
    if "DTSTART" not in first:
        raise CalendarError("without DTSTART")
    begin = _moment(first["DTSTART"].value, first["DTSTART"].parameters, zone)
    rule = first["RRULE"].value if "RRULE" in first else ""
    if rule:
        parsed = parse_rule(rule)  # a rule that is not understood is this event's fault, now
        if parsed.until:
            _moment(parsed.until, {}, zone)
    replaced = first.get("RECURRENCE-ID")
    return _Event(
        uid=first["UID"].value if "UID" in first else "",
        title=_title(component),
        begin=begin,
        length=_length(first, begin, zone),
        rule=rule,
        extra=tuple(_listed(component, "RDATE", zone)),
        without=frozenset(moment.at for moment in _listed(component, "EXDATE", zone)),
        replaces=_moment(replaced.value, replaced.parameters, zone).at if replaced else None,
        cancelled="STATUS" in first and first["STATUS"].value.upper() == "CANCELLED",
    )


def _listed(component: Component, name: str, zone: Zone) -> Iterator[_Moment]:
    for prop in component:
        if prop.name == name:
            if prop.parameters.get("VALUE") == "PERIOD":
                raise CalendarError(f"{name} with periods is not understood")
            yield from (_moment(text, prop.parameters, zone) for text in prop.value.split(","))


def _length(first: dict[str, Property], begin: _Moment, zone: Zone) -> timedelta:
    if "DTEND" in first:
        end = _moment(first["DTEND"].value, first["DTEND"].parameters, zone)
        wall = end.wall if end.zone == begin.zone else begin.zone.wall(end.at)
        length = wall - begin.wall
    elif "DURATION" in first:
        length = _duration(first["DURATION"].value)
    else:
        length = timedelta(days=1) if begin.whole_day else timedelta(0)
    if not timedelta(0) <= length <= timedelta(days=400):
        raise CalendarError("it ends before it begins, or lasts longer than 400 days")
    return length


def _duration(text: str) -> timedelta:
    match = _DURATION.fullmatch(text)
    if match is None or not any(match.groups()):
        raise CalendarError(f"{text[:40]!r} is not a duration")
    weeks, days, hours, minutes, seconds = (int(group or 0) for group in match.groups())
    return timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)


def _moment(text: str, parameters: dict[str, str], zone: Zone) -> _Moment:
    match = _DATE.fullmatch(text)
    if match is None:
        raise CalendarError(f"{text[:40]!r} is not a date or time")
    try:
        day = date(int(match[1]), int(match[2]), int(match[3]))
        clock = time(int(match[4]), int(match[5]), min(int(match[6]), 59)) if match[4] else time()
    except ValueError as error:
        raise CalendarError(f"{text[:40]!r} is not a date or time") from error
    if not 1970 <= day.year <= 2200:
        raise CalendarError(f"{text[:40]!r} is not between 1970 and 2200")
    wall = datetime.combine(day, clock)
    if match[7]:
        return _Moment(wall, _UTC, whole_day=False)
    return _Moment(wall, _zone(parameters["TZID"]) if "TZID" in parameters else zone, whole_day=match[4] is None)


def _own_zone(calendar: Component) -> Zone | None:
    named = next((prop.value for prop in calendar if prop.name == "X-WR-TIMEZONE"), "")
    return _zone(named) if named else None


def _zone(name: str) -> Zone:
    """Return the zone of a TZID; some programs put a prefix of their own before the IANA name."""
    parts = [part for part in name.split("/") if part]
    for candidate in (name, "/".join(parts[-2:]), "/".join(parts[-3:])):
        try:
            return Zone(candidate)
        except (KeyError, ValueError, OSError):
            continue
    raise CalendarError(f"{name[:60]!r} is not a time zone of the IANA database")


def _title(component: Component) -> str:
    text = next((prop.value for prop in component if prop.name == "SUMMARY"), "")
    return re.sub(r"\\(.)", lambda found: " " if found[1] in "nN" else found[1], text).strip()[:200]
