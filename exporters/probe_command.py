"""`heronwatch exporter probe`: its arguments."""
# ruff: noqa: T201, PLC0415  # a program for a terminal; its parts are imported when it is asked for

import argparse
import asyncio
from collections.abc import Sequence

from exporters.arguments import Parsers, add_logging, add_sources, configure_logs, options_of, seconds
from exporters.probing.collector import Plugin


def add_command(commands: Parsers, plugins: Sequence[Plugin]) -> None:
    """Add `probe`."""
    parser = commands.add_parser(
        "probe",
        help="read one device now and show what came",
        description="Reads a device of the configuration by name, or an address, without a server. A credential that "
        "is bound to devices and networks is not sent elsewhere. Exit status 1 when something could not be read.",
    )
    parser.add_argument("target", help="device name, or host[:port]")
    parser.add_argument("--module", action="append", default=[], help="what to read; repeatable or with commas")
    parser.add_argument(
        "--credential", "--auth", default="", metavar="NAME", help="credential for an address that is no device"
    )
    parser.add_argument(
        "--timeout", type=seconds, default=10.0, metavar="DURATION", help="give up after so long (default 10s)"
    )
    parser.add_argument("--format", choices=("table", "text", "json"), default="table", help="default: table")
    parser.add_argument(
        "--trace", action="store_true", help="show every packet, and each value as it came and as it was understood"
    )
    parser.add_argument(
        "--param",
        action="append",
        default=[],
        type=_param,
        metavar="KEY=VALUE",
        help="a parameter as in the URL, such as unit=7",
    )
    add_sources(parser, plugins)
    for plugin in plugins:
        plugin.add_arguments(parser)
    add_logging(parser)
    parser.set_defaults(exporter_run=run, exporter_plugins=plugins)


def _param(text: str) -> tuple[str, str]:
    key, sign, value = text.partition("=")
    if not (key and sign):
        raise argparse.ArgumentTypeError(f"{text!r} is no KEY=VALUE, such as unit=7")
    return key, value


def run(arguments: argparse.Namespace) -> int:
    """Read the device and print what came; returns the exit status."""
    from exporters.probe_output import FORMS
    from exporters.probe_run import Question, probe
    from heronwatch.commands import EXIT_FAULT, EXIT_OK

    configure_logs(arguments)
    question = Question(
        target=arguments.target,
        modules=tuple(arguments.module),
        credential=arguments.credential,
        params=tuple(arguments.param),
        timeout_s=arguments.timeout,
        trace=arguments.trace,
    )
    probed = asyncio.run(probe(options_of(arguments), question))
    print(FORMS[arguments.format](probed))
    return EXIT_FAULT if probed.reading.faults else EXIT_OK
