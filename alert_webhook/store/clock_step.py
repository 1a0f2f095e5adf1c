"""A database clock that was set back: what waited would wait that much longer, so it is set back, too.

How far the clock was is known from the engines' announcements: none of them can have been made in the future.
"""

import sqlalchemy as sa

from alert_webhook.delivery.owed import Progress
from alert_webhook.store.database import Transaction
from alert_webhook.store.incidents import ESCALATE
from alert_webhook.store.schema import notification, timer
from alert_webhook.store.schema_engine import engine_version

TOLERATED_S = 5.0  # less is not worth a change of everything that waits


def set_back_by(tx: Transaction) -> float:
    """Return by how many seconds the clock was set back since an engine announced itself, at least; 0 if it was not."""
    seen_at = tx.execute(sa.select(sa.func.max(engine_version.c.seen_at))).scalar_one()
    ahead_s = 0.0 if seen_at is None else float(seen_at) - tx.now
    return ahead_s if ahead_s > TOLERATED_S else 0.0


def follow(tx: Transaction, by_s: float) -> None:
    """Bring everything that waits, and every lease, `by_s` seconds nearer; the announcements as well, so once only."""
    pending = notification.c.state == Progress.PENDING.value
    leased = notification.c.state == Progress.SENDING.value
    columns = (
        (timer, timer.c.due_at, timer.c.kind == ESCALATE),
        (notification, notification.c.due_at, pending),
        (notification, notification.c.created_at, pending),
        (notification, notification.c.lease_until, leased),
        (engine_version, engine_version.c.seen_at, sa.true()),
    )
    for table, column, where in columns:
        tx.execute(table.update().where(where, column > tx.now).values({column.name: column - by_s}))
