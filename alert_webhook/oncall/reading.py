"""In which time zone people read times, where they name none of their own. Pure."""

from collections.abc import Mapping

from alert_webhook.oncall.blocks import ScheduleBlock
from alert_webhook.oncall.people import People, holder
from alert_webhook.oncall.wall import Zone

UTC = "UTC"


def zone_of(name: str, people: People, common: Zone) -> Zone:
    """Return in which zone somebody of this name reads times: a person (key or name), or a user."""
    key = holder(people, name)
    return Zone(people[key].time_zone) if key else common


def common_zone(zone: Zone | None, schedules: Mapping[str, ScheduleBlock]) -> Zone:
    """Return the zone of everybody about whom nothing better is known: `zone`, else the one that all schedules have."""
    if zone is not None:
        return zone
    names = {schedule.time_zone.name for schedule in schedules.values()}
    return Zone(names.pop() if len(names) == 1 else UTC)


def zones_of_turns(schedules: Mapping[str, ScheduleBlock]) -> dict[str, Zone]:
    """Return in whose zone people take turns: that of the first layer that names them."""
    found: dict[str, Zone] = {}
    for schedule in schedules.values():
        for layer in schedule.layers:
            for person in layer.people:
                found.setdefault(person, layer.time_zone or schedule.time_zone)
    return found
