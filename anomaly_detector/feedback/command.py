"""`heronwatch detector feedback list|undo`: the journal in the state folder, with or without a running detector."""

import json
from collections.abc import Callable

from anomaly_detector.config import Config
from anomaly_detector.feedback.api import protected
from anomaly_detector.feedback.listing import as_builtins, as_text
from anomaly_detector.feedback.record import Feedback


def listed(config: Config, *, now: Callable[[], float], only_counting: bool, as_json: bool) -> str:
    """Return the verdicts as text or JSON; JournalError when the journal cannot be read."""
    feedback = Feedback(config, now=now)
    shown = [(entry, counts) for entry, counts in feedback.entries() if counts or not only_counting]
    if as_json:
        return json.dumps([as_builtins(entry, counts, protected(feedback)) for entry, counts in shown], indent=2)
    return as_text(shown, protected(feedback))


def undone(config: Config, identity: str, *, now: Callable[[], float], who: str) -> str:
    """Take a verdict back; RefusedError when that cannot be, JournalError when the journal cannot be written."""
    entry = Feedback(config, now=now).undo(identity, who=who)
    return f"{entry.id} no longer counts"
