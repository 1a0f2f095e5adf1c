"""The arguments of `heronwatch webhook user …`, `… key …` and `… token`."""

# ruff: noqa: PLC0415  # as in cli.py: what a command needs is imported when it runs

import argparse
import getpass
import os
import sys
from collections.abc import Callable

from alert_webhook.cli_files import add_files, files_of, terminal
from alert_webhook.rights import Role, Scope
from heronwatch.commands import EXIT_USAGE

Run = Callable[[argparse.Namespace], int]
ROLES = [role.value for role in Role]


def add_user_commands(parser: argparse.ArgumentParser) -> None:
    """Add `user add|role|list|remove`."""
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    add = commands.add_parser("add", help="add a user, or give one a new password")
    add.add_argument("name")
    add.add_argument("--role", choices=ROLES, help="what the user may do (a new one: responder)")
    add.add_argument(
        "--password-env",
        metavar="NAME",
        help="environment variable that holds the password; without it: asked on a terminal, else a line of stdin",
    )
    _finish(add, _user_add)
    role = commands.add_parser("role", help="change what a user may do")
    role.add_argument("name")
    role.add_argument("role", choices=ROLES)
    _finish(role, _user_role)
    _finish(commands.add_parser("list", help="list users and their roles"), _user_list)
    remove = commands.add_parser("remove", help="delete a user and end their sign-ins")
    remove.add_argument("name")
    _finish(remove, _user_remove)


def add_key_commands(parser: argparse.ArgumentParser) -> None:
    """Add `key add|list|revoke`."""
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    add = commands.add_parser("add", help="make an API key and print it, this once")
    add.add_argument("name", help="what it is for; timelines say it")
    add.add_argument(
        "--scope", action="append", required=True, choices=[scope.value for scope in Scope], help="repeatable"
    )
    add.add_argument("--days", type=int, default=90, help="how long it lives (90; at most 400)")
    _finish(add, _key_add)
    _finish(commands.add_parser("list", help="list keys, without the keys themselves"), _key_list)
    revoke = commands.add_parser("revoke", help="end a key at once")
    revoke.add_argument("id", type=int, help="its number in the list")
    _finish(revoke, _key_revoke)


def add_token_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `token`; it needs no configuration."""
    parser.add_argument("name", help="the integration it is for")
    parser.add_argument("--json", action="store_true", dest="as_json", help="token, prefix and digest as a JSON object")
    parser.set_defaults(run=_token)


def _finish(parser: argparse.ArgumentParser, run: Run) -> None:
    add_files(parser)
    parser.set_defaults(run=run)


def _user_add(arguments: argparse.Namespace) -> int:
    from alert_webhook.accounts_command import add_user

    try:
        password = _password(arguments.password_env)
    except ValueError as error:
        terminal().warn(f"no user added: {error}")
        return EXIT_USAGE
    role = Role(arguments.role) if arguments.role else None
    return add_user(files_of(arguments), arguments.name, password, terminal(), role=role)


def _user_role(arguments: argparse.Namespace) -> int:
    from alert_webhook.accounts_command import set_role

    return set_role(files_of(arguments), arguments.name, Role(arguments.role), terminal())


def _user_list(arguments: argparse.Namespace) -> int:
    from alert_webhook.accounts_command import list_users

    return list_users(files_of(arguments), terminal())


def _user_remove(arguments: argparse.Namespace) -> int:
    from alert_webhook.accounts_command import remove_user

    return remove_user(files_of(arguments), arguments.name, terminal())


def _key_add(arguments: argparse.Namespace) -> int:
    from alert_webhook.accounts_command import add_key

    return add_key(files_of(arguments), arguments.name, arguments.scope, arguments.days, terminal())


def _key_list(arguments: argparse.Namespace) -> int:
    from alert_webhook.accounts_command import list_keys

    return list_keys(files_of(arguments), terminal())


def _key_revoke(arguments: argparse.Namespace) -> int:
    from alert_webhook.accounts_command import revoke_key

    return revoke_key(files_of(arguments), arguments.id, terminal())


def _token(arguments: argparse.Namespace) -> int:
    import secrets

    from alert_webhook.token_command import show_token

    return show_token(arguments.name, terminal(), random=secrets.token_bytes, as_json=arguments.as_json)


def _password(variable: str | None) -> str:
    """Return a password from the environment, a terminal (asked twice) or a line of stdin; never from argv.

    Raises ValueError where there is none, or not twice the same.
    """
    if variable is not None and variable not in os.environ:
        raise ValueError(f"environment variable {variable} is not set")
    if variable is not None:
        return os.environ[variable]
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    first = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != first:
        raise ValueError("the two passwords differ")
    return first
