"""`heronwatch detector feedback list|accept|undo`: the journal in the state folder, whether a detector runs or not."""

import argparse
import contextlib
import getpass
import json
import sys
import time

from anomaly_detector.cli_flags import add_config_file, files
from heronwatch.commands import EXIT_FAULT, EXIT_OK


def add_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the sub-command and its actions."""
    feedback = commands.add_parser("feedback", help="list what people said of alarms, accept a level, take it back")
    actions = feedback.add_subparsers(title="actions", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="every verdict, newest first, and what it changes")
    listing.add_argument("--all", action="store_true", help="also what no longer counts")
    listing.set_defaults(detector_run=_feedback_list)
    accept = actions.add_parser("accept", help="say that what a series has been lately is its new level")
    accept.add_argument("series", metavar="SERIES", help="""such as 'cpu{instance="sw1"}': alias or metric, labels""")
    accept.add_argument(
        "--since", required=True, metavar="TIME", help="2h for two hours ago, or 2026-10-25T03:00:00+01:00"
    )
    accept.set_defaults(detector_run=_feedback_accept)
    undo = actions.add_parser("undo", help="take a verdict back")
    undo.add_argument("id", metavar="ID", help="as `list` shows it")
    undo.set_defaults(detector_run=_feedback_undo)
    for action in (listing, accept, undo):
        action.add_argument("--json", action="store_true", help="print JSON")
        add_config_file(action)


def _feedback_list(arguments: argparse.Namespace) -> int:
    from anomaly_detector.config import Config
    from anomaly_detector.feedback.command import listed
    from heronwatch.config import load

    config = load(files(arguments), Config).value
    print(listed(config, now=time.time, only_counting=not arguments.all, as_json=arguments.json))
    return EXIT_OK


def _feedback_accept(arguments: argparse.Namespace) -> int:
    from anomaly_detector.config import Config
    from anomaly_detector.explain.api import asked
    from anomaly_detector.explain.lookup import find
    from anomaly_detector.feedback.command import accepted, since
    from anomaly_detector.source.prom_api import PromApi
    from heronwatch.config import load

    config = load(files(arguments), Config).value
    try:
        subject, api = asked(arguments.series, "").subject, PromApi(config.reader)
        with contextlib.closing(api):
            since_s = since(arguments.since, now_s=api.server_time())
            found = find(config, api, subject, at_s=None)
        told = accepted(config, found, since_s=since_s, now=time.time, who=getpass.getuser())
    except ValueError as error:  # RefusedError, too
        print(f"heronwatch detector feedback: {error}", file=sys.stderr)
        return EXIT_FAULT
    print(json.dumps({"id": told.id, "effect": told.effect}) if arguments.json else f"{told.id}: {told.words}")
    return EXIT_OK


def _feedback_undo(arguments: argparse.Namespace) -> int:
    from anomaly_detector.config import Config
    from anomaly_detector.feedback.command import undone
    from anomaly_detector.feedback.record import RefusedError
    from heronwatch.config import load

    config = load(files(arguments), Config).value
    try:
        words = undone(config, arguments.id, now=time.time, who=getpass.getuser())
    except RefusedError as error:
        print(f"heronwatch detector feedback: {error}", file=sys.stderr)
        return EXIT_FAULT
    print(json.dumps({"id": arguments.id, "undone": True}) if arguments.json else words)
    return EXIT_OK
