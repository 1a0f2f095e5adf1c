"""`heronwatch`: one command; its sub-commands are found through entry points.

The ground knows no service: each service offers a `Command` under the entry-point group `heronwatch.commands` and
its configuration class under `heronwatch.schemas`.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from importlib.metadata import EntryPoint, entry_points, version

from heronwatch.commands import Command

COMMANDS = "heronwatch.commands"
SCHEMAS = "heronwatch.schemas"
EXIT_MISSING_PART = 3


def main(argv: Sequence[str] | None = None) -> int:
    """Run one sub-command and return its exit status (0 done, 1 fault, 2 wrong usage, 3 a part is missing)."""
    try:
        try:
            return _run(argv)
        finally:
            sys.stdout.flush()  # here, where a closed pipe is caught, and not when Python ends
    except BrokenPipeError:  # `heronwatch … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is still buffered goes nowhere
        return 0
    except KeyboardInterrupt:
        return 130


def _run(argv: Sequence[str] | None) -> int:
    parser = _parser()
    arguments, unknown = parser.parse_known_args(argv)
    run = getattr(arguments, "run", None)
    if unknown and not getattr(arguments, "any_arguments", False):
        parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    if run is None:
        parser.print_help()
        return 2
    return int(run(arguments))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="heronwatch",
        description="Completes Prometheus, Alertmanager and Grafana: exporters, anomaly detection, on-call paging.",
    )
    parser.add_argument("--version", action="version", version=f"heronwatch {version('heronwatch')}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for entry in sorted(entry_points(group=COMMANDS), key=lambda entry: entry.name):
        _add_service(commands, entry)
    _add_doctor(commands)
    _add_schema(commands)
    return parser


def _add_service(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", entry: EntryPoint) -> None:
    try:
        command: Command = entry.load()
    except ModuleNotFoundError as exc:
        missing = commands.add_parser(entry.name, help=f"not installed here: {exc.name} is missing", add_help=False)
        missing.set_defaults(run=_missing(entry.name, str(exc.name)), any_arguments=True)
        return
    parser = commands.add_parser(entry.name, help=command.help, description=command.help)
    parser.set_defaults(run=command.run)
    command.add_arguments(parser)


def _missing(name: str, module: str) -> object:
    def run(_arguments: argparse.Namespace) -> int:
        print(
            f"heronwatch {name}: the Python module '{module}' is missing. Install the extra that brings it, for "
            f"example\n  pip install 'heronwatch[all]'\n'heronwatch doctor' lists the extras and what each lacks.",
            file=sys.stderr,
        )
        return EXIT_MISSING_PART

    return run


def _add_doctor(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "doctor",
        help="say what is installed, what is missing and how to get it",
        description="Looks at this machine's parts: versions, known limits, and what is missing and how to get it. "
        "Exit status 0, or 3 when a part that the main job needs is missing.",
    )
    parser.add_argument("--json", action="store_true", help="print a list of findings as JSON")
    parser.set_defaults(run=_doctor)


def _doctor(arguments: argparse.Namespace) -> int:
    from heronwatch.doctor import examine, missing_essentials, report

    findings = examine()
    print(json.dumps([finding.as_dict() for finding in findings], indent=2) if arguments.json else report(findings))
    return EXIT_MISSING_PART if missing_essentials(findings) else 0


def _add_schema(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    names = sorted(entry.name for entry in entry_points(group=SCHEMAS))
    parser = commands.add_parser(
        "schema",
        help="print the JSON Schema of a configuration file",
        description="Prints the JSON Schema of one service's configuration, for editors: save it and name it in the "
        "YAML's first line, `# yaml-language-server: $schema=exporters.schema.json`.",
    )
    parser.add_argument("name", choices=names)
    parser.set_defaults(run=_schema)


def _schema(arguments: argparse.Namespace) -> int:
    from heronwatch.schema import json_schema

    (entry,) = entry_points(group=SCHEMAS, name=arguments.name)
    print(json.dumps(json_schema(entry.load()), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
