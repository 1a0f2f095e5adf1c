"""`heronwatch detector serve|check|convert|backtest|explain|feedback|status`: arguments, and which part runs."""

import argparse
import json
import sys
from typing import TYPE_CHECKING

from anomaly_detector.backtest import cli as backtest
from anomaly_detector.cli_flags import add_config_file, files
from anomaly_detector.explain import cli as explain
from anomaly_detector.feedback import cli as feedback
from anomaly_detector.grouping import cli as grouping
from anomaly_detector.status import cli as status
from heronwatch import logs
from heronwatch.commands import EXIT_FAULT, EXIT_MISSING_PART, EXIT_OK, EXIT_USAGE, Command
from heronwatch.errors import ConfigError, HeronwatchError
from heronwatch.flags import add_log_arguments, add_web_arguments, web_flags

if TYPE_CHECKING:
    from anomaly_detector.config import Config

DEFAULT_PORT = 9811


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the sub-commands."""
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    serve = commands.add_parser(
        "serve",
        help="read series, score them, write the scores",
        description="Reads the queries of the configuration every step, judges each series and writes the scores "
        "by remote write, or shows them at /scores.",
    )
    add_config_file(serve)
    add_web_arguments(serve, DEFAULT_PORT)
    add_log_arguments(serve)
    serve.set_defaults(detector_run=_serve)
    _add_check(commands)
    _add_convert(commands)
    backtest.add_command(commands)
    explain.add_command(commands)
    feedback.add_command(commands)
    status.add_command(commands)


def _add_check(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    check = commands.add_parser(
        "check",
        help="check the configuration: every fault, or a summary of what it means",
        description="Exit status 0, or 1 after every fault with its file, line and remedy. No server is asked "
        "without --online or --history.",
    )
    add_config_file(check)
    check.add_argument("--json", action="store_true", help="print the summary as JSON")
    check.add_argument(
        "--online",
        action="store_true",
        help="also ask the server for every query: how many series it has, and whether it takes a counter without a "
        "rate, as metadata tells",
    )
    grouping.add_arguments(check)
    check.set_defaults(detector_run=_check)


def _add_convert(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    convert = commands.add_parser(
        "convert",
        help="turn a configuration of vmanomaly into one of ours",
        description="Prints our configuration, what was left out as comments above it. Exit status 0, or 1 when it "
        "needs a change before it is accepted: every fault is said.",
    )
    convert.add_argument("file", metavar="FILE", help="configuration of vmanomaly")
    convert.set_defaults(detector_run=_convert)


def run(arguments: argparse.Namespace) -> int:
    """Run the chosen sub-command; returns its exit status."""
    try:
        return int(arguments.detector_run(arguments))
    except ConfigError as error:
        for fault in error.faults:
            print(fault, file=sys.stderr)
        return EXIT_FAULT
    except ModuleNotFoundError as error:
        print(f"heronwatch detector: {error.name} is missing: pip install 'heronwatch[detector]'", file=sys.stderr)
        return EXIT_MISSING_PART
    except BrokenPipeError:
        raise  # `heronwatch detector … | head`: the command's own business
    except (HeronwatchError, OSError) as error:
        print(f"heronwatch detector: {error}", file=sys.stderr)
        return EXIT_FAULT


def _check(arguments: argparse.Namespace) -> int:
    from anomaly_detector.config import Config
    from anomaly_detector.state import unusable
    from anomaly_detector.summary import as_builtins, as_text
    from heronwatch.config import load

    fault = grouping.history_fault(arguments.history) if arguments.history else ""
    if fault:
        print(f"heronwatch detector check: --history: {fault}", file=sys.stderr)
        return EXIT_USAGE
    loaded = load(files(arguments), Config)
    for warning in loaded.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    directory = loaded.value.settings.state_dir
    why = unusable(directory) if directory is not None else ""
    if why:
        print(f"warning: settings.state_dir: {why}: nothing learnt and no verdict survives a restart", file=sys.stderr)
    summary = as_builtins(loaded.value)
    if not arguments.json:
        print(as_text(loaded.value), flush=True)
    if arguments.online or arguments.history:
        summary["online"], faults = _online(loaded.value, quiet=arguments.json)
        if faults:
            return EXIT_FAULT
    if arguments.history:
        return grouping.alarms(arguments, loaded.value, summary=summary)
    if arguments.json:
        print(json.dumps(summary, indent=2))
    for line in grouping.unknown(loaded.value):
        print(f"warning: {line}", file=sys.stderr)
    return EXIT_OK


def _online(config: "Config", *, quiet: bool) -> tuple[list[dict[str, object]], int]:
    """Ask the server about every query; return what it says, and how many cannot be read."""
    import msgspec

    from anomaly_detector.online import answered

    found, faults = [], 0
    for one in answered(config):
        found.append(msgspec.structs.asdict(one))
        faults += bool(one.fault)
        if one.fault or not quiet:
            print(one, file=sys.stderr if one.fault else sys.stdout, flush=True)
    return found, faults


def _convert(arguments: argparse.Namespace) -> int:
    from pathlib import Path

    from anomaly_detector.converting import converted_text, faults_of

    text = converted_text(Path(arguments.file).read_bytes())
    print(text, end="")
    faults = faults_of(text)
    for fault in faults:
        print(fault, file=sys.stderr)
    return EXIT_FAULT if faults else EXIT_OK


def _serve(arguments: argparse.Namespace) -> int:
    from anomaly_detector.serving import serve

    logs.configure(level=arguments.log_level, fmt=arguments.log_format)
    try:
        flags = web_flags(arguments, DEFAULT_PORT)
    except ValueError as error:
        print(f"heronwatch detector: --web.listen-address: {error}", file=sys.stderr)
        return EXIT_USAGE
    return serve(files(arguments), flags)


COMMAND = Command(
    name="detector",
    help="score series for anomalies: reads Prometheus, writes scores back",
    add_arguments=add_arguments,
    run=run,
)
