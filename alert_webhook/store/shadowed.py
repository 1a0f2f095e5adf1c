"""Statements about messages that were kept back in shadow mode."""

from collections.abc import Collection, Iterable

import sqlalchemy as sa

from alert_webhook.config import Config
from alert_webhook.delivery.channel import IncidentView
from alert_webhook.delivery.owed import Owed, Progress
from alert_webhook.escalation.policy import Policy
from alert_webhook.incidents.transitions import OPEN
from alert_webhook.oncall.wall import Zone
from alert_webhook.shadow.channels import NOT_SENT, REFERENCE
from alert_webhook.shadow.realm import in_shadow
from alert_webhook.shadow.report import Day, WouldBe, bounds, days_between
from alert_webhook.store.database import Transaction
from alert_webhook.store.notifications import PAGES
from alert_webhook.store.schema import delivery, incident, notification
from alert_webhook.store.statements import chunks, from_json

MOST = 10_000
MOST_DAYS = 7  # told of at once, after a long rest
_A_PAGE = notification.c.reason.in_(PAGES)
_ON_PAPER = (notification.c.state == Progress.SENT.value) & (notification.c.detail == NOT_SENT)
_REAL = (notification.c.detail != NOT_SENT) & (
    (notification.c.state == Progress.SENT.value)
    | ((notification.c.state != Progress.SENDING.value) & (notification.c.unknowns > 0))
)


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


def shadows_of(tx: Transaction, config: Config, shown: Iterable[IncidentView]) -> set[int]:
    """Return about which of these incidents nobody is contacted.

    Those whose pages went out before their integration went into shadow stay what they are until they end.
    """
    ids = {view.id for view in shown if in_shadow(config, view)}
    return ids - _really_paged(tx, ids)


def only_on_paper(tx: Transaction, owed: Owed, *, shadow: bool) -> bool:
    """Return whether the contact of a resolve notice was paged on paper only; `shadow`: nobody is contacted now."""
    where = _A_PAGE & (notification.c.incident_id == owed.incident_id)
    statement = sa.select(_REAL, _ON_PAPER).where(
        where, notification.c.person == owed.person, notification.c.contact == owed.contact
    )
    pages = list(tx.execute(statement))
    return not any(real for real, _ in pages) and (shadow or any(on_paper for _, on_paper in pages))


def paged_on_paper(tx: Transaction, live: Collection[str], limit: int) -> list[int]:
    """Return open incidents of these integrations whose pages were kept back, the oldest first."""
    if tx.execute(sa.select(delivery.c.id).where(delivery.c.reference == REFERENCE).limit(1)).first() is None:
        return []  # nothing ever was: an index says so
    kept = sa.exists().where(notification.c.incident_id == incident.c.id, _A_PAGE, _ON_PAPER)
    statement = (
        sa.select(incident.c.id)
        .where(incident.c.state.in_([state.value for state in OPEN]), incident.c.integration.in_(live), kept)
        .order_by(incident.c.id)
        .limit(limit)
    )
    return list(tx.execute(statement).scalars())


def forget_paper(tx: Transaction, ids: Collection[int]) -> None:
    """Let what was kept back about these incidents count for nothing any longer; the report still knows it."""
    for some in chunks(sorted(ids)):
        where = notification.c.incident_id.in_(some) & _ON_PAPER
        tx.execute(notification.update().where(where).values(state=Progress.CANCELLED.value))


def _really_paged(tx: Transaction, ids: Collection[int]) -> set[int]:
    """Return about which of these incidents a page went out, or may have."""
    found: set[int] = set()
    for some in chunks(sorted(ids)):
        statement = sa.select(notification.c.incident_id).where(notification.c.incident_id.in_(some), _A_PAGE, _REAL)
        found.update(tx.execute(statement.distinct()).scalars())
    return found
