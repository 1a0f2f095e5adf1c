"""`heronwatch detector check --history`: asks the server for its past, and refuses what would page too often."""

import argparse
import json
import sys
import time
from typing import TYPE_CHECKING

from heronwatch.commands import EXIT_FAULT, EXIT_OK

TELL_EVERY_S = 10.0

if TYPE_CHECKING:
    from anomaly_detector.config import Config
    from anomaly_detector.grouping.estimate import Estimate
    from anomaly_detector.marks.past import MarkedPast


def add_arguments(check: argparse.ArgumentParser) -> None:
    """Add what `check` takes about alarms."""
    check.add_argument(
        "--history",
        metavar="DURATION",
        default="",
        help="also play so much history again (14d, 5d at least) and print the notifications a week that each query "
        "costs; a query with `page: true` above its part of the budget is a fault",
    )


def unknown(config: "Config") -> list[str]:
    """Return what is to be said of queries that may page, where their past is not asked for."""
    paging = [alias for alias, query in config.reader.queries.items() if query.page]
    if config.groups is None:
        return [f"{alias} has page: true, and nobody is paged: only devices and sites page" for alias in paging]
    return [
        f"{alias} may page, and how often is not known: heronwatch detector check --history 14d asks the server"
        for alias in paging
    ]


def history_fault(text: str) -> str:
    """Return what is wrong with a --history, "" when nothing is."""
    from anomaly_detector.grouping.estimate import LEAST_HISTORY_S, MOST_HISTORY_S
    from heronwatch.values import Duration

    try:
        given_s = Duration.parse(text)
    except ValueError as error:
        return str(error)
    if given_s > MOST_HISTORY_S:
        return f"{text} is longer than {Duration(MOST_HISTORY_S)}"
    return f"{text} is shorter than {Duration(LEAST_HISTORY_S)}" if given_s < LEAST_HISTORY_S else ""


def alarms(arguments: argparse.Namespace, config: "Config", *, summary: "dict[str, object]") -> int:
    """Print what the past says about every query, for scripts in one document with the summary; returns the status."""
    from anomaly_detector.grouping.estimate import estimates
    from anomaly_detector.grouping.progress import Progress
    from anomaly_detector.source.opening import source_of
    from heronwatch.values import Duration

    history_s = float(Duration.parse(arguments.history))
    marked = marks_of(config, history_s, now_s=time.time())
    for server in () if arguments.json else marked.servers:
        print(f"marks   {server}", flush=True)
    found, progress = [], Progress(every_s=TELL_EVERY_S)

    def told(query: str, share: float) -> None:
        progress.tell(f"playing the past of {query} again", share)

    for one in estimates(config, source_of, history_s=history_s, told=told, pauses=marked.pauses):
        found.append(one)
        if not arguments.json:
            print(text(one), flush=True)
    progress.end()
    if arguments.json:
        said = {"marks": marked.as_builtins(), "alarms": [_as_builtins(one) for one in found]}
        print(json.dumps(summary | said, indent=2))
    refused = [refusal(one) for one in found if one.page and (one.above or not one.known)]
    for line in refused:
        print(line, file=sys.stderr)
    return EXIT_FAULT if refused else EXIT_OK


def marks_of(config: "Config", history_s: float, *, now_s: float) -> "MarkedPast":
    """Return what people marked within the history that is played, and what is learnt from before it."""
    from anomaly_detector.marks.past import marked_past
    from anomaly_detector.plan import plans

    window_s = max(plan.history_s for plan in plans(config))
    return marked_past(config.marks, from_s=now_s - history_s - window_s, to_s=now_s)


def text(one: "Estimate") -> str:
    """Return a line for people, and one for each of the highest notifications."""
    if not one.known:
        return f"alarms  {one.query}: not known, no device could be judged for a day ({one.devices} seen)"
    from anomaly_detector.grouping.tally import highest

    line = (
        f"alarms  {one.query}: {one.expected_per_week:.3g} a week expected for {one.devices} devices "
        f"({one.notifications} within {one.weeks * 7:.3g} days), {one.allowed_per_week:.3g} allowed ({one.team})"
    )
    return "\n".join([line, *(f"        {notified}" for notified in highest(one.named))])


def refusal(one: "Estimate") -> str:
    """Return why a query may not page, and what to do."""
    if not one.known:
        return (
            f"reader.queries.{one.query}.page: how often it would page cannot be said, as the server has too little "
            f"history ({one.devices} devices seen): set page: false until it has some days more, or give a longer "
            "--history"
        )
    from anomaly_detector.grouping.blocks import DEFAULT_TEAM

    where = "budget.per_week" if one.team == DEFAULT_TEAM else f"budget.teams.{one.team}.per_week"
    shared = "" if one.queries == 1 else f", shared by {one.queries} queries"
    return (
        f"reader.queries.{one.query}.page: {one.expected_per_week:.3g} notifications a week are expected "
        f"({one.notifications} within {one.weeks * 7:.3g} days), its part of the budget of '{one.team}' is "
        f"{one.allowed_per_week:.3g} (of {one.devices} devices{shared}): put incidents of that time into "
        f"settings.learning_pauses, raise min_dev_from_expected, write {where}: {one.enough_per_week:g} (a week for "
        "each 1,000 devices; then check again, as more is notified), or set page: false"
    )


def _as_builtins(one: "Estimate") -> dict[str, object]:
    return {
        "query": one.query,
        "page": one.page,
        "team": one.team,
        "devices": one.devices,
        "expected_alarms_per_week": one.expected_per_week if one.known else None,
        "allowed_alarms_per_week": one.allowed_per_week,
        "known": one.known,
        "above_budget": one.above,
        "notified": [{"name": who.name, "begins": who.begins, "peak": round(who.peak, 3)} for who in one.named],
    }
