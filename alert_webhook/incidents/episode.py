"""One alert's life from its updates, in whatever order and however often they arrive.

The state is a join: the latest end ever reported, and the start times reported as firing that lie after it. The alert
fires while there is such a start. Applying the same updates in any order, or twice, gives the same state; so duplicates
of a cluster's peers and an older state that arrives after a newer one change nothing (Alertmanager issue 2447).
"""

from enum import StrEnum

from msgspec import Struct

from alert_webhook.intake.timestamp import NANOSECONDS
from alert_webhook.intake.update import AlertUpdate, Status

NEVER_NS = -1  # before every time an update can carry
NOT_SEEN = 0.0  # when an end was learnt of that nobody reported: no grace time protects it
MAX_STARTS = 8  # a sender that gives a new start each time keeps this many
FUTURE_ALLOWANCE_S = 300.0  # an end further ahead than this is a wrong clock


class Life(Struct, frozen=True, gc=False):
    """What is known about one alert. `ended_seen_at` is our own time (Unix seconds) when we learnt of its end."""

    starts_ns: tuple[int, ...] = ()  # ascending; empty while it does not fire
    ended_ns: int = NEVER_NS
    ended_seen_at: float = 0.0

    @property
    def firing(self) -> bool:
        """Whether an episode is open."""
        return bool(self.starts_ns)


class Change(StrEnum):
    """What one update did."""

    OPENED = "opened"
    CONTINUED = "continued"
    CLOSED = "closed"
    STALE = "stale"  # fired before the end we know of: recorded, nobody is told
    REOPENED = "reopened"  # asserted for longer than the grace time after its end: believed
    ALREADY_ENDED = "already_ended"  # an end of something that does not fire


def apply(life: Life, update: AlertUpdate, *, now: float, stale_grace_s: float) -> tuple[Life, Change]:
    """Return the life after one update received at `now`, and what changed."""
    if update.status is Status.FIRING:
        return _fires(life, update, now, stale_grace_s)
    return _ends(life, _end_ns(update, now), NOT_SEEN if update.unconfirmed else now)


def _fires(life: Life, update: AlertUpdate, now: float, stale_grace_s: float) -> tuple[Life, Change]:
    start = _start_ns(life, update, now)
    if start in life.starts_ns:
        return life, Change.CONTINUED
    change = Change.CONTINUED if life.firing else Change.OPENED
    if start <= life.ended_ns:
        if life.firing:
            return life, Change.CONTINUED
        if now - life.ended_seen_at <= stale_grace_s:
            return life, Change.STALE
        start, change = life.ended_ns + 1, Change.REOPENED
    starts = tuple(sorted({*life.starts_ns, start}))
    return Life(_bounded(starts), life.ended_ns, life.ended_seen_at), change


def _ends(life: Life, end: int, seen_at: float) -> tuple[Life, Change]:
    if end <= life.ended_ns:
        return life, Change.CONTINUED if life.firing else Change.ALREADY_ENDED
    starts = tuple(start for start in life.starts_ns if start > end)
    ended = Change.CLOSED if life.firing else Change.ALREADY_ENDED
    return Life(starts, end, seen_at), Change.CONTINUED if starts else ended


def _start_ns(life: Life, update: AlertUpdate, now: float) -> int:
    if update.starts_at_ns is not None:
        return update.starts_at_ns
    return life.starts_ns[0] if life.firing else int(now * NANOSECONDS)


def _end_ns(update: AlertUpdate, now: float) -> int:
    now_ns = int(now * NANOSECONDS)
    end = update.ends_at_ns
    if end is None or end > now_ns + int(FUTURE_ALLOWANCE_S * NANOSECONDS):
        return max(now_ns, update.starts_at_ns or 0)
    return max(end, update.starts_at_ns or 0)


def _bounded(starts: tuple[int, ...]) -> tuple[int, ...]:
    return starts if len(starts) <= MAX_STARTS else (starts[0], *starts[1 - MAX_STARTS :])
