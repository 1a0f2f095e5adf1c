"""The configuration's blocks about schedules and hours. Every key is explained in docs/webhook/on-call.md."""

from datetime import timedelta
from pathlib import Path

from msgspec import field

from alert_webhook.config_block import Block, Faults
from alert_webhook.delivery.reachable import url_fault
from alert_webhook.oncall.rotation import SHORTEST_SHIFT, Rotation, Window
from alert_webhook.oncall.schedule import FOREVER, Layer, Override, Schedule
from alert_webhook.oncall.wall import LAST_MINUTE, WEEKDAYS, Day, TimeOfDay, WallTime, Weekday, Zone, at_minute
from alert_webhook.watch.blocks import ShiftTestBlock
from heronwatch.secrets import Secret
from heronwatch.values import Duration, HttpUrl, Network

DAY, WEEK = timedelta(days=1), timedelta(weeks=1)
A_MONDAY = Day(2024, 1, 1)
SHORTEST_WAIT, LONGEST_TIMEOUT = Duration(60), Duration(120)


class WindowBlock(Block, frozen=True, kw_only=True):
    """Hours of some weekdays; `to` that is not after `from` is the next day's."""

    days: tuple[Weekday, ...] = WEEKDAYS
    begins: TimeOfDay = field(default=TimeOfDay(0), name="from")
    to: TimeOfDay = TimeOfDay(LAST_MINUTE)

    def config_faults(self) -> Faults:
        """Check that there is a day, and that the hours begin on it."""
        if not self.days:
            yield "days", "name at least one day"
        if self.begins == LAST_MINUTE:
            yield "from", "24:00 is the end of a day: write 00:00 of the next"

    def window(self) -> Window:
        """Return the hours as schedules use them."""
        return Window(frozenset(WEEKDAYS.index(day) for day in self.days), int(self.begins), int(self.to))


class LayerBlock(Block, frozen=True, kw_only=True):
    """People who take turns; the first layer of a schedule that has somebody counts."""

    people: tuple[str, ...]
    name: str = ""
    every: Duration = Duration(7 * 86_400)
    at: TimeOfDay = TimeOfDay(9 * 60)
    weekday: Weekday | None = None
    start: Day = A_MONDAY  # the first person's first shift begins on this day, or on the first `weekday` after it
    time_zone: Zone | None = None
    only: tuple[WindowBlock, ...] = ()
    begins: WallTime | None = field(default=None, name="from")
    until: WallTime | None = None

    def config_faults(self) -> Faults:
        """Check that somebody takes turns, long enough ones, and that the layer's time is not empty."""
        if not self.people:
            yield "people", "name at least one person"
        if timedelta(seconds=self.every) < SHORTEST_SHIFT or self.every % 60:
            yield "every", f"expected whole minutes, 4h or more, found {self.every}"
        if self.weekday is not None and timedelta(seconds=self.every) % WEEK:
            yield "weekday", f"hand-overs every {self.every} are not always on one weekday: leave it out"
        if self.at == LAST_MINUTE:
            yield "at", "24:00 is the end of a day: write 00:00"
        if self.begins is not None and self.until is not None and self.begins >= self.until:
            yield "until", "it ends before it begins"

    def layer(self, number: int, zone: Zone) -> Layer:
        """Return the layer as schedules use it; `number` names it where it has no name."""
        zone = self.time_zone or zone
        return Layer(
            name=self.name or str(number),
            rotation=Rotation(self.people, zone, at_minute(self._first_day(), self.at), timedelta(seconds=self.every)),
            windows=tuple(each.window() for each in self.only),
            begins=-FOREVER if self.begins is None else zone.instant(self.begins),
            ends=FOREVER if self.until is None else zone.instant(self.until),
        )

    def _first_day(self) -> Day:
        if self.weekday is None:
            return self.start
        later = self.start + timedelta(days=(WEEKDAYS.index(self.weekday) - self.start.weekday()) % 7)
        return Day(later.year, later.month, later.day)


class OverrideBlock(Block, frozen=True, kw_only=True):
    """Somebody is on call instead of whom the layers say, or instead of one person only."""

    person: str
    begins: WallTime = field(name="from")
    to: WallTime
    instead_of: str = ""

    def config_faults(self) -> Faults:
        """Check that it ends after it begins."""
        if self.begins >= self.to:
            yield "to", "it ends before it begins"

    def override(self, zone: Zone) -> Override:
        """Return the override as schedules use it."""
        return Override(self.person, zone.instant(self.begins), zone.instant(self.to), self.instead_of)


class CalendarBlock(Block, frozen=True, kw_only=True):
    """An iCalendar file whose events are overrides: an event's title is a person's key, name or address.

    It is a file of this machine, or read from `url`, which whoever knows it may read, too: it is kept like a password.
    """

    file: Path | None = None
    url: Secret | None = None
    every: Duration = Duration(900)  # how often the URL is asked for
    timeout: Duration = Duration(20)  # the whole of one attempt
    stale_after: Duration = Duration(86_400)  # a copy that is older is complained about
    allowed_networks: tuple[Network, ...] = ()
    ca_file: Path | None = None  # certificates to trust in place of the public ones

    def config_faults(self) -> Faults:
        """Check that there is one source, and that it is one we may and can reach."""
        if (self.file is None) == (self.url is None):
            yield "", "give either file or url"
        if self.url is not None and (fault := _address_fault(self.url, self.allowed_networks)):
            yield "url", fault
        if self.every < SHORTEST_WAIT:
            yield "every", f"expected {SHORTEST_WAIT} or more, found {self.every}"
        if not Duration(1) <= self.timeout <= LONGEST_TIMEOUT:
            yield "timeout", f"expected 1s to {LONGEST_TIMEOUT}, found {self.timeout}"
        if self.stale_after < self.every:
            yield "stale_after", f"expected every ({self.every}) or more, found {self.stale_after}"


def _address_fault(url: Secret, allowed: tuple[Network, ...]) -> str | None:
    """Return what is wrong with a URL, in words that do not hold it."""
    try:
        parsed = HttpUrl.parse(url.reveal())
    except ValueError:
        return "expected a URL that begins with https:// (write it as {file: …} where others may read this)"
    return url_fault(parsed, allowed)


class ScheduleBlock(Block, frozen=True, kw_only=True):
    """Who is on call when."""

    time_zone: Zone
    layers: tuple[LayerBlock, ...] = ()
    overrides: tuple[OverrideBlock, ...] = ()
    calendars: dict[str, CalendarBlock] = field(default_factory=dict)
    handover: bool = False  # tell both people when a shift begins
    shift_test: ShiftTestBlock | None = None

    def config_faults(self) -> Faults:
        """Check that it can have somebody at all, and that layers can be told apart."""
        if not self.layers and not self.calendars:
            yield "layers", "give at least one layer, or a calendar"
        names: set[str] = set()
        for index, layer in enumerate(self.layers):
            name = layer.name or str(index + 1)
            if name in names:
                yield f"layers[{index}].name", f"a second layer named {name!r}"
            names.add(name)

    def schedule(self, name: str) -> Schedule:
        """Return the schedule under this name; calendars and overrides made later are added by `oncall.current`."""
        layers = tuple(layer.layer(number, self.time_zone) for number, layer in enumerate(self.layers, 1))
        overrides = tuple(each.override(self.time_zone) for each in self.overrides)
        return Schedule(name, self.time_zone, layers, overrides)
