"""The figures of /metrics that are asked of the database at scrape time; each statement is bounded by an index."""

import sqlalchemy as sa
from msgspec import Struct

from alert_webhook.delivery.owed import Progress
from alert_webhook.incidents.transitions import OPEN
from alert_webhook.store.database import Transaction
from alert_webhook.store.incidents import ACK, ESCALATE, next_due
from alert_webhook.store.schema import incident, notification

TIMERS = (ESCALATE, ACK)  # by kind: the index begins with it


class Counts(Struct, frozen=True):
    """What is open and what is late. Seconds are 0 where nothing is late."""

    incidents: dict[str, int]  # open ones by state
    outbox_pending: int
    oldest_due_s: float
    timers_overdue_s: float


def counts(tx: Transaction) -> Counts:
    """Return the figures as they are now."""
    open_states = sorted(state.value for state in OPEN)
    grouped = (
        sa.select(incident.c.state, sa.func.count()).where(incident.c.state.in_(open_states)).group_by(incident.c.state)
    )
    found = {state: int(number) for state, number in tx.execute(grouped)}
    waiting = notification.c.state.in_((Progress.PENDING.value, Progress.SENDING.value))
    pending, oldest = tx.execute(sa.select(sa.func.count(), sa.func.min(notification.c.due_at)).where(waiting)).one()
    timer_due = min((at for kind in TIMERS if (at := next_due(tx, kind)) is not None), default=None)
    return Counts(
        incidents={state: found.get(state, 0) for state in open_states},
        outbox_pending=int(pending),
        oldest_due_s=max(0.0, tx.now - oldest) if oldest is not None else 0.0,
        timers_overdue_s=max(0.0, tx.now - timer_due) if timer_due is not None else 0.0,
    )
