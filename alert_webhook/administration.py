"""What `heronwatch webhook` does besides serving: check the configuration, keep local users."""

import secrets
from collections.abc import Callable, Sequence, Sized

from msgspec import Struct

from alert_webhook.config import Config
from alert_webhook.errors import WebhookError
from alert_webhook.live import make_channels
from alert_webhook.oncall import coverage
from alert_webhook.oncall.calendars import from_files
from alert_webhook.oncall.current import with_overrides
from alert_webhook.passwords import MIN_CHARACTERS, hash_password
from alert_webhook.service import Seams, open_database
from alert_webhook.store import accounts
from alert_webhook.store.database import Store
from heronwatch.clock import SystemClock
from heronwatch.commands import EXIT_FAULT, EXIT_OK, EXIT_USAGE
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
    schedules = with_overrides(config, from_files(config, now, terminal.warn))
    for line in coverage.warnings(config, schedules, now):
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


def add_user(files: Sequence[str], name: str, password: str, terminal: Terminal) -> int:
    """Add a local user, or give one a new password."""
    if len(password) < MIN_CHARACTERS:
        terminal.warn(f"no user added: a password has at least {MIN_CHARACTERS} characters, this one {len(password)}")
        return EXIT_USAGE
    hashed = hash_password(password)
    return _with_store(
        files, terminal, lambda store: store.write(lambda tx: accounts.save_user(tx, name, hashed), "user")
    )


def list_users(files: Sequence[str], terminal: Terminal) -> int:
    """Print the names of the local users."""

    def show(store: Store) -> None:
        for name in store.read(accounts.user_names):
            terminal.say(name)

    return _with_store(files, terminal, show)


def _with_store(files: Sequence[str], terminal: Terminal, work: Callable[[Store], None]) -> int:
    try:
        store = open_database(load(files, Config).value.database, Seams(clock=SystemClock()))
    except HeronwatchError as error:
        terminal.warn(str(error))
        return EXIT_FAULT
    try:
        work(store)
    except WebhookError as error:
        terminal.warn(str(error))
        return EXIT_FAULT
    finally:
        store.close()
    return EXIT_OK
