"""From arguments to what is to be run: times, durations, incidents."""

import argparse
import math
import os
from collections.abc import Callable
from datetime import tzinfo
from pathlib import Path

import msgspec

from anomaly_detector.backtest.block import Terms
from anomaly_detector.backtest.recording import load_index
from anomaly_detector.backtest.run import Wanted
from anomaly_detector.config import Config
from anomaly_detector.grid import timezone_named
from anomaly_detector.scoring.learning import Pause
from anomaly_detector.when import when
from heronwatch.config import load
from heronwatch.values import Duration
from heronwatch.words import hint

SHORTEST_S = 60.0


class Incidents(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file of known incidents, in the words of `learning_pauses`."""

    incidents: tuple[Pause, ...]


def wanted_of(arguments: argparse.Namespace, config: Config, *, now: Callable[[], float]) -> Wanted:
    """Return what is to be run; ValueError says which argument is wrong, ConfigError what is wrong with incidents."""
    zone = timezone_named(config.settings.timezone)
    to_s = _end(arguments.ends, arguments.recorded, now, zone)
    from_s = _instant("--from", arguments.begins, to_s, zone)
    if to_s - from_s < SHORTEST_S:
        raise ValueError("--from is not before --to")
    for query in arguments.query:
        if query not in config.reader.queries:
            raise ValueError(f"--query: '{query}' is no query{hint(query, list(config.reader.queries))}")
    if arguments.workers < 1:
        raise ValueError("--workers: at least 1")
    if arguments.budget is not None and not 0 <= arguments.budget < math.inf:
        raise ValueError("--budget: a number that is not below 0")
    if not (arguments.out.parent.is_dir() and os.access(arguments.out.parent, os.W_OK)):
        raise ValueError(f"--out: {arguments.out.parent} is no folder that can be written to")
    terms = Terms(
        from_s=from_s,
        to_s=to_s,
        for_s=_duration("--for", arguments.lasts),
        apart_s=_duration("--apart", arguments.apart),
    )
    incidents = None if arguments.incidents is None else load([arguments.incidents], Incidents).value.incidents
    return Wanted(
        terms=terms,
        queries=tuple(arguments.query),
        workers=arguments.workers,
        dask=arguments.dask,
        budget=arguments.budget,
        incidents=incidents,
        recorded=arguments.recorded,
        kept=arguments.record,
    )


def _end(text: str, recorded: Path | None, now: Callable[[], float], zone: tzinfo) -> float:
    newest_s = now() if recorded is None else min(track.end_s for track in load_index(recorded).queries.values())
    return _instant("--to", text, newest_s, zone) if text else newest_s


def _instant(name: str, text: str, now_s: float, zone: tzinfo) -> float:
    try:
        return when(text, now_s=now_s, zone=zone)
    except ValueError as exc:
        raise ValueError(f"{name}: {exc}") from exc


def _duration(name: str, text: str) -> float:
    try:
        return float(Duration.parse(text))
    except ValueError as exc:
        raise ValueError(f"{name}: {exc}") from exc
