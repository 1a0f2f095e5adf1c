"""Calendar files → overrides in the database: read when they change, and daily; a bad file leaves the old ones."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from msgspec import Struct

from alert_webhook.config import Config
from alert_webhook.errors import CalendarError
from alert_webhook.oncall.ical_lines import MAX_BYTES
from alert_webhook.oncall.ical_read import read_calendar
from alert_webhook.oncall.matching import Matched, matched
from alert_webhook.oncall.people import People
from alert_webhook.oncall.wall import Zone
from alert_webhook.store import overrides
from alert_webhook.store.database import Store
from heronwatch.logs import get_logger

DAY_S = 86_400.0
BEHIND_S, AHEAD_S = 32 * DAY_S, 370 * DAY_S
AGAIN_S = DAY_S  # repetitions come into view without any change of the file


class CalendarFile(Struct, frozen=True):
    """What a calendar says: overrides, and what in it could not be used, in words."""

    overrides: Matched
    faults: tuple[str, ...]


def read_file(path: Path, people: People, *, name: str, zone: Zone, now: float) -> CalendarFile:
    """Return what a calendar file says about the time around `now`; CalendarError when it cannot be read."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise CalendarError(f"{path}: {error.strerror or error}") from error
    try:
        found = understood(content, people, name=name, zone=zone, now=now)
    except CalendarError as error:
        raise CalendarError(f"{path}: {error}") from error
    return CalendarFile(found.overrides, tuple(f"{path}: {fault}" for fault in found.faults))


def understood(content: bytes, people: People, *, name: str, zone: Zone, now: float) -> CalendarFile:
    """Return what a calendar says about the time around `now`; CalendarError when it is none, or is too much."""
    found = read_calendar(content, zone=zone, start=now - BEHIND_S, end=now + AHEAD_S)
    meant = matched(found.happenings, people, source=f"calendar {name}")
    strangers = [f"{title!r} is the key, name or address of nobody" for title in meant.unknown[:10]]
    return CalendarFile(meant, (*found.faults, *strangers))


class Calendars:
    """Keeps the database's copy of every configured calendar up to date; `refresh` is cheap where nothing changed."""

    def __init__(self, store: Store, settings: Callable[[], Config]) -> None:
        self._store = store
        self._settings = settings
        self._seen: dict[tuple[str, str], tuple[object, ...]] = {}
        self._known: set[tuple[str, str]] | None = None
        self._read_at: dict[tuple[str, str], float] = {}
        self._log = get_logger("heronwatch.webhook.calendars")

    def refresh(self, now: float) -> bool:
        """Read what changed since it was read last; return whether anything was. StoreUnavailableError as ever."""
        config, changed = self._settings(), False
        every = {
            (schedule, name): (block.file, each.time_zone)
            for schedule, each in config.schedules.items()
            for name, block in each.calendars.items()
        }
        if self._known is None or set(every) != self._known:
            self._forget_others(set(every))
        wanted = {key: (path, zone) for key, (path, zone) in every.items() if path is not None}
        for key, (path, zone) in wanted.items():
            mark = (_mark(path), zone.name, tuple(config.people))
            if mark == self._seen.get(key) and now - self._read_at.get(key, 0.0) < AGAIN_S:
                continue
            changed = self._take(key, path, zone, config, now) or changed
            self._seen[key], self._read_at[key] = mark, now
        return changed

    def _forget_others(self, wanted: set[tuple[str, str]]) -> None:
        """Forget what calendars said that are no longer configured, be it since the process before this one."""
        for schedule, name in sorted(self._store.read(overrides.calendars) - wanted):
            self._store.write(partial(overrides.forget_calendar, schedule=schedule, calendar=name), "calendars")
        self._seen = {key: mark for key, mark in self._seen.items() if key in wanted}
        self._known = wanted

    def _take(self, key: tuple[str, str], path: Path, zone: Zone, config: Config, now: float) -> bool:
        schedule, name = key
        try:
            found = read_file(path, config.persons(), name=name, zone=zone, now=now)
        except CalendarError as error:
            self._log.error("a calendar was not read, what it said before stays", schedule=schedule, reason=str(error))
            return False
        for fault in found.faults:
            self._log.warning("a part of a calendar was not used", schedule=schedule, reason=fault)
        own = found.overrides.overrides
        self._store.write(lambda tx: overrides.replace_calendar(tx, schedule, name, own), "calendars")
        return True


def _mark(path: Path) -> tuple[int, ...]:
    try:
        found = os.stat(path)  # noqa: PTH116  # the file is only looked at
    except OSError:
        return ()
    return found.st_mtime_ns, found.st_size, found.st_ino
