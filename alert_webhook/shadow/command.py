"""`heronwatch webhook shadow`: who would have been paged by integrations in shadow mode, when and why."""

import argparse
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import msgspec

from alert_webhook.administration import Terminal
from alert_webhook.config import Config
from alert_webhook.shadow.report import Day, bounds, lines, why
from alert_webhook.store import shadowed
from alert_webhook.store.opening import open_existing
from heronwatch.clock import SystemClock
from heronwatch.commands import EXIT_FAULT, EXIT_OK
from heronwatch.config import load
from heronwatch.errors import HeronwatchError


def day_of(text: str) -> date:
    """Return the day that an argument names; ArgumentTypeError for none.

    >>> day_of("2026-03-01")
    datetime.date(2026, 3, 1)
    """
    if text == "today":
        return datetime.now(UTC).date()
    if text == "yesterday":
        return datetime.now(UTC).date() - timedelta(days=1)
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no day: write 2026-03-01, today or yesterday") from error


def show(files: Sequence[str], day: date, *, as_json: bool, terminal: Terminal) -> int:
    """Print the report of one day, which is counted in UTC; exit status 1 when the database cannot be read."""
    begins, ends = bounds(day)
    try:
        store = open_existing(load(files, Config).value.database, SystemClock())
        try:
            found = Day(day, store.read(lambda tx: shadowed.kept_back(tx, begins, ends)))
        finally:
            store.close()
    except HeronwatchError as error:
        terminal.warn(str(error))
        return EXIT_FAULT
    for line in as_text(found, as_json=as_json):
        terminal.say(line)
    return EXIT_OK


def as_text(found: Day, *, as_json: bool) -> list[str]:
    """Return what is printed: lines for people, or one JSON object for each message."""
    if not as_json:
        return lines(found)
    each = [{**msgspec.structs.asdict(message), "why": why(message)} for message in found.messages]
    return [msgspec.json.encode(message).decode() for message in each]
