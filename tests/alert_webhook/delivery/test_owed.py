"""What follows an attempt: a table."""

import pytest

from alert_webhook.delivery.channel import Outcome, Permanent, Reason, Receipt, Retry, Unknown
from alert_webhook.delivery.owed import NextMove, Owed, Patience, Progress, next_move
from heronwatch.retry import Backoff

NOW = 1000.0
PATIENCE = Patience(
    backoff=Backoff(first_s=5.0, factor=2.0, cap_s=300.0, jitter=0.0), give_up_after_s=1800.0, fallback_after_s=60.0
)


def owed(*, attempts: int = 0, unknowns: int = 0, age_s: float = 0.0) -> Owed:
    return Owed(
        id=1, uid="u", incident_id=1, cycle=1, step=1, person="ana", contact="sms", reason=Reason.PAGE, rank=0,
        progress=Progress.SENDING, created_at=NOW - age_s, attempts=attempts, unknowns=unknowns, fell_back=False,
    )  # fmt: skip


def move(outcome: Outcome, *, attempts: int = 0, unknowns: int = 0, age_s: float = 0.0) -> NextMove:
    before = owed(attempts=attempts, unknowns=unknowns, age_s=age_s)
    return next_move(before, outcome, PATIENCE, now=NOW, random=0.5)


@pytest.mark.parametrize(
    ("outcome", "before", "progress", "wait_s", "fallback"),
    [
        (Receipt("id"), {}, Progress.SENT, 0, False),
        (Permanent("no"), {}, Progress.FAILED, 0, True),
        (Retry("busy"), {}, Progress.PENDING, 5, False),
        (Retry("busy", after_s=2.0), {}, Progress.PENDING, 5, False),
        (Retry("busy", after_s=30.0), {}, Progress.PENDING, 30, False),
        (Retry("busy", after_s=90.0), {}, Progress.PENDING, 90, True),
        (Retry("busy"), {"attempts": 1}, Progress.PENDING, 10, True),
        (Retry("busy"), {"attempts": 9}, Progress.PENDING, 300, True),
        (Retry("busy"), {"age_s": 58.0}, Progress.PENDING, 5, True),
        (Retry("busy"), {"age_s": 1800.0, "attempts": 9}, Progress.FAILED, 300, True),
        (Unknown("timeout"), {}, Progress.PENDING, 5, False),
        (Unknown("timeout"), {"attempts": 1, "unknowns": 1}, Progress.FAILED, 10, True),
    ],
)
def test_next_move(
    outcome: Outcome, before: dict[str, float], progress: Progress, wait_s: float, fallback: bool
) -> None:
    found = move(outcome, **before)  # type: ignore[arg-type]
    assert (found.progress, found.due_at - NOW, found.fallback) == (progress, wait_s, fallback)


def test_an_unknown_answer_is_remembered() -> None:
    assert move(Unknown("timeout")).unknowns == 1
    assert move(Retry("busy"), unknowns=1).unknowns == 1
