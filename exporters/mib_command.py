"""`heronwatch exporter mib …`: the plug-in that knows MIBs adds its commands."""

import argparse
from importlib import import_module
from typing import Any

COMMANDS = "exporters.snmp.mib_command"


def add_command(commands: Any) -> None:
    """Add `mib` and its sub-commands to the parsers that `add_subparsers` made."""
    help_text = "MIB files and generator.yml: compile them to modules, check them, show what they define"
    parser: argparse.ArgumentParser = commands.add_parser("mib", help=help_text, description=help_text)
    import_module(COMMANDS).add_commands(parser)
