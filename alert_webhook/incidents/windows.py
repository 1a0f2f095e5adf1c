"""Maintenance windows as values: what they cover, and when. Pure."""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from alert_webhook.incidents.labels import LabelMatch
from alert_webhook.oncall.rotation import Window, inside, window_spans
from alert_webhook.oncall.span import united
from alert_webhook.oncall.wall import Zone

LOOK_AHEAD_S = 8 * 86_400.0  # every weekday comes within it


class Hours(Struct, frozen=True):
    """Hours that come again: `windows` on the wall of `zone`."""

    zone: str
    windows: tuple[Window, ...]


class MaintenanceWindow(Struct, frozen=True, kw_only=True):
    """From `start_at` up to but without `end_at`, Unix seconds; where it has hours, only in these.

    `id` is that of the database, 0 for a window of the configuration, whose name is then `title`.
    """

    id: int
    title: str
    match: LabelMatch
    start_at: float
    end_at: float
    hours: Hours | None = None
    created_by: str = ""
    ended_by: str = ""

    def active(self, at: float) -> bool:
        """Return whether it is maintenance at an instant."""
        if not self.start_at <= at < self.end_at:
            return False
        return self.hours is None or inside(self.hours.windows, Zone(self.hours.zone), at)

    def over_at(self, at: float) -> float:
        """Return when the maintenance that is on at `at` is over; `at` itself where it is off."""
        if not self.active(at):
            return at
        if self.hours is None:
            return self.end_at
        spans = window_spans(self.hours.windows, Zone(self.hours.zone), at, at + LOOK_AHEAD_S)
        ends = next((span.end for span in united(spans) if span.start <= at < span.end), self.end_at)
        return min(ends, self.end_at)

    def next_start(self, at: float) -> float | None:
        """Return when it is next on, None where it is on now, or not within eight days, or never again."""
        if self.active(at) or at >= self.end_at:
            return None
        if self.hours is None:
            return self.start_at
        begin = max(at, self.start_at)
        spans = united(window_spans(self.hours.windows, Zone(self.hours.zone), begin, begin + LOOK_AHEAD_S))
        starts = next((max(span.start, begin) for span in spans if span.end > begin), None)
        return starts if starts is not None and starts < self.end_at else None


def active_windows(windows: Iterable[MaintenanceWindow], at: float) -> Sequence[MaintenanceWindow]:
    """Return those that are on at an instant."""
    return [window for window in windows if window.active(at)]
