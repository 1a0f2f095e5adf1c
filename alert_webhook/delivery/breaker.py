"""When to leave a provider in peace: after repeated failures, for a while, then one attempt at a time. Pure."""

from enum import IntEnum

from msgspec import Struct
from msgspec.structs import replace

from alert_webhook.delivery.channel import Decision, Outcome, Permanent, Receipt

FAILURES = 5
FIRST_PAUSE_S, LONGEST_PAUSE_S = 15.0, 120.0
PROBE_S = 20.0  # how long one attempt may take to come back before the next is let through


class Position(IntEnum):
    """Where a breaker stands, as its metric shows it."""

    CLOSED = 0
    HALF_OPEN = 1  # the pause is over: one attempt decides
    OPEN = 2


class Breaker(Struct, frozen=True):
    """The state of one channel. Closed while `failures` is small; else open until `open_until`, then half-open."""

    failures: int = 0
    open_until: float = 0.0
    pause_s: float = FIRST_PAUSE_S


def ask(breaker: Breaker, now: float) -> tuple[Breaker, Decision]:
    """Decide about one attempt; a half-open breaker lets one through and waits for what comes of it."""
    if breaker.failures < FAILURES:
        return breaker, Decision(send=True)
    if now < breaker.open_until <= now + LONGEST_PAUSE_S:  # further away than that: the clock was set back
        return breaker, Decision(send=False, reason="the provider fails at the moment", again_at=breaker.open_until)
    return replace(breaker, open_until=now + PROBE_S), Decision(send=True)


def tell(breaker: Breaker, outcome: Outcome, now: float) -> Breaker:
    """Learn how an attempt ended. What is wrong with one message says nothing about the provider.

    A provider that refuses us is one that fails: it is asked again now and then, not with every page.
    """
    if isinstance(outcome, Receipt) or (isinstance(outcome, Permanent) and not outcome.refused_us):
        return Breaker()
    failures = breaker.failures + 1
    if failures < FAILURES:
        return replace(breaker, failures=failures)
    longer = min(LONGEST_PAUSE_S, breaker.pause_s * 2)
    return Breaker(failures, open_until=now + breaker.pause_s, pause_s=longer)


def closed(breaker: Breaker) -> bool:
    """Return whether everything goes out."""
    return breaker.failures < FAILURES


def position(breaker: Breaker, now: float) -> Position:
    """Return where the breaker stands."""
    if breaker.failures < FAILURES:
        return Position.CLOSED
    return Position.OPEN if now < breaker.open_until else Position.HALF_OPEN
