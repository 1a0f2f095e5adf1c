"""A message that is owed to one contact, from the moment it is due until it is sent, cancelled or given up. Pure."""

from enum import StrEnum

from msgspec import Struct

from alert_webhook.delivery.channel import Outcome, Permanent, Reason, Receipt, Unknown
from heronwatch.retry import Backoff


class Progress(StrEnum):
    """How far one notification is."""

    PENDING = "pending"  # waits for its time
    SENDING = "sending"  # leased by an engine that talks to the provider, or that died doing so
    SENT = "sent"  # the provider took it
    FAILED = "failed"  # given up; the person's next contact, if any, has been asked
    CANCELLED = "cancelled"  # nobody needs it any more


class Owed(Struct, frozen=True, kw_only=True):
    """One notification. Times are Unix seconds."""

    id: int
    uid: str
    incident_id: int
    cycle: int
    step: int
    person: str
    contact: str
    reason: Reason
    rank: int
    progress: Progress
    created_at: float
    attempts: int  # made before this one
    unknowns: int  # of them, how many may have reached the person
    fell_back: bool  # the person's next contact has been asked already


class Patience(Struct, frozen=True, kw_only=True):
    """How long a message is tried."""

    backoff: Backoff
    give_up_after_s: float
    fallback_after_s: float
    fallback_failures: int = 2
    unknown_resends: int = 1


class NextMove(Struct, frozen=True):
    """What follows an attempt. `fallback`: ask the person's next contact now, whatever becomes of this one."""

    progress: Progress
    due_at: float
    unknowns: int
    fallback: bool
    why: str


def next_move(owed: Owed, outcome: Outcome, patience: Patience, *, now: float, random: float) -> NextMove:
    """Return what follows this outcome of an attempt; `random` in [0, 1) spreads retries."""
    if isinstance(outcome, Receipt):
        return NextMove(Progress.SENT, now, owed.unknowns, fallback=False, why=outcome.detail)
    if isinstance(outcome, Permanent):
        return NextMove(Progress.FAILED, now, owed.unknowns, fallback=True, why=outcome.reason)
    wait = patience.backoff.delay(owed.attempts + 1, random)
    if isinstance(outcome, Unknown):
        unknowns = owed.unknowns + 1
        over = unknowns > patience.unknown_resends
        return _again_or_failed(owed, patience, now + wait, unknowns, outcome.reason, over=over)
    over = now - owed.created_at >= patience.give_up_after_s
    due_at = now + max(wait, outcome.after_s or 0.0)
    return _again_or_failed(owed, patience, due_at, owed.unknowns, outcome.reason, over=over)


def _again_or_failed(owed: Owed, patience: Patience, due_at: float, unknowns: int, why: str, *, over: bool) -> NextMove:
    if over:
        return NextMove(Progress.FAILED, due_at, unknowns, fallback=True, why=why)
    fallback = owed.attempts + 1 >= patience.fallback_failures or due_at - owed.created_at > patience.fallback_after_s
    return NextMove(Progress.PENDING, due_at, unknowns, fallback=fallback, why=why)
