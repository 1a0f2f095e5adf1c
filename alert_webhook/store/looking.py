"""What the engine looks at before each turn, in one statement: what is due when."""

import math

import sqlalchemy as sa
from msgspec import Struct

from alert_webhook.delivery.owed import Progress
from alert_webhook.store.database import Transaction
from alert_webhook.store.incidents import ESCALATE
from alert_webhook.store.schema import notification, timer


class Look(Struct, frozen=True, kw_only=True):
    """When the next step and the next message are due, in Unix seconds; None: nothing waits."""

    now: float
    step_at: float | None
    message_at: float | None

    @property
    def step_due(self) -> bool:
        """Whether a step of escalation is due."""
        return self.step_at is not None and self.step_at <= self.now

    @property
    def message_due(self) -> bool:
        """Whether a message is due, or a lease over."""
        return self.message_at is not None and self.message_at <= self.now

    @property
    def next_at(self) -> float:
        """When something is due, infinity for never."""
        return min((at for at in (self.step_at, self.message_at) if at is not None), default=math.inf)


def _least(column: sa.ColumnElement[float], where: sa.ColumnElement[bool]) -> sa.ScalarSelect[float]:
    return sa.select(sa.func.min(column)).where(where).scalar_subquery()


_LOOK = sa.select(
    _least(timer.c.due_at, timer.c.kind == ESCALATE),
    _least(notification.c.due_at, notification.c.state == Progress.PENDING.value),
    _least(notification.c.lease_until, notification.c.state == Progress.SENDING.value),
)


def look(tx: Transaction) -> Look:
    """Return what is due when."""
    step_at, due_at, lease_until = tx.execute(_LOOK).one()
    waiting = [float(at) for at in (due_at, lease_until) if at is not None]
    return Look(now=tx.now, step_at=step_at, message_at=min(waiting, default=None))
