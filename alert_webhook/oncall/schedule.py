"""Who is on call: layers in order of precedence, overrides above them; whose shift, until when, and where nobody is.

Pure: a schedule and a time in, people and shifts out. `on_call` answers for one moment, `shifts` for a stretch; a
property test holds the two equal.
"""

from collections.abc import Collection

from msgspec import Struct
from msgspec.structs import replace

from alert_webhook.oncall.rotation import Rotation, Window, inside, window_spans
from alert_webhook.oncall.span import Shift, Span, clipped, holes, joined, overlaid, united, within
from alert_webhook.oncall.wall import Zone

FOREVER = float("inf")
DAY_S = 86_400.0
HORIZONS_S = (8 * DAY_S, 62 * DAY_S, 370 * DAY_S)  # how far ahead the next change is looked for


class Layer(Struct, frozen=True):
    """One rotation, in force from `begins` to `ends` and, where there are windows, in their hours only."""

    name: str
    rotation: Rotation
    windows: tuple[Window, ...] = ()
    begins: float = -FOREVER
    ends: float = FOREVER

    def in_force(self, at: float) -> bool:
        """Return whether this layer has somebody at an instant."""
        if not self.begins <= at < self.ends:
            return False
        return not self.windows or inside(self.windows, self.rotation.zone, at)

    def shifts(self, start: float, end: float) -> list[Shift]:
        """Return the layer's shifts inside a stretch, in order."""
        start, end = max(start, self.begins), min(end, self.ends)
        if start >= end:
            return []
        source = f"layer {self.name}"
        turns = self.rotation.turns(start, end)
        whole = [Shift(max(span.start, start), min(span.end, end), person, source) for person, span in turns]
        if not self.windows:
            return whole
        return within(whole, united(window_spans(self.windows, self.rotation.zone, start, end)))


class Override(Struct, frozen=True):
    """Somebody is on call from `start` to `end`, before all layers; with `instead_of` only in that one's place."""

    person: str
    start: float
    end: float
    instead_of: str = ""
    source: str = "override"


class Schedule(Struct, frozen=True):
    """Layers, the first that has somebody counts; overrides, of which a later one counts before an earlier one."""

    name: str
    zone: Zone
    layers: tuple[Layer, ...]
    overrides: tuple[Override, ...] = ()


class OnCall(Struct, frozen=True):
    """Who is on call at a moment, and by what; `person` is "" where nobody is."""

    person: str
    source: str


class Standing(Struct, frozen=True):
    """Who is on call now and who is next.

    `since` and `until` are those of this person's time on call, None where no change lies within a year; `following`
    is "" where nobody is on call from `until` on.
    """

    now: OnCall
    since: float | None
    until: float | None
    following: str


def on_call(schedule: Schedule, at: float) -> OnCall:
    """Return who is on call at an instant."""
    layer = next((layer for layer in schedule.layers if layer.in_force(at)), None)
    found = OnCall(layer.rotation.person_at(at), f"layer {layer.name}") if layer else OnCall("", "")
    for override in schedule.overrides:
        if override.start <= at < override.end and override.instead_of in {"", found.person}:
            found = OnCall(override.person, override.source)
    return found


def shifts(schedule: Schedule, start: float, end: float) -> list[Shift]:
    """Return who is on call in a stretch, in order and without overlap; where nobody is, there is no shift."""
    found: list[Shift] = []
    for layer in reversed(schedule.layers):
        found = overlaid(found, layer.shifts(start, end), start, end)
    for override in schedule.overrides:
        found = overlaid(found, _taken_over(found, override, start, end), start, end)
    return joined(found)


def gaps(schedule: Schedule, start: float, end: float) -> list[Span]:
    """Return when in a stretch nobody is on call."""
    return holes(united(Span(shift.start, shift.end) for shift in shifts(schedule, start, end)), start, end)


def gap_seconds(schedule: Schedule, start: float, end: float) -> float:
    """Return for how many seconds of a stretch nobody is on call."""
    return sum(gap.end - gap.start for gap in gaps(schedule, start, end))


def standing(schedule: Schedule, at: float) -> Standing:
    """Return who is on call at an instant, since when, until when, and who follows."""
    now = on_call(schedule, at)
    for horizon_s in HORIZONS_S:
        turns = by_person(schedule, at - horizon_s, at + horizon_s)
        number = next(index for index, turn in enumerate(turns) if turn.start <= at < turn.end)
        if number + 1 < len(turns) and (number > 0 or horizon_s == HORIZONS_S[-1]):
            since = turns[number].start if number else None
            return Standing(now, since, turns[number].end, turns[number + 1].person)
    return Standing(now, turns[number].start if number else None, None, "")


def by_person(schedule: Schedule, start: float, end: float) -> list[Shift]:
    """Return a stretch without holes: one shift for each time on call, whatever by, and one of "" for each gap."""
    empty = [Shift(gap.start, gap.end, "", "") for gap in gaps(schedule, start, end)]
    everything = sorted([*shifts(schedule, start, end), *empty], key=lambda shift: shift.start)
    return joined(replace(shift, source="") for shift in everything)


def without_strangers(schedule: Schedule, known: Collection[str]) -> Schedule:
    """Return the schedule without overrides for people who are no longer configured."""
    kept = tuple(override for override in schedule.overrides if override.person in known)
    return replace(schedule, overrides=kept)


def _taken_over(below: list[Shift], override: Override, start: float, end: float) -> list[Shift]:
    mine = clipped(Shift(override.start, override.end, override.person, override.source), start, end)
    if mine is None:
        return []
    if not override.instead_of:
        return [mine]
    theirs = [clipped(shift, mine.start, mine.end) for shift in below if shift.person == override.instead_of]
    return [Shift(part.start, part.end, mine.person, mine.source) for part in theirs if part]
