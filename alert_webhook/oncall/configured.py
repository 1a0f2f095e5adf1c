"""What the configured calendars say, for commands that run beside the service: files as they are, URLs as last read."""

from collections.abc import Callable

from alert_webhook.config import Config
from alert_webhook.errors import CalendarError, StoreUnavailableError
from alert_webhook.oncall.calendars import CalendarFile, read_file, understood
from alert_webhook.oncall.remote_calendars import remote, stale_s
from alert_webhook.oncall.schedule import Override
from alert_webhook.store import calendar_copies
from alert_webhook.store.calendar_copies import Copy, Key
from alert_webhook.store.database import Transaction
from alert_webhook.store.opening import is_there, open_existing
from heronwatch.clock import SystemClock

HOUR_S = 3600.0


def from_calendars(config: Config, now: float, warn: Callable[[str], None]) -> dict[str, list[Override]]:
    """Return the overrides that the calendars hold; what is wrong with them is a warning. No URL is asked for."""
    found: dict[str, list[Override]] = {}
    copies = _copies(config, now, warn) if remote(config) else {}
    for schedule, each in config.schedules.items():
        for name, block in each.calendars.items():
            key = (schedule, name)
            try:
                if block.file is not None:
                    read = read_file(block.file, config.persons(), name=name, zone=each.time_zone, now=now)
                else:
                    read = _understood(copies.get(key), config, key, now)
            except CalendarError as error:
                warn(f"warning: schedules.{schedule}.calendars.{name}: {error}")
                continue
            for fault in read.faults:
                warn(f"warning: schedules.{schedule}.calendars.{name}: {fault}")
            found.setdefault(schedule, []).extend(read.overrides.overrides)
    return found


def stale(config: Config, copies: dict[Key, Copy], now: float) -> dict[Key, str]:
    """Return what is to be said of copies that are too old."""
    found: dict[Key, str] = {}
    for key, block in remote(config).items():
        copy = copies.get(key)
        age_s = stale_s(copy, block, now)
        if age_s is not None:
            age = "it was never read" if copy is None or copy.fetched_at is None else f"read {age_s / HOUR_S:.0f} h ago"
            found[key] = f"{age}{f' ({copy.trouble})' if copy and copy.trouble else ''}"
    return found


def _copies(config: Config, now: float, warn: Callable[[str], None]) -> dict[Key, bytes]:
    """Return the last good copies that the database has, and warn of those that are too old."""
    if not is_there(config.database):
        return {}
    wanted = remote(config)

    def read(tx: Transaction) -> tuple[dict[Key, Copy], dict[Key, bytes]]:
        contents = {key: calendar_copies.content(tx, key) for key in wanted}
        return calendar_copies.known(tx), {key: each for key, each in contents.items() if each is not None}

    store = open_existing(config.database, SystemClock())
    try:
        known, contents = store.read(read)
    except StoreUnavailableError as error:
        warn(f"warning: the database was not asked for copies of calendars: {error}")
        return {}
    finally:
        store.close()
    for (schedule, name), words in stale(config, known, now).items():
        warn(f"warning: schedules.{schedule}.calendars.{name}: {words}")
    return contents


def _understood(content: bytes | None, config: Config, key: Key, now: float) -> CalendarFile:
    if content is None:
        raise CalendarError("nothing is known of it yet; the engine reads its URL")
    schedule, name = key
    return understood(content, config.persons(), name=name, zone=config.schedules[schedule].time_zone, now=now)
