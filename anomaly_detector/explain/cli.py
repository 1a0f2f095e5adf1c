"""`heronwatch detector explain`: arguments, and what is printed."""

import argparse
import json
import sys
import time

from anomaly_detector.cli_flags import TIMES, add_config_file, files
from heronwatch.commands import EXIT_OK, EXIT_USAGE

ONE_WEEK_S = 7 * 86_400.0  # ago an instant may be, and its marks are still read


def add_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the sub-command."""
    explain = commands.add_parser(
        "explain",
        help="say why a series scores what it scores",
        description="Reads the series of one host, plays them again up to the instant and says what was expected, "
        "which features and generations speak, and how many of the host's series agree. Changes nothing.",
    )
    explain.add_argument("series", metavar="SERIES", help="""such as 'cpu{instance="sw1"}': alias or metric, labels""")
    explain.add_argument("--at", default="", metavar="TIME", help=f"{TIMES} (now)")
    explain.add_argument("--json", action="store_true", help="print JSON")
    add_config_file(explain)
    explain.set_defaults(detector_run=_explain)


def _explain(arguments: argparse.Namespace) -> int:
    from anomaly_detector.config import Config
    from anomaly_detector.explain.api import asked
    from anomaly_detector.explain.inquiry import explained, with_pauses
    from anomaly_detector.explain.lookup import find
    from anomaly_detector.explain.telling import as_builtins, as_text
    from anomaly_detector.feedback.record import Feedback
    from anomaly_detector.grid import timezone_named
    from anomaly_detector.grouping.cli import marks_of
    from anomaly_detector.source.prom_api import PromApi
    from heronwatch.config import load

    config = load(files(arguments), Config).value
    try:
        zone = timezone_named(config.settings.timezone)
        wanted = asked(arguments.series, arguments.at, now_s=time.time(), zone=zone)
    except ValueError as error:
        print(f"heronwatch detector explain: {error}", file=sys.stderr)
        return EXIT_USAGE
    marked = marks_of(config, ONE_WEEK_S, now_s=time.time())
    for server in marked.servers:
        if server.trouble:
            print(f"warning: {server}", file=sys.stderr)
    config = with_pauses(config, marked.pauses)
    api = PromApi(config.reader)
    try:
        found = find(config, api, wanted.subject, at_s=wanted.at_s)
        told = explained(config, api, found, marks=Feedback(config, now=time.time).marks())
    finally:
        api.close()
    print(json.dumps(as_builtins(told), indent=2) if arguments.json else as_text(told))
    return EXIT_OK
