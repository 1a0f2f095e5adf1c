"""Who has which shift of a rotation, and when: wall-clock arithmetic, without end in both directions. Pure."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from msgspec import Struct

from alert_webhook.oncall.span import Span
from alert_webhook.oncall.wall import Zone, at_minute

SHORTEST_SHIFT = timedelta(hours=4)  # longer than any change of clocks (Antarctica/Troll: 2 h), so that none is lost


class Rotation(Struct, frozen=True):
    """People take turns. `anchor` is the wall time at which the first of them began a shift; `length` is wall time too.

    A shift of a week goes from Monday 09:00 to Monday 09:00 on the wall, whatever the clocks do in between.
    """

    people: tuple[str, ...]
    zone: Zone
    anchor: datetime
    length: timedelta

    def start_of(self, number: int) -> float:
        """Return when shift `number` begins; the first person's first one is 0."""
        return self.zone.instant(self.anchor + number * self.length)

    def person_of(self, number: int) -> str:
        """Return who has shift `number`."""
        return self.people[number % len(self.people)]

    def number_at(self, at: float) -> int:
        """Return the number of the shift at an instant: the wall's answer, put right beside a change of clocks."""
        number = (self.zone.wall(at) - self.anchor) // self.length
        while self.start_of(number) > at:
            number -= 1
        while self.start_of(number + 1) <= at:
            number += 1
        return number

    def person_at(self, at: float) -> str:
        """Return who is on call at an instant."""
        return self.person_of(self.number_at(at))

    def turns(self, start: float, end: float) -> Iterator[tuple[str, Span]]:
        """Yield the shifts that touch a stretch, whole and in order."""
        number = self.number_at(start)
        begins = self.start_of(number)
        while begins < end:
            ends = self.start_of(number + 1)
            yield self.person_of(number), Span(begins, ends)
            number, begins = number + 1, ends


class Window(Struct, frozen=True):
    """Hours of some weekdays: from `begins` to `ends`, minutes after midnight.

    An `ends` that is not after `begins` is the next day's: 18:00 to 08:00 is a night, counted as the day it begins.
    """

    days: frozenset[int]  # 0 is Monday
    begins: int
    ends: int

    def on(self, zone: Zone, midnight: datetime) -> Span | None:
        """Return the hours that begin on this day, None where its weekday has none."""
        if midnight.weekday() not in self.days:
            return None
        nights = 0 if self.ends > self.begins else 1
        last = at_minute(midnight.date() + timedelta(days=nights), self.ends)
        return Span(zone.instant(at_minute(midnight.date(), self.begins)), zone.instant(last))


def window_spans(windows: tuple[Window, ...], zone: Zone, start: float, end: float) -> Iterator[Span]:
    """Yield the hours of windows that touch a stretch, in no order."""
    day = zone.wall(start).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=2)
    last = zone.wall(end) + timedelta(days=1)
    while day <= last:
        for window in windows:
            span = window.on(zone, day)
            if span and span.start < end and span.end > start:
                yield span
        day += timedelta(days=1)


def inside(windows: tuple[Window, ...], zone: Zone, at: float) -> bool:
    """Return whether an instant lies in one of the windows."""
    return any(span.start <= at < span.end for span in window_spans(windows, zone, at, at + 1))
