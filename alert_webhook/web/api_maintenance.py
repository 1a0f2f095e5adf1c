"""The JSON API about maintenance: `/api/v1/maintenance`. What a window stops and pages is `incidents.maintenance`."""

from flask import Blueprint, Response, g
from msgspec import Struct, field

from alert_webhook.escalation.asked import parse_time
from alert_webhook.incidents.labels import LabelMatch
from alert_webhook.incidents.maintenance import Listed, create_window, end_window, list_windows
from alert_webhook.incidents.windows import Hours, MaintenanceWindow
from alert_webhook.oncall.rotation import Window
from alert_webhook.oncall.wall import WEEKDAYS, TimeOfDay, Weekday, Zone
from alert_webhook.parts import Parts
from alert_webhook.rights import Caller
from alert_webhook.store import changes
from alert_webhook.web.answers import answer_json
from alert_webhook.web.bodies import Refused, body, row_id, same_site

EARLIEST, LATEST = 0.0, 7_258_118_400.0  # 1970 and 2200
MOST_HOURS = 20


class WeeklyHours(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hours of some weekdays; `to` that is not after `from` is the next day's."""

    days: tuple[Weekday, ...] = WEEKDAYS
    begins: str = field(name="from", default="00:00")
    to: str = "24:00"


class NewWindow(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of `POST /api/v1/maintenance`; a time without an offset, and hours, are those of `time_zone`."""

    title: str
    match: dict[str, str] = field(default_factory=dict)
    match_re: dict[str, str] = field(default_factory=dict)
    begins: str = field(name="from")
    to: str
    time_zone: str = "UTC"
    hours: tuple[WeeklyHours, ...] = ()


def add_maintenance_routes(blueprint: Blueprint, parts: Parts) -> None:
    """Add the routes."""

    @blueprint.get("/maintenance")
    def windows() -> Response:
        return answer_json({"windows": [_shown(each) for each in list_windows(parts)]})

    @blueprint.post("/maintenance")
    def new_window() -> Response:
        asked = body(NewWindow, parts.public_url)
        try:
            made = create_window(parts, window_of(asked), who=g.caller.name)
        except (ValueError, OverflowError) as error:
            raise Refused(422, str(error)) from error
        _note(parts, g.caller, "maintenance announced", f"{made.id} {made.title}")
        return answer_json({"id": made.id}, 201)

    @blueprint.delete("/maintenance/<int:window_id>")
    def end(window_id: int) -> Response:
        same_site(parts.public_url)
        ended = end_window(parts, row_id(window_id), who=g.caller.name)
        if ended is None:
            raise Refused(404, "no such window that is not over; those of the configuration are changed there")
        _note(parts, g.caller, "maintenance ended", f"{ended.id} {ended.title}")
        return answer_json({"id": ended.id})


def window_of(asked: NewWindow) -> MaintenanceWindow:
    """Return the window that a body asks for; ValueError says what cannot be read."""
    zone = Zone.parse(asked.time_zone)
    if len(asked.hours) > MOST_HOURS:
        raise ValueError(f"hours: at most {MOST_HOURS}")
    hours = tuple(_hours(each) for each in asked.hours)
    return MaintenanceWindow(
        id=0,
        title=asked.title,
        match=LabelMatch(asked.match, asked.match_re),
        start_at=_instant(asked.begins, zone),
        end_at=_instant(asked.to, zone),
        hours=Hours(zone.name, hours) if hours else None,
    )


def _hours(each: WeeklyHours) -> Window:
    if not each.days:
        raise ValueError("hours: name at least one day")
    days = frozenset(WEEKDAYS.index(day) for day in each.days)
    return Window(days, int(TimeOfDay.parse(each.begins)), int(TimeOfDay.parse(each.to)))


def _instant(text: str, zone: Zone) -> float:
    found = parse_time(text or "nothing", zone=zone, now=0.0)
    if not EARLIEST <= found <= LATEST:
        raise ValueError("times are from 1970 to 2200")
    return found


def _note(parts: Parts, caller: Caller, action: str, what: str) -> None:
    parts.store.write(lambda tx: changes.note(tx, action, what, who=caller.name, via=caller.via), "change")


def _shown(each: Listed) -> dict[str, object]:
    window = each.window
    return {
        "id": window.id,
        "title": window.title,
        "match": window.match.equal,
        "match_re": window.match.patterns,
        "from": _bounded(window.start_at),
        "to": _bounded(window.end_at),
        "time_zone": window.hours.zone if window.hours else None,
        "hours": [_shown_hours(hours) for hours in window.hours.windows] if window.hours else [],
        "created_by": window.created_by,
        "active": each.active,
        "changes_at": each.changes_at,
    }


def _bounded(at: float) -> float | None:
    """Return a time, None for one that stands for "always"."""
    return at if EARLIEST <= at <= LATEST else None


def _shown_hours(hours: Window) -> dict[str, object]:
    days = [day for number, day in enumerate(WEEKDAYS) if number in hours.days]
    return {"days": days, "from": _clock(hours.begins), "to": _clock(hours.ends)}


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
