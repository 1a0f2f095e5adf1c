"""How often a device may be asked: a pure decision with its reason, from what happened before.

Times are monotonic seconds and arguments; randomness is an argument. The table of docs/exporters/safe-for-devices.md
describes these rules.
"""

from collections.abc import Collection, Iterable
from enum import StrEnum
from hashlib import blake2b

from msgspec import Struct, structs

from exporters.metric.samples import Fault
from heronwatch.retry import Backoff
from heronwatch.values import Duration

SILENT = frozenset({"timeout", "stalled", "stray", "unreachable"})
"""Reasons after which a device is left alone for a while."""

JITTER = 0.1
"""The share of each back-off that is random, so that devices behind one failed link do not return together."""


class Reason(StrEnum):
    """Why a device is asked now, later or not at all."""

    READY = "ready"
    SPREAD = "spread"
    INTERVAL = "interval"
    BACKOFF = "backoff"
    STOPPED = "stopped"
    PAUSED = "paused"


class Decision(Struct, frozen=True):
    """Whether to ask now; if not, when to try again (None: not before a person acts)."""

    allowed: bool
    reason: Reason
    again_at: float | None = None


class Pacing(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The limits, `pacing:` in the configuration file."""

    timeouts: int = 2
    """After so many time-outs in a row a device is left alone for `backoff_first`, then twice as long each time."""
    backoff_first: Duration = Duration(10.0)
    backoff_max: Duration = Duration(60.0)
    auth_failures: int = 3
    """After so many refused logins in a row a device is not asked for `auth_retry`: accounts lock."""
    auth_retry: Duration = Duration(1800.0)
    spread: Duration = Duration(5.0)
    """After a start, first scrapes are spread over so long."""
    min_interval: Duration = Duration(0.0)
    """No device is asked more often; a repeated question within it gets the last answer."""

    def config_faults(self) -> Iterable[tuple[str, str]]:
        """Yield what is wrong with the limits."""
        if self.timeouts < 1:
            yield "timeouts", "must be at least 1"
        if self.auth_failures < 1:
            yield "auth_failures", "must be at least 1"
        if not 0 < self.backoff_first <= self.backoff_max:
            yield "backoff_first", "must be above 0 and at most backoff_max"


class History(Struct, frozen=True, kw_only=True):
    """What is remembered of one target by one credential."""

    timeouts: int = 0
    auth_failures: int = 0
    closed_until: float | None = None
    closed_by: Reason = Reason.BACKOFF
    asked_at: float | None = None


NEW = History()


def decide(
    history: History, pacing: Pacing, *, now: float, started_at: float, share: float, min_interval: float
) -> Decision:
    """Say whether a target may be asked at `now`.

    `share` (0 to 1) is the target's own place in the spread after `started_at`.

    >>> decide(NEW, Pacing(), now=101.0, started_at=100.0, share=0.5, min_interval=0).again_at
    102.5
    >>> decide(NEW, Pacing(), now=106.0, started_at=100.0, share=0.5, min_interval=0).allowed
    True
    """
    if history.closed_until is not None and now < history.closed_until:
        return Decision(False, history.closed_by, history.closed_until)
    if history.asked_at is None:
        slot = started_at + pacing.spread * share
        return Decision(True, Reason.READY) if now >= slot else Decision(False, Reason.SPREAD, slot)
    if now < history.asked_at + min_interval:
        return Decision(False, Reason.INTERVAL, history.asked_at + min_interval)
    return Decision(True, Reason.READY)


def asked(history: History, *, now: float) -> History:
    """Remember that the target is being asked."""
    return structs.replace(history, asked_at=now)


def after(
    history: History,
    pacing: Pacing,
    *,
    faults: Collection[Fault],
    answered: bool,
    now: float,
    random: float,
) -> History:
    """Remember what came of it. `answered`: the device gave at least one sample, so it is neither silent nor closed."""
    reasons = {fault.reason for fault in faults}
    if "auth" in reasons:
        return _refused(history, pacing, now)
    if reasons & SILENT and not answered:
        return _silent(history, pacing, now, random)
    return History(asked_at=history.asked_at)


def _refused(history: History, pacing: Pacing, now: float) -> History:
    count = history.auth_failures + 1
    until = now + pacing.auth_retry if count >= pacing.auth_failures else None
    return structs.replace(history, auth_failures=count, timeouts=0, closed_until=until, closed_by=Reason.STOPPED)


def _silent(history: History, pacing: Pacing, now: float, random: float) -> History:
    count = history.timeouts + 1
    until = None
    if count >= pacing.timeouts:
        backoff = Backoff(first_s=pacing.backoff_first, factor=2.0, cap_s=pacing.backoff_max, jitter=JITTER)
        until = now + backoff.delay(count - pacing.timeouts + 1, random)
    return structs.replace(history, timeouts=count, closed_until=until, closed_by=Reason.BACKOFF)


def share_of(key: str) -> float:
    """Return a target's place in the spread: from 0 to 1, the same in every process.

    >>> 0 <= share_of("10.0.0.1:161") < 1
    True
    """
    return int.from_bytes(blake2b(key.encode(), digest_size=4).digest()) / 2**32
