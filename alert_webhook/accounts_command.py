"""`heronwatch webhook user …` and `… key …`: local users with their roles, API keys with their scopes."""

import getpass
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime

from alert_webhook.administration import Terminal, with_store
from alert_webhook.capability import new_api_key
from alert_webhook.passwords import MIN_CHARACTERS, hash_password
from alert_webhook.rights import Role, scopes_named
from alert_webhook.store import accounts, api_keys, changes
from alert_webhook.store.api_keys import ApiKey
from alert_webhook.store.database import Store, Transaction
from alert_webhook.web.api_accounts import DAY_S, key_fault
from heronwatch.commands import EXIT_FAULT, EXIT_USAGE

VIA = "command"


def add_user(files: Sequence[str], name: str, password: str, terminal: Terminal, *, role: Role | None = None) -> int:
    """Add a local user, or give one a new password (and role)."""
    if len(password) < MIN_CHARACTERS:
        terminal.warn(f"no user added: a password has at least {MIN_CHARACTERS} characters, this one {len(password)}")
        return EXIT_USAGE
    hashed = hash_password(password)

    def write(tx: Transaction) -> None:
        accounts.save_user(tx, name, hashed, role=role)
        _note(tx, "user saved", f"{name}{f', {role.value}' if role else ''}")

    def work(store: Store) -> None:
        store.write(write, "user")
        terminal.say(f"user {name} saved")

    return with_store(files, terminal, work, create=True)


def list_users(files: Sequence[str], terminal: Terminal) -> int:
    """Print the local users with their roles."""

    def show(store: Store) -> None:
        for account in store.read(accounts.users):
            terminal.say(f"{account.name}\t{account.role.value}")

    return with_store(files, terminal, show)


def set_role(files: Sequence[str], name: str, role: Role, terminal: Terminal) -> int:
    """Change what a user is; it counts with their next request."""

    def write(tx: Transaction) -> bool:
        known = accounts.set_role(tx, name, role)
        if known:
            _note(tx, "role changed", f"{name}, {role.value}")
        return known

    return with_store(
        files,
        terminal,
        lambda store: _known(store.write(write, "user"), f"user {name}", f"is {role.value} now", terminal),
    )


def remove_user(files: Sequence[str], name: str, terminal: Terminal) -> int:
    """Delete a user and end their sign-ins."""

    def write(tx: Transaction) -> bool:
        known = accounts.remove_user(tx, name)
        if known:
            _note(tx, "user removed", name)
        return known

    return with_store(
        files, terminal, lambda store: _known(store.write(write, "user"), f"user {name}", "removed", terminal)
    )


def add_key(files: Sequence[str], name: str, scopes: Sequence[str], days: int, terminal: Terminal) -> int:
    """Make an API key and print it, this once."""
    if fault := key_fault(name, days, tuple(scopes)):
        terminal.warn(f"no key made: {fault}")
        return EXIT_USAGE
    key, prefix = new_api_key(secrets.token_bytes)

    def write(tx: Transaction) -> None:
        ends = tx.now + days * DAY_S
        api_keys.add(tx, key, prefix=prefix, name=name, scopes=scopes_named(scopes), who=_who(), expires_at=ends)
        _note(tx, "key made", f"{prefix} {name}")

    def work(store: Store) -> None:
        store.write(write, "api_key")
        terminal.say(key)

    return with_store(files, terminal, work)


def list_keys(files: Sequence[str], terminal: Terminal) -> int:
    """Print what is known of the API keys; never the keys, which nobody has but who was given them."""

    def show(store: Store) -> None:
        found, now = store.read(lambda tx: (api_keys.every(tx), tx.now))
        for key in found:
            terminal.say(f"{key.id}\t{key.prefix}\t{key.name}\t{','.join(key.scopes)}\t{_fate(key, now)}")

    return with_store(files, terminal, show)


def revoke_key(files: Sequence[str], key_id: int, terminal: Terminal) -> int:
    """End an API key at once."""

    def write(tx: Transaction) -> bool:
        ended = api_keys.revoke(tx, key_id)
        if ended:
            _note(tx, "key revoked", str(key_id))
        return ended

    return with_store(
        files, terminal, lambda store: _known(store.write(write, "api_key"), f"key {key_id}", "revoked", terminal)
    )


def _known(known: bool, what: str, done: str, terminal: Terminal) -> int | None:
    if known:
        terminal.say(f"{what} {done}")
        return None
    terminal.warn(f"there is no {what}")
    return EXIT_FAULT


def _fate(key: ApiKey, now: float) -> str:
    if key.revoked_at is not None:
        return f"revoked {_day(key.revoked_at)}"
    return f"{'expired' if key.expires_at <= now else 'until'} {_day(key.expires_at)}"


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")


def _note(tx: Transaction, action: str, what: str) -> None:
    changes.note(tx, action, what, who=_who(), via=VIA)


def _who() -> str:
    """Return who runs the command, as the system knows them."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return "somebody with the configuration"
