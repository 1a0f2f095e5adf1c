"""`heronwatch detector feedback list|ACTION|undo`: the journal in the state folder, whether a detector runs or not."""

import json
import secrets
from collections.abc import Callable
from datetime import tzinfo

from anomaly_detector.config import Config
from anomaly_detector.explain.lookup import Found
from anomaly_detector.feedback.api import protected, taken
from anomaly_detector.feedback.effects import OURS, said_before
from anomaly_detector.feedback.listing import WEEK_S, as_builtins, as_text
from anomaly_detector.feedback.record import Feedback, Taken
from anomaly_detector.feedback.verdicts import ACCEPTED, ALIAS, FALSE_ALARM, FARTHEST_S, Entry, Verdict
from anomaly_detector.sink.series import Identity, output_labels
from anomaly_detector.when import when


def listed(config: Config, *, now: Callable[[], float], only_counting: bool, week: bool, as_json: bool) -> str:
    """Return the verdicts as text or JSON; JournalError when the journal cannot be read.

    `week`: what was said within the last one, whether it counts or not.
    """
    feedback, since_s = Feedback(config, now=now), now() - WEEK_S
    shown = [
        (entry, counts)
        for entry, counts in feedback.entries()
        if (entry.at >= since_s if week else counts or not only_counting)
    ]
    if as_json:
        return json.dumps([as_builtins(entry, counts, protected(feedback)) for entry, counts in shown], indent=2)
    return as_text(shown, protected(feedback))


def said(
    config: Config, found: Found, verdict: Verdict, *, span: tuple[float, float], now: Callable[[], float], who: str
) -> Taken:
    """Keep what a person says of a series from when to when; raises as `Feedback.add` does."""
    alias, at = found.plan.alias, now()
    written = output_labels(dict(found.labels), Identity(alias, "", found.plan.query.page))
    labels = {name: value for name, value in written if name not in OURS} | {ALIAS: alias}
    identity, (start_s, end_s) = secrets.token_hex(4), span
    entry = Entry(id=identity, at=at, verdict=verdict, labels=labels, start=start_s, end=end_s, who=who)
    feedback = Feedback(config, now=now)
    before = said_before(feedback.marks(), entry)
    feedback.add(entry)
    return taken(entry, protected=protected(feedback), series=1, before=before)


def span_of(verdict: Verdict, *, since: str, until: str, now_s: float, zone: tzinfo) -> tuple[float, float]:
    """Read from when to when, as `when` does; ValueError when that is no time, or cannot be.

    >>> from datetime import UTC
    >>> span_of("incident", since="2h", until="9000", now_s=10_000.0, zone=UTC)
    (2800.0, 9000.0)
    >>> span_of("false_alarm", since="", until="", now_s=10_000.0, zone=UTC)
    (10000.0, 10000.0)
    """
    end_s = when(until, now_s=now_s, zone=zone) if until else now_s
    start_s = when(since, now_s=now_s, zone=zone) if since else end_s
    if verdict == ACCEPTED and start_s > now_s:
        raise ValueError("--since is ahead: a level is accepted once it is there")
    if verdict == FALSE_ALARM and end_s > now_s:
        raise ValueError("--at is ahead: nothing has alarmed yet")
    if end_s > now_s + FARTHEST_S:
        raise ValueError("--until is more than 7 days ahead")
    if end_s < start_s:
        raise ValueError("--until is before --since")
    return start_s, end_s


def undone(config: Config, identity: str, *, now: Callable[[], float], who: str) -> str:
    """Take a verdict back; RefusedError when that cannot be, JournalError when the journal cannot be written."""
    entry = Feedback(config, now=now).undo(identity, who=who)
    return f"{entry.id} no longer counts"
