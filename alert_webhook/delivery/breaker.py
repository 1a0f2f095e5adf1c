"""When to leave a provider in peace: after repeated failures, for a while, then one attempt at a time. Pure."""

from msgspec import Struct
from msgspec.structs import replace

from alert_webhook.delivery.channel import Decision, Outcome, Permanent, Receipt

FAILURES = 5
FIRST_PAUSE_S, LONGEST_PAUSE_S = 15.0, 120.0
PROBE_S = 20.0  # how long one attempt may take to come back before the next is let through


class Breaker(Struct, frozen=True):
    """The state of one channel. Closed while `failures` is small; else open until `open_until`, then half-open."""

    failures: int = 0
    open_until: float = 0.0
    pause_s: float = FIRST_PAUSE_S


def ask(breaker: Breaker, now: float) -> tuple[Breaker, Decision]:
    """Decide about one attempt; a half-open breaker lets one through and waits for what comes of it."""
    if breaker.failures < FAILURES:
        return breaker, Decision(send=True)
    if now < breaker.open_until:
        return breaker, Decision(send=False, reason="the provider fails at the moment", again_at=breaker.open_until)
    return replace(breaker, open_until=now + PROBE_S), Decision(send=True)


def tell(breaker: Breaker, outcome: Outcome, now: float) -> Breaker:
    """Learn how an attempt ended. What is wrong with one message says nothing about the provider."""
    if isinstance(outcome, Receipt | Permanent):
        return Breaker()
    failures = breaker.failures + 1
    if failures < FAILURES:
        return replace(breaker, failures=failures)
    longer = min(LONGEST_PAUSE_S, breaker.pause_s * 2)
    return Breaker(failures, open_until=now + breaker.pause_s, pause_s=longer)
