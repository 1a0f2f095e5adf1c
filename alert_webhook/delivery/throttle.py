"""How much one contact may be sent, by the severity of what is sent. Pure."""

from collections.abc import Sequence

from msgspec import Struct

from alert_webhook.delivery.channel import Decision, Message, Reason

MINUTE_S, HOUR_S = 60.0, 3600.0
NEVER_HELD_BACK = frozenset({"critical"})


class Limit(Struct, frozen=True):
    """At most `count` messages in any `window_s` seconds."""

    count: int
    window_s: float


# a person who gets more than this reads none of it; the counts are those GoAlert settled on for SMS
LIMITS = (Limit(5, 15 * MINUTE_S), Limit(11, HOUR_S), Limit(21, 3 * HOUR_S))


def throttled(message: Message, recent: Sequence[float], now: float, limits: Sequence[Limit] = LIMITS) -> Decision:
    """Say whether a contact may be sent one more message, and if not, when.

    Critical pages and test pages are never held back. `recent` holds the times of what the contact was sent.
    """
    if message.incident.severity in NEVER_HELD_BACK or message.reason is Reason.TEST:
        return Decision(send=True)
    again_at = max((_free_at(recent, limit, now) for limit in limits), default=now)
    if again_at <= now:
        return Decision(send=True)
    return Decision(send=False, reason="throttled: this contact got too many messages", again_at=again_at)


def _free_at(recent: Sequence[float], limit: Limit, now: float) -> float:
    inside = sorted(moment for moment in recent if moment > now - limit.window_s)
    return now if len(inside) < limit.count else inside[-limit.count] + limit.window_s
