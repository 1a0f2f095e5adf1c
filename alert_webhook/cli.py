"""`heronwatch webhook …`: reads arguments, puts the parts together, runs them."""

import argparse
import logging
from pathlib import Path

from alert_webhook.cli_accounts import add_key_commands, add_token_arguments, add_user_commands
from alert_webhook.cli_files import add_files as _add_files
from alert_webhook.cli_files import files_of as _files
from alert_webhook.cli_files import terminal as _terminal
from alert_webhook.cli_operations import add_backup_arguments, add_restore_arguments, add_test_arguments
from heronwatch.commands import EXIT_USAGE, Command

DEFAULT_PORT = 9812


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the sub-commands of `heronwatch webhook`."""
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, text in SERVING.items():
        _add_serving(commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}."), name)
    check = commands.add_parser("check", help="check the configuration", description="Prints every fault; exit 0 or 1.")
    _add_files(check)
    check.set_defaults(run=_check)
    _add_route(commands.add_parser("route", help="say who would be paged for an alert, when and why; pages nobody"))
    _add_audit(commands.add_parser("audit", help="the chain of hashes over everything that happened"))
    _add_shadow(commands.add_parser("shadow", help="who would have been paged by integrations in shadow mode"))
    add_user_commands(commands.add_parser("user", help="local users: viewers, responders, admins"))
    add_key_commands(commands.add_parser("key", help="API keys: scoped, expiring"))
    add_token_arguments(commands.add_parser("token", help="make a token for an integration, and the digest to paste"))
    add_test_arguments(commands.add_parser("test", help="send somebody a real page the real way, and tell how it went"))
    add_backup_arguments(commands.add_parser("backup", help="write everything the database holds into a file"))
    add_restore_arguments(commands.add_parser("restore", help="put a backup in place of what the database holds"))


SERVING = {
    "all": "intake, pages and engine in one process",
    "serve": "intake and pages only; an engine runs elsewhere on the same database",
    "engine": "escalation and sending only",
}


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


def _add_audit(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    verify = commands.add_parser("verify", help="check that no event was changed, removed or added afterwards")
    verify.add_argument("--head", default="", metavar="SEQ:HASH", help="a head from the log that the chain must hold")
    _add_files(verify)
    verify.set_defaults(run=_audit_verify)


def _add_shadow(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--day", default="yesterday", help="2026-03-01, today, yesterday (default)")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    _add_files(parser)
    parser.set_defaults(run=_shadow)


def _shadow(arguments: argparse.Namespace) -> int:
    from alert_webhook.shadow.command import show
    from heronwatch.clock import SystemClock

    return show(_files(arguments), arguments.day, as_json=arguments.json, terminal=_terminal(), clock=SystemClock())


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


def _audit_verify(arguments: argparse.Namespace) -> int:
    from alert_webhook.audit_command import audit_verify

    return audit_verify(_files(arguments), arguments.head, _terminal())


COMMAND = Command(
    name="webhook",
    help="turn alerts into incidents and page people",
    add_arguments=add_arguments,
    run=lambda _arguments: EXIT_USAGE,
)
