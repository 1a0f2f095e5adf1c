"""`heronwatch detector feedback list|accept|undo`: the journal in the state folder, whether a detector runs or not."""

import json
import secrets
from collections.abc import Callable

from anomaly_detector.config import Config
from anomaly_detector.explain.api import time_of
from anomaly_detector.explain.lookup import Found
from anomaly_detector.feedback.api import protected, taken
from anomaly_detector.feedback.effects import OURS
from anomaly_detector.feedback.listing import as_builtins, as_text
from anomaly_detector.feedback.record import Feedback, Taken
from anomaly_detector.feedback.verdicts import ACCEPTED, ALIAS, Entry
from anomaly_detector.sink.series import Identity, output_labels
from heronwatch.values import Duration


def listed(config: Config, *, now: Callable[[], float], only_counting: bool, as_json: bool) -> str:
    """Return the verdicts as text or JSON; JournalError when the journal cannot be read."""
    feedback = Feedback(config, now=now)
    shown = [(entry, counts) for entry, counts in feedback.entries() if counts or not only_counting]
    if as_json:
        return json.dumps([as_builtins(entry, counts, protected(feedback)) for entry, counts in shown], indent=2)
    return as_text(shown, protected(feedback))


def accepted(config: Config, found: Found, *, since_s: float, now: Callable[[], float], who: str) -> Taken:
    """Take the level of a series since `since_s` as normal; raises as `Feedback.add` does."""
    alias, at = found.plan.alias, now()
    written = output_labels(dict(found.labels), Identity(alias, "", found.plan.query.page))
    labels = {name: value for name, value in written if name not in OURS} | {ALIAS: alias}
    identity, end_s = secrets.token_hex(4), max(since_s, at)
    entry = Entry(id=identity, at=at, verdict=ACCEPTED, labels=labels, start=since_s, end=end_s, who=who)
    feedback = Feedback(config, now=now)
    feedback.add(entry)
    return taken(entry, protected=protected(feedback), series=1)


def since(text: str, *, now_s: float) -> float:
    """Read since when: so long ago, or a time; ValueError when it is neither, or ahead.

    >>> since("2h", now_s=10_000.0), since("9000", now_s=10_000.0)
    (2800.0, 9000.0)
    """
    try:
        found = now_s - Duration.parse(text)
    except ValueError:
        found = time_of(text)
    if not 0 <= found <= now_s:
        raise ValueError("--since is ahead: a level is accepted once it is there")
    return found


def undone(config: Config, identity: str, *, now: Callable[[], float], who: str) -> str:
    """Take a verdict back; RefusedError when that cannot be, JournalError when the journal cannot be written."""
    entry = Feedback(config, now=now).undo(identity, who=who)
    return f"{entry.id} no longer counts"
