"""How much one contact may be sent, by the severity of what is sent. Pure."""

from collections.abc import Sequence

from msgspec import Struct

from alert_webhook.delivery.channel import Decision, Message, Reason

MINUTE_S, HOUR_S = 60.0, 3600.0
HARDLY_HELD_BACK = frozenset({"critical"})  # severities with a higher limit, above which they wait for a moment only
MOST_COUNTED = 40  # fewer than are known of the past (store.notifications.RECENT)
TOO_MANY = "throttled: this contact got too many messages"


class Limit(Struct, frozen=True):
    """At most `count` messages in any `window_s` seconds."""

    count: int
    window_s: float


class Ceiling(Struct, frozen=True):
    """What critical messages keep to: above `count` in `window_s` seconds, one every `bundle_after_s` seconds."""

    count: int
    window_s: float
    bundle_after_s: float


# a person who gets more than this reads none of it; the counts are those GoAlert settled on for SMS
LIMITS = (Limit(5, 15 * MINUTE_S), Limit(11, HOUR_S), Limit(21, 3 * HOUR_S))
CRITICAL = Ceiling(15, 15 * MINUTE_S, MINUTE_S)  # one a minute: still more than anybody reads, and nothing waits longer


def throttled(
    message: Message,
    recent: Sequence[float],
    now: float,
    limits: Sequence[Limit] = LIMITS,
    *,
    critical: Ceiling = CRITICAL,
) -> Decision:
    """Say whether a contact may be sent one more message, and if not, when.

    Test pages are never held back, critical messages for `critical.bundle_after_s` at most. `recent` holds the times
    of what the contact was sent, of whatever severity.
    """
    if message.reason is Reason.TEST:
        return Decision(send=True)
    if message.incident.severity in HARDLY_HELD_BACK:
        again_at = _moment(recent, critical, now)
    else:
        again_at = max((_free_at(recent, limit, now) for limit in limits), default=now)
    return Decision(send=True) if again_at <= now else Decision(send=False, reason=TOO_MANY, again_at=again_at)


def _moment(recent: Sequence[float], critical: Ceiling, now: float) -> float:
    free_at = _free_at(recent, Limit(critical.count, critical.window_s), now)
    return min(free_at, max((moment for moment in recent if moment <= now), default=now) + critical.bundle_after_s)


def _free_at(recent: Sequence[float], limit: Limit, now: float) -> float:
    inside = sorted(
        moment for moment in recent if now - limit.window_s < moment <= now
    )  # later: the clock was set back
    return now if len(inside) < limit.count else inside[-limit.count] + limit.window_s
