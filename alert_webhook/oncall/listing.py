"""Who is on call, as the API and the pages show it. Pure. Times are Unix seconds."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from alert_webhook.delivery.plain import ago
from alert_webhook.oncall.people import People
from alert_webhook.oncall.schedule import Schedule, gap_seconds, gaps, shifts, standing
from alert_webhook.oncall.wall import Zone

AHEAD_S = 7 * 86_400.0


class PersonShown(Struct, frozen=True):
    """A person: key in the configuration, and what to call them."""

    person: str
    name: str


class OnCallShown(Struct, frozen=True, kw_only=True):
    """One schedule now. `on_call` is None in a gap, `following` where one begins at `until` (None: no end in sight)."""

    schedule: str
    time_zone: str
    on_call: PersonShown | None
    by: str
    since: float | None
    until: float | None
    following: PersonShown | None
    gap_seconds: float  # of the next 7 days


class ShiftShown(Struct, frozen=True, kw_only=True):
    """One shift; `start` and `end` may be cut by the stretch that was asked for."""

    start: float
    end: float
    person: str
    name: str
    by: str


class StretchShown(Struct, frozen=True, kw_only=True):
    """A stretch of one schedule."""

    schedule: str
    time_zone: str
    shifts: tuple[ShiftShown, ...]
    gaps: tuple[tuple[float, float], ...]


def listing(schedules: Mapping[str, Schedule], people: People, at: float) -> list[OnCallShown]:
    """Return who is on call in every schedule."""
    return [now_shown(schedule, people, at) for schedule in schedules.values()]


def now_shown(schedule: Schedule, people: People, at: float) -> OnCallShown:
    """Return who is on call in one schedule, since when and until when, and who follows."""
    found = standing(schedule, at)
    return OnCallShown(
        schedule=schedule.name,
        time_zone=schedule.zone.name,
        on_call=_person(found.now.person, people),
        by=found.now.source,
        since=found.since,
        until=found.until,
        following=_person(found.following, people),
        gap_seconds=gap_seconds(schedule, at, at + AHEAD_S),
    )


def stretch(schedule: Schedule, people: People, start: float, end: float) -> StretchShown:
    """Return the shifts and gaps of a stretch."""
    found = [
        ShiftShown(start=each.start, end=each.end, person=each.person, name=_name(each.person, people), by=each.source)
        for each in shifts(schedule, start, end)
    ]
    return StretchShown(
        schedule=schedule.name,
        time_zone=schedule.zone.name,
        shifts=tuple(found),
        gaps=tuple((gap.start, gap.end) for gap in gaps(schedule, start, end)),
    )


def sentences(shown: Sequence[OnCallShown], now: float, zone: Zone) -> tuple[str, ...]:
    """Return a line for each schedule, as the page of incidents shows it, in the zone of its reader."""
    return tuple(_sentence(each, now, zone) for each in shown)


def _sentence(shown: OnCallShown, now: float, zone: Zone) -> str:
    who = shown.on_call.name if shown.on_call else "nobody"
    if shown.until is None:
        return f"{shown.schedule}: {who}"
    then = f", then {shown.following.name if shown.following else 'nobody'}"
    until = f"{zone.wall(shown.until):%Y-%m-%d %H:%M} {zone.called(shown.until)}"
    return f"{shown.schedule}: {who} until {until} ({ago(now - shown.until)}){then}"


def _person(key: str, people: People) -> PersonShown | None:
    return PersonShown(key, _name(key, people)) if key else None


def _name(key: str, people: People) -> str:
    return people[key].name if key in people else key
