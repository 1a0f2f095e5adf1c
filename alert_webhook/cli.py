"""`heronwatch webhook …`: reads arguments, puts the parts together, runs them."""

import argparse
import getpass
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from heronwatch.commands import EXIT_USAGE, Command

if TYPE_CHECKING:
    from alert_webhook.administration import Terminal

DEFAULT_PORT = 9812
DEFAULT_FILE = "webhook.yml"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the sub-commands of `heronwatch webhook`."""
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, text in SERVING.items():
        _add_serving(commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}."), name)
    check = commands.add_parser("check", help="check the configuration", description="Prints every fault; exit 0 or 1.")
    _add_files(check)
    check.set_defaults(run=_check)
    _add_route(commands.add_parser("route", help="say who would be paged for an alert, when and why; pages nobody"))
    _add_user(commands.add_parser("user", help="local users who see the incident list"))


SERVING = {
    "all": "intake, pages and engine in one process",
    "serve": "intake and pages only; an engine runs elsewhere on the same database",
    "engine": "escalation and sending only",
}


def _add_files(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config.file",
        dest="config_files",
        action="append",
        metavar="FILE",
        help=f"configuration, repeatable, glob patterns allowed (default {DEFAULT_FILE})",
    )


def _add_serving(parser: argparse.ArgumentParser, role: str) -> None:
    from heronwatch.flags import add_log_arguments, add_web_arguments

    _add_files(parser)
    add_web_arguments(parser, DEFAULT_PORT)
    if role != "engine":
        parser.add_argument(
            "--web.public-listen-address",
            dest="public_listen",
            metavar="HOST:PORT",
            help="a second listener for /a/ and /callbacks/ alone, which the outside world may reach",
        )
        parser.add_argument(
            "--web.public-config.file",
            dest="public_web_config",
            type=Path,
            metavar="FILE",
            help="TLS of that listener, in the exporter-toolkit's format",
        )
    add_log_arguments(parser)
    parser.set_defaults(run=lambda arguments: _serve(arguments, role))


def _add_route(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "labels", help="""labels of the alert: '{alertname="LinkDown", severity="critical"}', or JSON"""
    )
    parser.add_argument("--at", default="", metavar="TIME", help="2026-12-24T03:00+01:00 (default now)")
    parser.add_argument(
        "--time-zone", default="", metavar="ZONE", help="of a TIME without an offset, and of the answer"
    )
    parser.add_argument(
        "--integration", default="", metavar="NAME", help="which one the alert reaches, if there are more"
    )
    parser.add_argument("--json", action="store_true", dest="as_json", help="one JSON object")
    _add_files(parser)
    parser.set_defaults(run=_route)


def _add_user(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    add = commands.add_parser("add", help="add a user, or give one a new password")
    add.add_argument("name")
    add.add_argument(
        "--password-env",
        metavar="NAME",
        help="environment variable that holds the password; without it: asked on a terminal, else a line of stdin",
    )
    _add_files(add)
    add.set_defaults(run=_user_add)
    listing = commands.add_parser("list", help="list users")
    _add_files(listing)
    listing.set_defaults(run=_user_list)


def _serve(arguments: argparse.Namespace, role: str) -> int:
    from alert_webhook.serving import ROLES, Listening, serve
    from heronwatch import logs
    from heronwatch.flags import web_flags
    from heronwatch.values import HostPort

    logs.configure(level=arguments.log_level, fmt=arguments.log_format)
    logging.getLogger("alembic").setLevel(logging.WARNING)  # its INFO is about its own workings
    public = getattr(arguments, "public_listen", None)
    try:
        where = Listening(
            web=web_flags(arguments, DEFAULT_PORT),
            public_listen=HostPort.parse(public) if public else None,
            public_web_config=getattr(arguments, "public_web_config", None),
        )
    except ValueError as error:
        _terminal().warn(str(error))
        return EXIT_USAGE
    return serve(_files(arguments), ROLES[role], where, _terminal().warn)


def _check(arguments: argparse.Namespace) -> int:
    from alert_webhook.administration import check

    return check(_files(arguments), _terminal())


def _route(arguments: argparse.Namespace) -> int:
    from alert_webhook.route_command import Asked, route

    asked = Asked(
        labels=arguments.labels,
        at=arguments.at,
        time_zone=arguments.time_zone,
        integration=arguments.integration,
        as_json=arguments.as_json,
    )
    return route(_files(arguments), asked, _terminal())


def _user_add(arguments: argparse.Namespace) -> int:
    from alert_webhook.administration import add_user

    try:
        password = _password(arguments.password_env)
    except ValueError as error:
        _terminal().warn(f"no user added: {error}")
        return EXIT_USAGE
    return add_user(_files(arguments), arguments.name, password, _terminal())


def _user_list(arguments: argparse.Namespace) -> int:
    from alert_webhook.administration import list_users

    return list_users(_files(arguments), _terminal())


def _terminal() -> "Terminal":
    from alert_webhook.administration import Terminal

    return Terminal(say=print, warn=lambda text: print(text, file=sys.stderr))


def _files(arguments: argparse.Namespace) -> list[str]:
    return arguments.config_files or [DEFAULT_FILE]


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


COMMAND = Command(
    name="webhook",
    help="turn alerts into incidents and page people",
    add_arguments=add_arguments,
    run=lambda _arguments: EXIT_USAGE,
)
