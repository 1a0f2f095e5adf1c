"""Statements about messages that were kept back in shadow mode."""

import sqlalchemy as sa

from alert_webhook.escalation.policy import Policy
from alert_webhook.oncall.wall import Zone
from alert_webhook.shadow.channels import REFERENCE
from alert_webhook.shadow.report import Day, WouldBe, bounds, days_between
from alert_webhook.store.database import Transaction
from alert_webhook.store.schema import delivery, incident, notification
from alert_webhook.store.statements import from_json

MOST = 10_000
MOST_DAYS = 7  # told of at once, after a long rest


def days(tx: Transaction, since: float, until: float, zone: Zone) -> tuple[Day, ...]:
    """Return what was kept back on each day from one midnight up to another, of a week at most."""
    wanted = days_between(since, until, zone, most=MOST_DAYS)
    return tuple(Day(day, kept_back(tx, *bounds(day, zone))) for day in wanted)


def kept_back(tx: Transaction, begins: float, ends: float) -> tuple[WouldBe, ...]:
    """Return what was kept back in a span of time, oldest first, at most 10,000."""
    columns = (
        delivery.c.started_at, notification.c.person, notification.c.contact, notification.c.reason,
        notification.c.step, incident.c.integration, incident.c.code, incident.c.title, incident.c.severity,
        incident.c.policy,
    )  # fmt: skip
    statement = (
        sa.select(*columns)
        .select_from(delivery)
        .join(notification, notification.c.id == delivery.c.notification_id)
        .join(incident, incident.c.id == notification.c.incident_id)
        .where(delivery.c.reference == REFERENCE, delivery.c.started_at >= begins, delivery.c.started_at < ends)
        .order_by(delivery.c.started_at, delivery.c.id)
        .limit(MOST)
    )
    return tuple(
        WouldBe(
            at=row.started_at,
            integration=row.integration,
            person=row.person,
            contact=row.contact,
            reason=row.reason,
            step=row.step,
            incident=row.code,
            title=row.title,
            severity=row.severity,
            policy=from_json(row.policy, Policy).name if row.policy else "",
        )
        for row in tx.execute(statement)
    )
