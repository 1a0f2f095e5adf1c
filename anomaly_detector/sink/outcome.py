"""What a receiver's answer to a write means, and how a rejected batch is halved until the good samples are in."""

from collections import deque
from collections.abc import Callable, Iterable
from enum import Enum

import msgspec

from anomaly_detector.sink.wire import Batch

HALVING_REQUESTS = 255  # eight halvings of everything and nothing stored: the bad ones are everywhere, so one by one
HOPELESS_REQUESTS = 511  # and as many single ones, spread over all, refused: the rest goes the same way


class Kind(Enum):
    """What to do next."""

    STORED = "stored"
    REJECTED = "rejected"  # never again as it is: split, or give up
    FULL = "full"  # what is new is refused, the rest of the request is stored: give up, and do not split
    LATER = "later"  # the very same again, after a while


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """A judged answer: `reason` is the stable word for metrics, `wait_s` what the receiver asks for (0: nothing)."""

    kind: Kind
    reason: str = ""
    detail: str = ""
    wait_s: float = 0.0


# Prometheus storage/errors.go. 2.42 answers 400, but 500 for "too old sample": retrying that would never end.
_PERMANENT = (
    ("out of order", "out_of_order"),
    ("duplicate sample", "duplicate"),
    ("out of bounds", "out_of_bounds"),
    ("too old sample", "too_old"),
    ("too far in the future", "future"),
)
# Mimir (and Cortex) pkg/distributor, pkg/ingester: it stores what is good of a request and names the first bad sample
_PERMANENT_MIMIR = (
    ("err-mimir-sample-out-of-order", "out_of_order"),
    ("err-mimir-sample-duplicate-timestamp", "duplicate"),
    ("err-mimir-sample-timestamp-too-old", "too_old"),
    ("err-mimir-too-far-in-past", "too_old"),
    ("err-mimir-too-far-in-future", "future"),
)
# limits of a tenant: to halve would mean hundreds of requests a batch, all to the same effect
_FULL = ("err-mimir-max-series-per-", "err-mimir-max-active-series", "per-user series limit", "per-metric series limit")
_NO_RECEIVER = "remote write receiver needs to be enabled"  # Prometheus 2.42 names a flag that 3.x no longer has
_REMEDY = " (start Prometheus with --web.enable-remote-write-receiver)"
_DENIED = (401, 403, 404, 405, 407)
_LATER = (408, 425, 429)  # all other 4xx are final, by the remote write specification and Thanos' 409


def judge(status: int, text: str, *, retry_after: str = "") -> Outcome:
    """Judge an answer by its status, its text and its Retry-After header (seconds; dates are ignored).

    >>> judge(500, "too old sample").kind.name, judge(503, "").kind.name, judge(400, "out of order sample").reason
    ('REJECTED', 'LATER', 'out_of_order')
    """
    detail = f"HTTP {status}: {' '.join(text.split())[:200]}{_REMEDY if _NO_RECEIVER in text else ''}"
    if 200 <= status < 300:
        return Outcome(kind=Kind.STORED)
    if status < 500 and any(words in text for words in _FULL):
        return Outcome(kind=Kind.FULL, reason="series_limit", detail=detail)
    known = next((reason for words, reason in (*_PERMANENT, *_PERMANENT_MIMIR) if words in text), "")
    if known and (status < 500 or status == 500):
        return Outcome(kind=Kind.REJECTED, reason=known, detail=detail)
    if status == 413:
        return Outcome(kind=Kind.REJECTED, reason="too_large", detail=detail)
    if 400 <= status < 500 and status not in (*_DENIED, *_LATER):
        return Outcome(kind=Kind.REJECTED, reason="refused", detail=detail)
    wait_s = float(retry_after) if retry_after.isdecimal() and len(retry_after) < 6 else 0.0
    if status in _DENIED or 300 <= status < 400:
        return Outcome(kind=Kind.LATER, reason="denied", detail=detail, wait_s=wait_s)
    return Outcome(
        kind=Kind.LATER, reason="throttled" if status == 429 else "unavailable", detail=detail, wait_s=wait_s
    )


class Sent(msgspec.Struct, kw_only=True):
    """How far a batch got: samples stored, samples rejected by reason, and parts to send again later.

    `taken` are the parts stored, `refused` the single samples that were refused by themselves.
    """

    stored: int = 0
    rejected: dict[str, int] = {}
    left: list[Batch] = []
    last: Outcome = Outcome(kind=Kind.STORED)
    requests: int = 0
    taken: list[Batch] = []
    refused: list[Batch] = []


def send(batch: Batch, post: Callable[[Batch], Outcome]) -> Sent:
    """Send a batch; where it is rejected, halve it until what is good is stored and what is bad is alone.

    Large parts go first, so that most of what is good is in soon: twice as many requests as samples at the most. Where
    nothing is taken, neither in halves nor one by one, the rest is given up unseen.
    """
    sent, waiting = Sent(rejected={}, left=[], taken=[], refused=[]), deque([batch])
    while waiting:
        if not sent.stored and sent.requests == HALVING_REQUESTS:
            waiting = deque(_spread(waiting, HOPELESS_REQUESTS - HALVING_REQUESTS))
        if not sent.stored and sent.requests == HOPELESS_REQUESTS:
            _reject(sent, sum(map(len, waiting)), sent.last.reason)
            return sent
        part = waiting.popleft()
        sent.last = post(part)
        sent.requests += 1
        if sent.last.kind is Kind.LATER:
            sent.left = [part, *waiting]
            return sent
        waiting += _decide(sent, part)
    return sent


def _decide(sent: Sent, part: Batch) -> list[Batch]:
    """Reckon with the answer about a part; return its halves where they are to be tried."""
    if sent.last.kind is Kind.STORED:
        sent.stored += len(part)
        sent.taken.append(part)
    elif len(part) == 1 or sent.last.kind is Kind.FULL:
        _reject(sent, len(part), sent.last.reason)
        if len(part) == 1:
            sent.refused.append(part)
    else:
        middle = len(part) // 2
        return [part.part(0, middle), part.part(middle, len(part))]
    return []


def _spread(parts: Iterable[Batch], first: int) -> list[Batch]:
    """Return single samples, `first` of them from everywhere before the others."""
    singles = [one for part in parts for one in part.parts(1)]
    apart = -(-len(singles) // first)
    return [one for start in range(apart) for one in singles[start::apart]]


def _reject(sent: Sent, count: int, reason: str) -> None:
    sent.rejected[reason] = sent.rejected.get(reason, 0) + count
