"""`heronwatch exporter check`: every fault of the configuration, or what it means."""
# ruff: noqa: T201, PLC0415  # a program for a terminal; its parts are imported when it is asked for

import argparse
import sys
from collections.abc import Sequence

from exporters.arguments import Parsers, add_sources, options_of
from exporters.probing.collector import Plugin
from exporters.probing.registry import installed
from heronwatch.commands import EXIT_OK


def add_command(commands: Parsers, plugins: Sequence[Plugin]) -> None:
    """Add `check`."""
    parser = commands.add_parser(
        "check",
        help="check the configuration: every fault, or a summary of what it means",
        description="Exit status 0, or 1 after every fault with its file, line and remedy.",
    )
    add_sources(parser, plugins)
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")
    parser.set_defaults(exporter_run=run, exporter_plugins=plugins)


def run(arguments: argparse.Namespace) -> int:
    """Print warnings and the summary; raises ConfigError with every fault."""
    from exporters.loading import load_setup
    from exporters.summary import as_json, as_text

    setup = load_setup(options_of(arguments).sources(), arguments.exporter_plugins)
    for fault in (*setup.warnings, *installed()[1]):
        print(f"warning: {fault}", file=sys.stderr)
    print(as_json(setup) if arguments.json else as_text(setup))
    return EXIT_OK
