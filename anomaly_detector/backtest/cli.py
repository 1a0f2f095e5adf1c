"""`heronwatch detector backtest`: arguments, progress, and what is printed."""

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from anomaly_detector.cli_flags import add_config_file, files
from heronwatch.commands import EXIT_MISSING_PART, EXIT_OK, EXIT_USAGE

if TYPE_CHECKING:
    from anomaly_detector.backtest.outcome import Outcome
    from anomaly_detector.config import Config

EXIT_ABOVE_BUDGET = 4  # the report is written, and there were more notifications than the budget allows
TELL_EVERY_S = 2.0


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
    backtest.add_argument("--from", dest="begins", required=True, metavar="TIME", help="2026-10-01T00:00:00Z, or 14d")
    backtest.add_argument("--to", dest="ends", default="", metavar="TIME", help="end of the span (now)")
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
    from anomaly_detector.source.prom_api import PromApi
    from heronwatch.config import load

    config = load(files(arguments), Config).value
    try:
        wanted = wanted_of(arguments, config, now=time.time)
    except ValueError as error:
        print(f"heronwatch detector backtest: {error}", file=sys.stderr)
        return EXIT_USAGE
    progress = Progress()
    try:
        found = backtest(config, wanted, source=lambda: PromApi(config.reader), told=progress.tell)
    except DaskMissingError as error:
        print(f"heronwatch detector backtest: {error}", file=sys.stderr)
        return EXIT_MISSING_PART
    finally:
        progress.end()
    return _written(arguments, config, found)


def _written(arguments: argparse.Namespace, config: "Config", found: "Outcome") -> int:
    from importlib.metadata import version

    from anomaly_detector.backtest.outcome import summary
    from anomaly_detector.backtest.report import page
    from anomaly_detector.grid import timezone_named

    zone = timezone_named(config.settings.timezone)
    read = str(arguments.recorded or config.reader.datasource_url)
    facts = {"read from": read, "configuration": ", ".join(files(arguments))}
    text = page(found, title="Backtest of the anomaly detector", zone=zone, version=version("heronwatch"), facts=facts)
    arguments.out.write_text(text, encoding="utf-8")
    told = summary(found)
    if arguments.json:
        print(json.dumps(told | {"report": str(arguments.out)}, indent=2))
    else:
        within = "within" if told["within_budget"] else "above"
        rate = f"{told['notifications_per_week']:.3g} notifications a week"
        print(f"{told['alarms']} alarms of {told['series']} series, {rate}")
        if found.judgement is not None:
            print(f"{found.counted_a_week:.3g} a week match no incident and count: {found.judgement.true} are true")
        print(
            f"{within} the budget of {told['budget_per_week']:.3g}; sensitivity that meets it: {found.meets or 'none'}"
        )
        print(f"report: {arguments.out}")
    return EXIT_ABOVE_BUDGET if arguments.strict and not told["within_budget"] else EXIT_OK


class Progress:
    """Says on standard error how far the work is: one line that changes on a terminal, else a line now and then."""

    def __init__(self) -> None:
        self._started, self._told_at, self._line = time.monotonic(), 0.0, ""

    def tell(self, what: str, share: float) -> None:
        """Take note of the share that is done."""
        now = time.monotonic()
        if share < 1 and now - self._told_at < TELL_EVERY_S:
            return
        self._told_at = now
        line = f"{what}: {share:.0%} ({now - self._started:.0f} s)"
        end = "\n" if share >= 1 or not sys.stderr.isatty() else "\r"
        print(f"{line:<{len(self._line)}}", end=end, file=sys.stderr, flush=True)
        self._line = line

    def end(self) -> None:
        """Leave the line."""
        if self._line and sys.stderr.isatty():
            print(file=sys.stderr)
