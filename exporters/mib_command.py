"""`heronwatch exporter mib …`: the plug-in that knows MIBs adds its commands."""

import argparse
from importlib import import_module
from typing import Any, NoReturn

from heronwatch.errors import PluginUnavailable

COMMANDS = "exporters.snmp.mib.command"
HELP = "MIB files and generator.yml: compile them to modules, check them, show what they define"


def add_command(commands: Any) -> None:
    """Add `mib` and its sub-commands to the parsers that `add_subparsers` made."""
    parser: argparse.ArgumentParser = commands.add_parser("mib", help=HELP, description=HELP)
    try:
        added = import_module(COMMANDS)
    except ModuleNotFoundError:  # SNMP is not installed: the other protocols work without it
        parser.add_argument("arguments", nargs=argparse.REMAINDER, help="needs pip install 'heronwatch[mib]'")
        parser.set_defaults(exporter_run=_missing)
    else:
        added.add_commands(parser)


def _missing(_arguments: argparse.Namespace) -> NoReturn:
    raise PluginUnavailable("the commands for MIBs are not installed: pip install 'heronwatch[mib]'")
