"""`heronwatch exporter compare`: what would change if Prometheus asked the new exporter."""
# ruff: noqa: T201, PLC0415  # a program for a terminal; its parts are imported when it is asked for

import argparse
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from exporters.arguments import DEFAULT_URL, Parsers, seconds
from heronwatch.commands import EXIT_FAULT, EXIT_OK, EXIT_USAGE
from heronwatch.errors import HeronwatchError

if TYPE_CHECKING:
    from exporters.compare_run import Side

EXIT_UNREACHABLE = 3
EXIT_INTERRUPTED = 130
MOST_ROUNDS = 3
NOT_COMPARED = "snmp_scrape_.*"
"""What a scrape cost, which differs by nature."""


def add_command(commands: Parsers) -> None:
    """Add `compare`."""
    parser = commands.add_parser(
        "compare",
        help="compare two exporters at the same devices, sample by sample",
        description="Asks the old exporter, the new one and the old one again about one device after the other. A "
        "value that moves may lie between the old one's two. Exit status 0: the same; 1: something differs, or nothing "
        "could be compared; 2: wrong usage; 3: one of the two exporters cannot be asked.",
    )
    _add_asked(parser)
    _add_judged(parser)
    for prefix, whose in (("", "the new exporter's"), ("old-", "the old exporter's")):
        _add_login(parser, prefix, whose)
    parser.set_defaults(exporter_run=run)


def _add_asked(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--old", required=True, metavar="URL", help="the exporter in use, such as http://127.0.0.1:9116"
    )
    parser.add_argument("--new", default=DEFAULT_URL, metavar="URL", help=f"the other one (default {DEFAULT_URL})")
    parser.add_argument(
        "--targets",
        required=True,
        metavar="FILE",
        help="lines of TARGET [MODULE[,MODULE…] [AUTH]], or a file_sd file of Prometheus; - for standard input",
    )
    parser.add_argument("--module", action="append", default=[], help="for targets that name none; repeatable")
    parser.add_argument("--auth", default="", help="for targets that name none")
    parser.add_argument("--timeout", type=seconds, default=60.0, metavar="DURATION", help="of a scrape (default 60s)")


def _add_judged(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--rounds",
        type=_rounds,
        default=MOST_ROUNDS,
        metavar="N",
        help=f"how often to look again before a difference counts (default {MOST_ROUNDS})",
    )
    parser.add_argument(
        "--ignore",
        action="append",
        default=[],
        type=_regex,
        metavar="REGEX",
        help=f"families not to compare, besides {NOT_COMPARED}; the whole name has to match; repeatable",
    )
    parser.add_argument("--all", action="store_true", help="show every difference, not the first of each target")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument(
        "--report", type=_report, metavar="FILE", help="write the result to FILE.html or FILE.json, too"
    )


def _add_login(parser: argparse.ArgumentParser, prefix: str, whose: str) -> None:
    parser.add_argument(f"--{prefix}username", default="", metavar="NAME", help=f"a user of {whose} web config")
    parser.add_argument(f"--{prefix}password-file", default="", metavar="FILE", help="file with that user's password")
    parser.add_argument(f"--{prefix}ca-file", default="", metavar="FILE", help="certificates to trust for https")


def _rounds(text: str) -> int:
    if not (text.isdecimal() and 1 <= int(text) <= 20):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of rounds (1 to 20)")
    return int(text)


def _regex(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a regular expression: {error}") from error
    return text


def _report(text: str) -> Path:
    path = Path(text)
    if path.suffix not in {".html", ".json"}:
        raise argparse.ArgumentTypeError(f"{text!r} ends neither in .html nor in .json")
    if not os.access(path.parent, os.W_OK):
        raise argparse.ArgumentTypeError(f"{text!r} cannot be written: {path.parent} is no folder of yours")
    return path


def run(arguments: argparse.Namespace) -> int:
    """Compare; progress goes to standard error, the result to standard output."""
    from exporters.compare_report import MOST_LINES, Report, as_html, as_json, as_text, progress
    from exporters.compare_run import Outcome, SideUnreachableError, compared
    from exporters.compare_targets import read_targets

    try:
        asked = read_targets(*_text(arguments.targets), modules=arguments.module, auth=arguments.auth)
        old, new = _sides(arguments)
    except (HeronwatchError, OSError, UnicodeDecodeError) as error:
        reason = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) and error.filename else error
        return _refused(reason, EXIT_USAGE)
    left_out = "|".join([NOT_COMPARED, *arguments.ignore])
    outcomes: list[Outcome] = []
    interrupted = False
    try:
        old.check()
        new.check()
        for outcome in compared(asked, old, new, skip=re.compile(left_out).fullmatch, most_rounds=arguments.rounds):
            outcomes.append(outcome)
            print(progress(len(outcomes), len(asked), outcome), file=sys.stderr, flush=True)
    except SideUnreachableError as error:
        return _refused(error, EXIT_UNREACHABLE)
    except KeyboardInterrupt:  # what was compared so far is told all the same
        interrupted = True
    report = Report(old=old.url, new=new.url, outcomes=outcomes, left_out=left_out)
    print(as_json(report) if arguments.json else as_text(report, most_lines=0 if arguments.all else MOST_LINES))
    if arguments.report:
        arguments.report.write_text(as_html(report) if arguments.report.suffix == ".html" else as_json(report))
    if interrupted:
        return EXIT_INTERRUPTED
    return EXIT_OK if report.count("same") and not report.count("differs") else EXIT_FAULT


def _sides(arguments: argparse.Namespace) -> "tuple[Side, Side]":
    """Return the exporter in use and the new one; raises HeronwatchError."""
    from exporters.compare_run import Side
    from exporters.control import Login

    new_login = Login(username=arguments.username, password_file=arguments.password_file, ca_file=arguments.ca_file)
    old_login = Login(
        username=arguments.old_username, password_file=arguments.old_password_file, ca_file=arguments.old_ca_file
    )
    return (
        Side("old", arguments.old, old_login, timeout_s=arguments.timeout),
        Side("new", arguments.new, new_login, timeout_s=arguments.timeout),
    )


def _refused(reason: object, code: int) -> int:
    print(f"heronwatch exporter compare: {reason}", file=sys.stderr)
    return code


def _text(name: str) -> tuple[str, str]:
    if name == "-":
        return sys.stdin.read(), "<standard input>"
    return Path(name).read_text(encoding="utf-8"), name
