"""Statements of the auditor and of what else the webhook watches; each is bounded by an index."""

from collections.abc import Sequence

import sqlalchemy as sa

from alert_webhook.delivery.owed import Progress
from alert_webhook.incidents.transitions import State
from alert_webhook.store.counts import TIMERS
from alert_webhook.store.database import Transaction
from alert_webhook.store.incidents import next_due
from alert_webhook.store.schema import alert, incident, notification
from alert_webhook.store.schema_engine import oncall_seen
from alert_webhook.store.statements import from_json, insert_or_keep
from alert_webhook.watch.lateness import Lateness


def lateness(tx: Transaction) -> Lateness:
    """Return how late the most overdue timer, message and lease are: the first entry of an index each."""
    waits, sending = (notification.c.state == each.value for each in (Progress.PENDING, Progress.SENDING))
    timers = [next_due(tx, kind) for kind in TIMERS]
    return Lateness(
        timer_s=max((_late(tx, at) for at in timers), default=0.0),
        message_s=_late(tx, _first(tx, sa.select(sa.func.min(notification.c.due_at)).where(waits))),
        lease_s=_late(tx, _first(tx, sa.select(sa.func.min(notification.c.lease_until)).where(sending))),
    )


def alert_ids(tx: Transaction, integration: str, name: str, *, limit: int = 20) -> list[int]:
    """Return the alerts of this name, those seen last first."""
    where = (alert.c.integration == integration) & (alert.c.name == name)
    return list(
        tx.execute(sa.select(alert.c.id).where(where).order_by(alert.c.last_seen_at.desc()).limit(limit)).scalars()
    )


def last_seen(tx: Transaction, ids: Sequence[int]) -> float | None:
    """Return when the newest of these alerts was last said to fire; None when none of them fires."""
    where = alert.c.id.in_(ids) & alert.c.firing
    return _first(tx, sa.select(sa.func.max(alert.c.last_seen_at)).where(where))


def own_firing(tx: Transaction, integration: str) -> list[tuple[dict[str, str], str]]:
    """Return the labels of every alert of ours that fires, and the state of its incident ("" without one)."""
    statement = (
        sa.select(alert.c.labels, incident.c.state)
        .select_from(alert.outerjoin(incident, incident.c.id == alert.c.incident_id))
        .where(alert.c.integration == integration, alert.c.firing)
    )
    return [(from_json(labels, dict[str, str]), state or "") for labels, state in tx.execute(statement)]


def incident_of(tx: Transaction, integration: str, fingerprint: str) -> int | None:
    """Return the incident that an alert of ours belongs to now."""
    where = (alert.c.integration == integration) & (alert.c.fingerprint == fingerprint)
    return tx.execute(sa.select(alert.c.incident_id).where(where)).scalar_one_or_none()


def on_call_before(tx: Transaction) -> dict[str, str]:
    """Return who was on call, by schedule, when it was last looked at."""
    return {row.schedule: row.person for row in tx.execute(sa.select(oncall_seen.c.schedule, oncall_seen.c.person))}


def take_over(tx: Transaction, schedule: str, before: str | None, after: str) -> bool:
    """Write down who is on call now; False where another replica did so first."""
    if before is None:
        row = {"schedule": schedule, "person": after, "since_at": tx.now}
        return bool(tx.execute(insert_or_keep(tx, oncall_seen).values(row)).rowcount)
    where = (oncall_seen.c.schedule == schedule) & (oncall_seen.c.person == before)
    return bool(tx.execute(oncall_seen.update().where(where).values(person=after, since_at=tx.now)).rowcount)


ACKNOWLEDGED = State.ACKNOWLEDGED.value


def _first(tx: Transaction, statement: sa.Select[tuple[float | None]]) -> float | None:
    found = tx.execute(statement).scalar_one()
    return None if found is None else float(found)


def _late(tx: Transaction, due_at: float | None) -> float:
    return 0.0 if due_at is None else max(0.0, tx.now - due_at)
