"""Verdicts for people and for scripts. Pure text."""

from collections.abc import Iterable
from typing import Any

from anomaly_detector.feedback.effects import RAISE, expires_at
from anomaly_detector.feedback.verdicts import ACCEPTED, ALIAS, FALSE_ALARM, Entry, moment

WEEK_S = 7 * 86_400.0
WORDS = {
    "false_alarm": f"threshold raised by {RAISE - 1:.0%}",
    "incident": "not learnt from",
    "expected": "not learnt from",
    "accepted": "its level is normal",
}


def series_text(entry: Entry) -> str:
    """Return what a verdict is about, the query first.

    >>> series_text(Entry(id="1", at=0, verdict="expected", labels={"instance": "a", "for": "cpu"}, start=0, end=0))
    'cpu{instance="a"}'
    """
    return f"{entry.query}{labels_text(entry)}"


def labels_text(entry: Entry) -> str:
    """Return the labels of what a verdict is about, as PromQL writes them."""
    pairs = ", ".join(f'{name}="{value}"' for name, value in sorted(entry.labels.items()) if name != ALIAS)
    return f"{{{pairs}}}"


def sentence(entry: Entry) -> str:
    """Return one raised threshold as a line of a log."""
    return f"{entry.id} {series_text(entry)} until {moment(expires_at(entry))[:10]}"


def short(entry: Entry) -> str:
    """Return who said what of which series.

    >>> short(Entry(id="1f", at=0, verdict="expected", labels={"for": "cpu"}, start=0, end=0, who="ana"))
    '1f expected cpu{} by ana'
    """
    return f"{entry.id} {entry.verdict} {series_text(entry)}{f' by {entry.who}' if entry.who else ''}"


def accepted_sentence(entry: Entry) -> str:
    """Return one accepted level as a line for people."""
    return f"{entry.id}, {WORDS[ACCEPTED]} since {moment(entry.start)[:16]}Z{f' by {entry.who}' if entry.who else ''}"


def as_text(entries: Iterable[tuple[Entry, bool]], protected: frozenset[str]) -> str:
    """Return a table of verdicts, newest first, for a terminal."""
    lines = []
    for entry, counts in sorted(entries, key=lambda one: -one[0].at):
        by = f" by {entry.who}" if entry.who else ""
        lines.append(f"{entry.id}  {moment(entry.at)[:16]}Z  {entry.verdict}{by}: {effect(entry, counts, protected)}")
        lines.append(f"    {series_text(entry)}")
    return "\n".join(lines) if lines else "no verdict"


def as_builtins(entry: Entry, counts: bool, protected: frozenset[str]) -> dict[str, Any]:
    """Return a verdict as plain values for JSON."""
    return {
        "id": entry.id,
        "at": moment(entry.at),
        "verdict": entry.verdict,
        "labels": dict(entry.labels),
        "start": moment(entry.start),
        "end": moment(entry.end),
        "who": entry.who,
        "counts": counts,
        "effect": effect(entry, counts, protected),
    }


def effect(entry: Entry, counts: bool, protected: frozenset[str]) -> str:
    """Return what a verdict does, in words; `protected` are the queries that no word of a person touches."""
    if not counts:
        return "no longer counts"
    if entry.verdict not in {FALSE_ALARM, ACCEPTED}:
        return f"{moment(entry.start)[:16]}Z to {moment(entry.reaches_to)[:16]}Z {WORDS[entry.verdict]}"
    if entry.query in protected:
        return "changes nothing: the query is protected"
    if entry.verdict == ACCEPTED:
        return f"{WORDS[ACCEPTED]} since {moment(entry.start)[:16]}Z"
    return f"{WORDS[FALSE_ALARM]} until {moment(expires_at(entry))[:10]}"
