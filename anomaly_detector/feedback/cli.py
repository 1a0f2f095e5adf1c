"""`heronwatch detector feedback`: the journal in the state folder, whether a detector runs or not."""

import argparse
import contextlib
import getpass
import json
import sys
import time

from anomaly_detector.cli_flags import TIMES, add_config_file, files
from heronwatch.commands import EXIT_FAULT, EXIT_OK


def add_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the sub-command and its actions."""
    feedback = commands.add_parser("feedback", help="say what an alarm was, list what people said, take it back")
    actions = feedback.add_subparsers(title="actions", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="every verdict, newest first, and what it changes")
    listing.add_argument("--all", action="store_true", help="also what no longer counts")
    listing.add_argument("--week", action="store_true", help="what was said within the last week, taken back or not")
    listing.set_defaults(detector_run=_feedback_list)
    accept = _verdict(actions, "accept", "accepted", "say that what a series has been lately is its new level")
    accept.add_argument("--since", required=True, metavar="TIME", help=TIMES)
    false = _verdict(actions, "false-alarm", "false_alarm", "say that an alarm was none: the threshold rises")
    false.add_argument("--at", dest="until", default="", metavar="TIME", help=f"when it alarmed: {TIMES} (now)")
    false.add_argument("--force", action="store_true", help="keep it although the series did not alarm")
    spans = [
        _verdict(actions, name, name, f"say that a span of a series was {words}: nothing is learnt from it")
        for name, words in (("incident", "an incident"), ("expected", "to be expected"))
    ]
    for one in spans:
        one.add_argument("--since", required=True, metavar="TIME", help=TIMES)
        one.add_argument("--until", default="", metavar="TIME", help="end of the span, at most 7 days ahead (now)")
    undo = actions.add_parser("undo", help="take a verdict back")
    undo.add_argument("id", metavar="ID", help="as `list` shows it")
    undo.set_defaults(detector_run=_feedback_undo)
    for action in (listing, accept, false, *spans, undo):
        action.add_argument("--json", action="store_true", help="print JSON")
        add_config_file(action)


def _verdict(
    actions: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, verdict: str, words: str
) -> argparse.ArgumentParser:
    """Add an action by which a person says something of one series."""
    action = actions.add_parser(name, help=words)
    action.add_argument("series", metavar="SERIES", help="""such as 'cpu{instance="sw1"}': alias or metric, labels""")
    action.set_defaults(detector_run=_feedback_said, verdict=verdict, since="", until="")
    return action


def _feedback_list(arguments: argparse.Namespace) -> int:
    from anomaly_detector.config import Config
    from anomaly_detector.feedback.command import listed
    from heronwatch.config import load

    config = load(files(arguments), Config).value
    print(listed(config, now=time.time, only_counting=not arguments.all, week=arguments.week, as_json=arguments.json))
    return EXIT_OK


def _feedback_said(arguments: argparse.Namespace) -> int:
    from anomaly_detector.config import Config
    from anomaly_detector.explain.lookup import find
    from anomaly_detector.explain.subject import subject_of
    from anomaly_detector.feedback.alarmed import demand_alarm
    from anomaly_detector.feedback.command import said, span_of
    from anomaly_detector.feedback.verdicts import FALSE_ALARM
    from anomaly_detector.grid import timezone_named
    from anomaly_detector.source.prom_api import PromApi
    from heronwatch.config import load

    config = load(files(arguments), Config).value
    try:
        subject, api = subject_of(arguments.series), PromApi(config.reader)
        with contextlib.closing(api):
            now_s = api.server_time()
            zone = timezone_named(config.settings.timezone)
            span = span_of(arguments.verdict, since=arguments.since, until=arguments.until, now_s=now_s, zone=zone)
            found = find(config, api, subject, at_s=span[1] if arguments.until and span[1] < now_s else None)
            if arguments.verdict == FALSE_ALARM and not arguments.force:
                demand_alarm(api, found, at_s=span[1])
        told = said(config, found, arguments.verdict, span=span, now=time.time, who=getpass.getuser())
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
