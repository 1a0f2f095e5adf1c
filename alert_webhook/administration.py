"""What the commands of `heronwatch webhook` share, and `check`: the configuration is read, its faults are shown."""

import secrets
from collections.abc import Callable, Sequence, Sized
from itertools import chain

from msgspec import Struct

from alert_webhook.config import Config
from alert_webhook.errors import WebhookError
from alert_webhook.incidents import checks as incident_checks
from alert_webhook.live import make_channels
from alert_webhook.oncall import coverage
from alert_webhook.oncall.configured import from_calendars
from alert_webhook.oncall.current import with_overrides
from alert_webhook.service import Seams, open_database
from alert_webhook.store import file_checks
from alert_webhook.store.database import Store
from alert_webhook.store.opening import require
from alert_webhook.watch import checks as watch_checks
from heronwatch.clock import SystemClock
from heronwatch.commands import EXIT_FAULT, EXIT_OK
from heronwatch.config import load
from heronwatch.errors import HeronwatchError


class Terminal(Struct, frozen=True):
    """Where results and warnings go."""

    say: Callable[[str], None]
    warn: Callable[[str], None]


def check(files: Sequence[str], terminal: Terminal) -> int:
    """Print every fault of the configuration, or what it says in one line; warnings go to stderr."""
    try:
        loaded = load(files, Config)
        for channel in make_channels(loaded, public_url="", random=secrets.token_bytes, now=SystemClock().now).values():
            channel.close()
    except HeronwatchError as error:
        terminal.warn(str(error))
        return EXIT_FAULT
    for warning in loaded.warnings:
        terminal.warn(f"warning: {warning}")
    config, now = loaded.value, SystemClock().now()
    schedules = with_overrides(config, from_calendars(config, now, terminal.warn))
    said = (coverage.warnings(config, schedules, now), incident_checks.warnings(config), watch_checks.warnings(config))
    for line in chain(*said, file_checks.warnings(config.database)):
        terminal.warn(f"warning: {line}")
    if config.public_url is None:
        terminal.warn("warning: public_url is not set: messages carry no ack link")
    counted: tuple[tuple[str, Sized], ...] = (
        ("integration", config.integrations),
        ("person", config.people),
        ("policy", config.policies),
        ("channel", config.channels),
        *([("schedule", config.schedules)] if config.schedules else []),
    )
    terminal.say("ok: " + ", ".join(f"{len(values)} {name}(s)" for name, values in counted))
    return EXIT_OK


def with_store(
    files: Sequence[str], terminal: Terminal, work: Callable[[Store], int | None], *, create: bool = False
) -> int:
    """Open the configured database, do `work` on it and return its exit status (None: 0).

    Where there is none it is a fault, unless the command may `create` it.
    """
    try:
        database = load(files, Config).value.database
        if not create:
            require(database)
        store = open_database(database, Seams(clock=SystemClock()))
    except HeronwatchError as error:
        terminal.warn(str(error))
        return EXIT_FAULT
    try:
        return work(store) or EXIT_OK
    except WebhookError as error:
        terminal.warn(str(error))
        return EXIT_FAULT
    finally:
        store.close()
