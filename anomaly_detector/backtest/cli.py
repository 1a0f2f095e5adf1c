"""`heronwatch detector backtest`: arguments, progress, and what is printed."""

import argparse
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from anomaly_detector.cli_flags import TIMES, add_config_file, files
from heronwatch.commands import EXIT_MISSING_PART, EXIT_OK, EXIT_USAGE

if TYPE_CHECKING:
    from anomaly_detector.backtest.outcome import Outcome
    from anomaly_detector.backtest.run import Wanted
    from anomaly_detector.config import Config
    from anomaly_detector.marks.past import MarkedPast

EXIT_ABOVE_BUDGET = 4  # the report is written, and there were more notifications than the budget allows


def add_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the sub-command."""
    backtest = commands.add_parser(
        "backtest",
        help="run the detector over history and write a report",
        description="Reads the queries of the configuration over a span of history, learns from what is before it, "
        "judges every instant with the code of the service, and writes one HTML page. Nothing is written to a server. "
        f"Exit status 0, {EXIT_ABOVE_BUDGET} when there were more notifications than the budget allows (--strict).",
    )
    add_config_file(backtest)
    backtest.add_argument(
        "--from", dest="begins", required=True, metavar="TIME", help=f"begin of the span: {TIMES}; 14d before --to"
    )
    backtest.add_argument("--to", dest="ends", default="", metavar="TIME", help="end of the span, likewise (now)")
    backtest.add_argument("--out", type=Path, default=Path("backtest.html"), metavar="FILE", help="the report")
    backtest.add_argument("--query", action="append", default=[], metavar="ALIAS", help="only this one, repeatable")
    backtest.add_argument("--budget", type=float, metavar="N", help="notifications a week (5 for each 1,000 hosts)")
    backtest.add_argument("--for", dest="lasts", default="2m", metavar="DURATION", help="above 1 for so long (2m)")
    backtest.add_argument("--apart", default="1h", metavar="DURATION", help="alarms closer than this are one (1h)")
    backtest.add_argument("--incidents", type=Path, metavar="FILE", help="known incidents, as YAML: precision, recall")
    backtest.add_argument("--workers", type=int, default=os.cpu_count() or 1, metavar="N", help="processes (all cores)")
    backtest.add_argument("--dask", default="", metavar="ADDRESS", help="a Dask scheduler instead of processes")
    backtest.add_argument("--record", type=Path, metavar="FOLDER", help="keep what was read, for --recorded")
    backtest.add_argument("--recorded", type=Path, metavar="FOLDER", help="read this instead of the server")
    backtest.add_argument("--strict", action="store_true", help="exit status 4 above the budget")
    backtest.add_argument("--json", action="store_true", help="print the summary as JSON")
    backtest.set_defaults(detector_run=_backtest)


def _backtest(arguments: argparse.Namespace) -> int:
    from anomaly_detector.backtest.request import wanted_of
    from anomaly_detector.backtest.run import backtest
    from anomaly_detector.backtest.workers import DaskMissingError
    from anomaly_detector.config import Config
    from anomaly_detector.grouping.progress import Progress
    from anomaly_detector.source.prom_api import PromApi
    from heronwatch.config import load

    config = load(files(arguments), Config).value
    try:
        wanted = wanted_of(arguments, config, now=time.time)
    except ValueError as error:
        print(f"heronwatch detector backtest: {error}", file=sys.stderr)
        return EXIT_USAGE
    wanted = _marked(config, wanted)
    for server in wanted.marked.servers:
        print(f"marks: {server}", file=sys.stderr)
    progress = Progress()
    try:
        with ends_tidily():
            found = backtest(config, wanted, source=lambda: PromApi(config.reader), told=progress.tell)
    except DaskMissingError as error:
        print(f"heronwatch detector backtest: {error}", file=sys.stderr)
        return EXIT_MISSING_PART
    finally:
        progress.end()
    return _written(arguments, config, found, marked=wanted.marked)


@contextmanager
def ends_tidily() -> Iterator[None]:
    """Let SIGTERM end what runs inside as an exception does: processes and folders of ours go with us."""
    if threading.current_thread() is not threading.main_thread():  # signals come to that one alone
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _marked(config: "Config", wanted: "Wanted") -> "Wanted":
    """Return what is to be run with what people marked of it and of the history before."""
    from msgspec.structs import replace

    from anomaly_detector.backtest.run import history_start, plans_of
    from anomaly_detector.marks.past import marked_past

    from_s = min(history_start(plan, wanted.terms) for plan in plans_of(config, wanted))
    return replace(wanted, marked=marked_past(config.marks, from_s=from_s, to_s=wanted.terms.to_s))


def _written(arguments: argparse.Namespace, config: "Config", found: "Outcome", *, marked: "MarkedPast") -> int:
    from importlib.metadata import version

    from anomaly_detector.backtest.outcome import summary
    from anomaly_detector.backtest.report import page
    from anomaly_detector.grid import timezone_named

    zone = timezone_named(config.settings.timezone)
    read = str(arguments.recorded or config.reader.datasource_url)
    facts = {"read from": read, "configuration": ", ".join(files(arguments))}
    facts |= {"marks": "; ".join(str(one) for one in marked.servers)} if marked.servers else {}
    text = page(found, title="Backtest of the anomaly detector", zone=zone, version=version("heronwatch"), facts=facts)
    arguments.out.write_text(text, encoding="utf-8")
    told = summary(found)
    if arguments.json:
        print(json.dumps(told | {"marks": marked.as_builtins(), "report": str(arguments.out)}, indent=2))
    else:
        print("\n".join([*said(found), f"report: {arguments.out}"]))
    return EXIT_ABOVE_BUDGET if arguments.strict and not told["within_budget"] else EXIT_OK


def said(found: "Outcome") -> list[str]:
    """Return what was found, for people."""
    from anomaly_detector.feedback.verdicts import moment

    count, week = len(found.notices), f"{found.notified_a_week:.3g} a week"
    days = f"{found.days:.3g} day{'' if found.days == 1 else 's'}"
    lines = [f"{count} notification{'' if count == 1 else 's'} in {days} ({week})"]
    if found.judgement is not None:
        judged, outside = found.judgement, f", {found.outside} outside of the span" if found.outside else ""
        lines[0] += f", {judged.true} of them about known incidents; {found.counted_a_week:.3g} false ones a week"
        lines.append(f"{judged.found} of {judged.incidents} known incidents found{outside}{_more(found)}")
    lines.append(
        f"{'within' if found.within else 'above'} the budget of {found.budget:.3g} a week; "
        f"the highest sensitivity that meets it: {found.meets or 'none'}"
    )
    alarms = f"{len(found.alarms)} alarm{'' if len(found.alarms) == 1 else 's'}"
    lines.append(f"{alarms} of {sum(lane.series for lane in found.lanes)} series")
    lines += [f"{len(found.hardly)} series can hardly alarm: the report names them"] if found.hardly else []
    late = ((query, moment(first_s)[:16]) for query, first_s in found.late.items())
    return lines + [f"{query} has no samples before {first}Z: nothing before is judged" for query, first in late]


def _more(found: "Outcome") -> str:
    """Return which sensitivity finds more of the incidents, and what it costs."""
    most = found.finds_most
    if most is not None:
        return (
            f"; {most.sensitivity:g} times the sensitivity finds {most.found}, at {most.a_week:.3g} false ones a week"
        )
    return "; no sensitivity up to 4 times this one finds more" if found.near else ""
