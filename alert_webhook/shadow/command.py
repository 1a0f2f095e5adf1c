"""`heronwatch webhook shadow`: who would have been paged by integrations in shadow mode, when and why."""

from collections.abc import Sequence
from datetime import date, timedelta

import msgspec

from alert_webhook.administration import Terminal
from alert_webhook.config import Config
from alert_webhook.oncall.wall import Zone
from alert_webhook.shadow.report import Day, bounds, lines, why
from alert_webhook.store import shadowed
from alert_webhook.store.opening import open_existing
from heronwatch.clock import Clock
from heronwatch.commands import EXIT_FAULT, EXIT_OK, EXIT_USAGE
from heronwatch.config import load
from heronwatch.errors import HeronwatchError


def day_of(text: str, today: date) -> date:
    """Return the day that an argument names; ValueError for none.

    >>> day_of("2026-03-01", date(2026, 3, 3)), day_of("yesterday", date(2026, 3, 1))
    (datetime.date(2026, 3, 1), datetime.date(2026, 2, 28))
    """
    if text == "today":
        return today
    if text == "yesterday":
        return today - timedelta(days=1)
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is no day: write 2026-03-01, today or yesterday") from error


def show(files: Sequence[str], day: str, *, as_json: bool, terminal: Terminal, clock: Clock) -> int:
    """Print the report of one day (of the configuration's time zone).

    Return the exit status: 1 when the database cannot be read, 2 where `day` is none.
    """
    try:
        config = load(files, Config).value
        zone = config.common_zone()
        wanted = day_of(day, zone.wall(clock.now()).date())
        found = _read(config, wanted, clock)
    except HeronwatchError as error:
        terminal.warn(str(error))
        return EXIT_FAULT
    except ValueError as error:
        terminal.warn(str(error))
        return EXIT_USAGE
    for line in as_text(found, zone, as_json=as_json):
        terminal.say(line)
    return EXIT_OK


def _read(config: Config, day: date, clock: Clock) -> Day:
    begins, ends = bounds(day, config.common_zone())
    store = open_existing(config.database, clock)
    try:
        return Day(day, store.read(lambda tx: shadowed.kept_back(tx, begins, ends)))
    finally:
        store.close()


def as_text(found: Day, zone: Zone, *, as_json: bool) -> list[str]:
    """Return what is printed: lines for people, or one JSON object for each message."""
    if not as_json:
        return lines(found, zone)
    each = [{**msgspec.structs.asdict(message), "why": why(message)} for message in found.messages]
    return [msgspec.json.encode(message).decode() for message in each]
