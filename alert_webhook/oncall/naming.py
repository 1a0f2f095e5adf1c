"""What a step's `notify` may name: a person, one contact of a person, or whoever is on call in a schedule. Pure."""

from collections.abc import Mapping

from msgspec import Struct

from alert_webhook.oncall.schedule import Schedule, on_call

SCHEDULE = "schedule:"


class Named(Struct, frozen=True):
    """Whom an entry means: `who` is "ana" or "ana/phone", "" where nobody is meant; `why` says how it came to that."""

    who: str
    why: str = ""


def schedule_of(entry: str) -> str | None:
    """Return the schedule that an entry names, None where it names a person.

    >>> schedule_of("schedule:network"), schedule_of("ana")
    ('network', None)
    """
    return entry.removeprefix(SCHEDULE) if entry.startswith(SCHEDULE) else None


def named(entry: str, schedules: Mapping[str, Schedule], at: float) -> Named:
    """Return whom an entry of `notify` means at an instant."""
    name = schedule_of(entry)
    if name is None:
        return Named(entry)
    if name not in schedules:
        return Named("", f"there is no schedule {name} any more")
    found = on_call(schedules[name], at)
    if not found.person:
        return Named("", f"nobody is on call in {name}")
    return Named(found.person, f"on call in {name}, {found.source}")
