"""`heronwatch exporter pause|resume`: polling stops at once in the running server, or goes on."""
# ruff: noqa: PLC0415  # a program for a terminal; its parts are imported when it is asked for

import argparse
import sys

from exporters.arguments import DEFAULT_URL, Parsers
from heronwatch.commands import EXIT_OK


def add_commands(commands: Parsers) -> None:
    """Add `pause` and `resume`."""
    for name, help_text in (
        ("pause", "stop polling a target at once, in the running server"),
        ("resume", "poll a paused or stopped target again"),
    ):
        parser = commands.add_parser(name, help=help_text, description=help_text)
        parser.add_argument("target", help="device name, address, or address:port")
        parser.add_argument("--url", default=DEFAULT_URL, help=f"the running server (default {DEFAULT_URL})")
        parser.add_argument("--username", default="", help="a user of the server's web config")
        parser.add_argument("--password-file", default="", metavar="FILE", help="file with that user's password")
        parser.add_argument("--ca-file", default="", metavar="FILE", help="certificates to trust for https")
        parser.set_defaults(exporter_run=run, exporter_action=name)


def run(arguments: argparse.Namespace) -> int:
    """Ask the server; returns the exit status."""
    from exporters.control import Login, send

    login = Login(username=arguments.username, password_file=arguments.password_file, ca_file=arguments.ca_file)
    status, message = send(arguments.url, arguments.exporter_action, arguments.target, login)
    print(message, file=sys.stdout if status == EXIT_OK else sys.stderr)
    return status
