"""What is here against what Alertmanager knows: which alerts have gone without a word, and which never arrived.

Alertmanager sends nothing about an alert that was silenced and then went away, and one that was sent while nobody took
it may have resolved since. Silence of the API proves nothing: a node that does not answer, or that started a moment ago
and waits for its senders, ends no alert.
"""

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from alert_webhook.intake.api_alerts import ApiAlert, Node, active_on_all, known_to_any
from alert_webhook.intake.timestamp import NANOSECONDS


class Terms(Struct, frozen=True):
    """How long is long enough, in seconds."""

    gone_after_s: float
    missing_after_s: float
    settle_s: float
    receiver: str


class Found(Struct, frozen=True):
    """What the comparison found, by fingerprint. `missed` is to be given to the next: since when each was not there."""

    gone: tuple[str, ...]
    missing: tuple[ApiAlert, ...]
    missed: Mapping[str, float]


def doubts(nodes: Sequence[Node], terms: Terms, now: float) -> str:
    """Return why these answers end no alert, "" where they do."""
    for node in nodes:
        if node.trouble:
            return node.trouble
        if now - node.started_at < terms.settle_s:
            return f"a node started {now - node.started_at:.0f} s ago and may not know its alerts yet"
    return "" if nodes else "no node is configured"


def compare(
    here: Iterable[str], nodes: Sequence[Node], *, missed: Mapping[str, float], terms: Terms, now: float
) -> Found:
    """Compare the alerts that fire `here` with what trustworthy nodes know (see `doubts`)."""
    there, open_here = known_to_any(nodes), set(here)
    since = {name: missed.get(name, now) for name in open_here if name not in there}
    gone = tuple(sorted(name for name, at in since.items() if now - at >= terms.gone_after_s))
    missing = tuple(
        alert
        for name, alert in active_on_all(nodes, terms.receiver).items()
        if name not in open_here and _fires_since(alert, now) >= terms.missing_after_s
    )
    return Found(gone, missing if terms.receiver else (), since)


def _fires_since(alert: ApiAlert, now: float) -> float:
    start = alert.update.starts_at_ns
    return 0.0 if start is None else now - start / NANOSECONDS
