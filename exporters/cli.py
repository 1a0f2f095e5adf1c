"""`heronwatch exporter …`: the list of its commands, and what becomes of their errors."""

import argparse
import sys

from exporters import (
    check_command,
    compare_command,
    mib_command,
    pause_command,
    probe_command,
    serve_command,
    simulate_command,
)
from exporters.probing.registry import installed
from heronwatch.commands import EXIT_FAULT, EXIT_MISSING_PART, Command
from heronwatch.errors import ConfigError, HeronwatchError, PluginUnavailable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the sub-commands."""
    plugins, _ = installed()
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    serve_command.add_command(commands, plugins)
    check_command.add_command(commands, plugins)
    probe_command.add_command(commands, plugins)
    compare_command.add_command(commands)
    simulate_command.add_command(commands, plugins)
    mib_command.add_command(commands)
    pause_command.add_commands(commands)


def run(arguments: argparse.Namespace) -> int:
    """Run the chosen sub-command; returns its exit status."""
    try:
        return int(arguments.exporter_run(arguments))
    except ConfigError as error:
        for fault in error.faults:
            print(fault, file=sys.stderr)
        return EXIT_FAULT
    except PluginUnavailable as error:
        print(f"heronwatch exporter: {error}", file=sys.stderr)
        return EXIT_MISSING_PART
    except ModuleNotFoundError as error:
        remedy = "pip install 'heronwatch[exporters]', and the extra of the protocol"
        print(f"heronwatch exporter: the Python module {error.name!r} is missing: {remedy}", file=sys.stderr)
        return EXIT_MISSING_PART
    except BrokenPipeError:  # whoever read the output has gone: `… | head`; the command itself sees to it
        raise
    except (HeronwatchError, OSError) as error:
        print(f"heronwatch exporter: {error}", file=sys.stderr)
        return EXIT_FAULT


COMMAND = Command(
    name="exporter",
    help="read devices for Prometheus: SNMP, SSH, Modbus",
    add_arguments=add_arguments,
    run=run,
)
